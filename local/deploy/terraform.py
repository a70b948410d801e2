"""Terraform's commands, each run in infra/ with this project's own working files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.deploy.plan import Plan
from local.deploy.trouble import told
from local.deploy.world import Command, Ran, Shell, Stopped

STATE_PREFIX = "reelay"
QUIET = ("-input=false", "-no-color")
LOCKED = "-lock-timeout=60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """`folder`: infra/. `work`: where the plan, the settings and plugins are kept."""

    shell: Shell
    folder: Path
    work: Path

    @property
    def settings(self) -> Path:
        return self.work / "settings.tfvars.json"

    @property
    def _plan_file(self) -> Path:
        return self.work / "plan"

    @property
    def _variables(self) -> str:
        return f"-var-file={self.settings}"

    def use(self, settings: Mapping[str, Any]) -> None:
        """Take these as the variables."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(json.dumps(settings))

    def init(self, bucket: str) -> None:
        where = (f"bucket={bucket}", f"prefix={STATE_PREFIX}")
        backend = [f"-backend-config={each}" for each in where]
        self._need("init", *QUIET, "-reconfigure", *backend)

    def plan(self, *, destroy: bool = False) -> Plan:
        mode = ("-destroy",) if destroy else ()
        out = f"-out={self._plan_file}"
        self._need("plan", *QUIET, LOCKED, self._variables, out, *mode)
        shown = self._need("show", "-json", str(self._plan_file))
        return Plan.parse(json.loads(shown.stdout))

    def apply(self) -> Ran:
        """Exactly the plan that was made last."""
        return self._run("apply", *QUIET, LOCKED, str(self._plan_file), shown=True)

    def outputs(self) -> Mapping[str, Any]:
        """Their values by name; none where nothing was applied yet."""
        found = json.loads(self._need("output", "-json", "-no-color").stdout)
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> Sequence[str]:
        """Addresses; none where there is no state yet."""
        return self._run("state", "list").stdout.splitlines()

    def take_over(self, address: str, import_id: str) -> None:
        self._need("import", *QUIET, LOCKED, self._variables, address, import_id)

    def let_go(self, addresses: Sequence[str]) -> None:
        self._need("state", "rm", LOCKED, *addresses)

    def _need(self, *words: str) -> Ran:
        ran = self._run(*words)
        if not ran.ok:
            raise Stopped(told(ran.stderr, self.work) or ran.stderr.strip())
        return ran

    def _run(self, *words: str, shown: bool = False) -> Ran:
        self.work.mkdir(parents=True, exist_ok=True)
        environment = {
            "TF_DATA_DIR": str(self.work / "terraform"),
            "TF_IN_AUTOMATION": "1",
        }
        return self.shell.run(
            Command(
                words=("terraform", *words),
                folder=self.folder,
                environment=environment,
                shown=shown,
            )
        )

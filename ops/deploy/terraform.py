"""Terraform's commands, each run in infra/ with this project's own working files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.deploy.patience import Patience
from ops.deploy.plan import (
    Change,
    Plan,
)
from ops.deploy.trouble import told
from ops.deploy.world import (
    Command,
    Ran,
    Stopped,
    World,
)

STATE_PREFIX = "reelay"
QUIET = ("-input=false", "-no-color")
LOCKED = "-lock-timeout=60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """`folder`: infra/. `work`: the plan, the settings, plugins; all is made again."""

    world: World
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
        """Take these as the variables; without a budget where they name none."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(json.dumps({"enable_budget": False, **settings}))

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

    def manual_override(self, change: Change) -> str:
        """The sentence for what is there already and can't be taken over from here."""
        return (
            f"{change.address} is there already. Take it over with its ID, as "
            f"Terraform's page of {change.kind} has it: cd {self.folder} && "
            f"TF_DATA_DIR={self.work}/terraform terraform import {self._variables} "
            f"'{change.address}' ID"
        )

    def let_go(self, addresses: Sequence[str]) -> None:
        self._need("state", "rm", LOCKED, *addresses)

    def _need(self, *words: str) -> Ran:
        """Also right after an API was enabled: what passes by itself is waited for."""
        patience = Patience(self.world)
        while not (ran := self._run(*words)).ok:
            sentence = told(ran.stderr, self.work)
            if sentence or not patience.outlasts(ran.stderr):
                raise Stopped(sentence or ran.stderr.strip())
        return ran

    def _run(self, *words: str, shown: bool = False) -> Ran:
        self.work.mkdir(parents=True, exist_ok=True)
        environment = {
            "TF_DATA_DIR": str(self.work / "terraform"),
            "TF_IN_AUTOMATION": "1",
        }
        return self.world.shell.run(
            Command(
                words=("terraform", *words),
                folder=self.folder,
                environment=environment,
                shown=shown,
            )
        )

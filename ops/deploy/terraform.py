"""Runs Terraform in infra/, with working files of this project's own."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops.deploy.context import Command, CommandResult, Context, DeployError
from ops.deploy.failures import next_step, retry_transient
from ops.deploy.plan import Plan

LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
STATE_PREFIX = "reelay"
QUIET = ("-input=false", "-no-color")
LOCK_TIMEOUT = "-lock-timeout=60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """`folder`: infra/. `work`: plan, settings and plug-ins, all of them disposable.

    `has_state`: whether the state is in a bucket.
    """

    context: Context
    folder: Path
    work: Path
    has_state: bool = True

    @property
    def settings(self) -> Path:
        return self.work / "settings.tfvars.json"

    def write_variables(self, settings: Mapping[str, Any]) -> None:
        """Write the variables; there is no budget unless they enable it."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(json.dumps({"enable_budget": False, **settings}))

    def init(self, bucket: str) -> None:
        where = (f"bucket={bucket}", f"prefix={STATE_PREFIX}")
        backend = [f"-backend-config={each}" for each in where if self.has_state]
        self._run_or_fail("init", *QUIET, "-reconfigure", *backend)

    def plan(self, *, destroy: bool = False) -> Plan:
        mode = ("-destroy",) if destroy else ()
        file = str(self.work / "plan")
        variables = f"-var-file={self.settings}"
        self._run_or_fail(
            "plan", *QUIET, LOCK_TIMEOUT, variables, f"-out={file}", *mode
        )
        return Plan.parse(self._run_or_fail("show", "-json", file).json())

    def without_state(self) -> "Terraform":
        """Runs in a copy of infra/ without a bucket, as before the first deploy."""
        root = self.work / "first"
        shutil.rmtree(root, ignore_errors=True)
        infra = root / self.folder.name
        hidden = shutil.ignore_patterns(".terraform")
        shutil.copytree(self.folder, infra, ignore=hidden)
        # infra/ reads files of the folders beside it.
        for place in self.folder.parent.iterdir():
            if place != self.folder:
                (root / place.name).symlink_to(place.resolve())
        (infra / "backend_override.tf").write_text(LOCAL_STATE)
        return replace(self, folder=infra, has_state=False)

    def show(self) -> None:
        """Print a plan as Terraform formats it, without locking the state."""
        variables = f"-var-file={self.settings}"
        result = self._run("plan", *QUIET, "-lock=false", variables, shown=True)
        if not result.ok:
            raise DeployError(next_step(result.stderr, self.work))

    def apply(self) -> CommandResult:
        """Apply exactly the last plan."""
        return self._run(
            "apply", *QUIET, LOCK_TIMEOUT, str(self.work / "plan"), shown=True
        )

    def outputs(self) -> Mapping[str, Any]:
        """Values by name; empty before the first apply."""
        found = self._run_or_fail("output", "-json", "-no-color").json()
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> Sequence[str]:
        """Resource addresses; empty if there is no state yet."""
        return self._run("state", "list").stdout.splitlines()

    def forget(self, addresses: Sequence[str]) -> None:
        """Drop the resources from the state without destroying them."""
        self._run_or_fail("state", "rm", LOCK_TIMEOUT, *addresses)

    def _run_or_fail(self, *argv: str) -> CommandResult:
        result = retry_transient(self.context, lambda: self._run(*argv), self.work)
        if not result.ok:
            self.context.console.say(result.stderr.strip())
            raise DeployError(next_step(result.stderr, self.work))
        return result

    def _run(self, *argv: str, shown: bool = False) -> CommandResult:
        self.work.mkdir(parents=True, exist_ok=True)
        environment = {
            "TF_DATA_DIR": str(self.work / "terraform"),
            "TF_IN_AUTOMATION": "1",
        }
        return self.context.shell.run(
            Command(
                argv=("terraform", *argv),
                folder=self.folder,
                environment=environment,
                shown=shown,
            )
        )

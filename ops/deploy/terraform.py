"""Terraform's commands, each run in infra/ with this project's own working files."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ops.deploy.failures import patiently, sentence
from ops.deploy.plan import Plan
from ops.deploy.world import Command, Ran, Stopped, World

LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'
STATE_PREFIX = "reelay"
# The checksums of the providers: `make providers`.
LOCK = ".terraform.lock.hcl"
QUIET = ("-input=false", "-no-color")
LOCKED = "-lock-timeout=60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """`folder`: infra/. `work`: plan, settings, plug-ins; all of it is made again.

    `has_state`: there is a bucket with the state, or there will be.
    """

    world: World
    folder: Path
    work: Path
    has_state: bool = True

    @property
    def settings(self) -> Path:
        return self.work / "settings.tfvars.json"

    def use(self, settings: Mapping[str, Any]) -> None:
        """Take these as the variables; without a budget where they name none."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.settings.write_text(json.dumps({"enable_budget": False, **settings}))

    def init(self, bucket: str) -> None:
        where = (f"bucket={bucket}", f"prefix={STATE_PREFIX}")
        backend = [f"-backend-config={each}" for each in where if self.has_state]
        self._need("init", *QUIET, "-reconfigure", *backend)

    def plan(self, *, destroy: bool = False) -> Plan:
        mode = ("-destroy",) if destroy else ()
        file = str(self.work / "plan")
        variables = f"-var-file={self.settings}"
        self._need("plan", *QUIET, LOCKED, variables, f"-out={file}", *mode)
        return Plan.parse(json.loads(self._need("show", "-json", file).stdout))

    def without_state(self) -> "Terraform":
        """In a copy of the folder, as before the first deploy: no bucket is asked."""
        root = self.work / "first"
        shutil.rmtree(root, ignore_errors=True)
        infra = root / self.folder.name
        infra.mkdir(parents=True)
        beside = (each for each in self.folder.parent.iterdir() if each != self.folder)
        for places, into in ((beside, root), (self.folder.iterdir(), infra)):
            for place in places:
                if not place.name.startswith(".terraform"):
                    (into / place.name).symlink_to(place.resolve())
        # A copy, because Terraform writes into it.
        if (lock := self.folder / LOCK).exists():
            shutil.copy(lock, infra)
        (infra / "backend_override.tf").unlink(missing_ok=True)
        (infra / "backend_override.tf").write_text(LOCAL_STATE)
        return replace(self, folder=infra, has_state=False)

    def show(self) -> None:
        """A plan in Terraform's own words, to the terminal. The state isn't locked."""
        variables = f"-var-file={self.settings}"
        ran = self._run("plan", *QUIET, "-lock=false", variables, shown=True)
        if not ran.ok:
            raise Stopped(sentence(ran.stderr, self.work))

    def apply(self) -> Ran:
        """Exactly the plan that was made last."""
        return self._run("apply", *QUIET, LOCKED, str(self.work / "plan"), shown=True)

    def outputs(self) -> Mapping[str, Any]:
        """Their values by name; empty where nothing was applied yet."""
        found = json.loads(self._need("output", "-json", "-no-color").stdout)
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> Sequence[str]:
        """Addresses; empty where there is no state yet."""
        return self._run("state", "list").stdout.splitlines()

    def let_go(self, addresses: Sequence[str]) -> None:
        self._need("state", "rm", LOCKED, *addresses)

    def _need(self, *words: str) -> Ran:
        ran = patiently(self.world, lambda: self._run(*words), self.work)
        if not ran.ok:
            self.world.person.say(ran.stderr.strip())
            raise Stopped(sentence(ran.stderr, self.work))
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

"""A plan shown, agreed to and applied, and what happens when the apply fails."""

from collections.abc import Callable

from ops.deploy import existing
from ops.deploy.patience import Patience
from ops.deploy.plan import (
    Change,
    Plan,
)
from ops.deploy.terraform import Terraform
from ops.deploy.trouble import (
    UNFORESEEN,
    GiveUp,
    Remedy,
    TakeOver,
    Wait,
    remedies,
)
from ops.deploy.world import (
    Stopped,
    World,
)

LET_IN = Callable[[str], None]
MOST_REMEDIES = 30


class Applying:
    """`let_exist(name)` notes that infra/ shall import what is there already."""

    def __init__(
        self, world: World, terraform: Terraform, project: str, let_exist: LET_IN
    ) -> None:
        self._world, self._terraform, self._project = world, terraform, project
        self._let_exist = let_exist

    def run(self) -> None:
        """Until what is written in infra/ is so; quick where it is already."""
        plan = self._terraform.plan()
        if plan.is_empty:
            self._world.person.say("  Nothing to change.")
            return
        self._agree(plan)
        self._apply(plan)

    def restart(self) -> None:
        """New revisions of the functions, agreed to with their keys; more is asked."""
        plan = self._terraform.plan()
        if not plan.only_updates(existing.FUNCTION):
            self._agree(plan)
        self._apply(plan)

    def _agree(self, plan: Plan) -> None:
        for line in plan.summary():
            self._world.person.say(f"  {line}")
        if not self._world.person.agrees("Apply this plan?"):
            raise Stopped("Nothing was applied.")

    def _apply(self, agreed: Plan) -> None:
        plan, patience = agreed, Patience(self._world)
        for _ in range(MOST_REMEDIES):
            ran = self._terraform.apply()
            if ran.ok:
                return
            for each in remedies(ran.stderr, plan, self._terraform.work):
                self._fix(each, ran.stderr, patience)
            plan = self._terraform.plan()
            if plan.is_empty:
                return
            if not plan.is_part_of(agreed):
                self._agree(plan)
                agreed = plan
        raise Stopped(UNFORESEEN)

    def _fix(self, remedy: Remedy, stderr: str, patience: Patience) -> None:
        match remedy:
            case GiveUp(told=told):
                raise Stopped(told)
            case TakeOver(change=change):
                self._take_over(change)
            case Wait():
                if not patience.outlasts(stderr):
                    raise Stopped(UNFORESEEN)

    def _take_over(self, change: Change) -> None:
        """One that Terraform made and forgot, as it was killed, or that outlived it."""
        if name := existing.BY_CONFIGURATION.get(change.kind):
            self._world.person.say(f"  {name} is there already: taken over.")
            self._let_exist(name)
            return
        try:
            import_id = existing.import_id(self._world, self._project, change)
        except KeyError:
            raise Stopped(self._terraform.manual_override(change)) from None
        if import_id:
            self._world.person.say(f"  {change.address} is there already: taken over.")
            self._terraform.take_over(change.address, import_id)

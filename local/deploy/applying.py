"""A plan shown, agreed to and applied, and what happens when the apply fails."""

from collections import Counter
from collections.abc import Callable

from local.deploy.plan import Plan
from local.deploy.terraform import Terraform
from local.deploy.trouble import (
    UNFORESEEN,
    Existing,
    GiveUp,
    TakeOver,
    Wait,
    remedy,
)
from local.deploy.world import Stopped, World

LET_IN = Callable[[str], None]
# What outlives a destroy, and so may be there before its first apply.
KEPT_BUCKET = "google_storage_bucket"
FUNCTION = "google_cloudfunctions2_function"
MOST_REMEDIES = 30


class Applying:
    """`let_exist(name)` notes that infra/ shall import what is there already."""

    def __init__(
        self, world: World, terraform: Terraform, project: str, let_exist: LET_IN
    ) -> None:
        self._world, self._terraform, self._project = world, terraform, project
        self._let_exist = let_exist
        self._tries: Counter[str] = Counter()

    def run(self) -> None:
        """Until what is written in infra/ is so; quick where it is already."""
        plan = self._take_over_buckets(self._terraform.plan())
        if plan.is_empty:
            self._world.person.say("  Nothing to change.")
            return
        self._agree(plan)
        self._apply(plan)

    def restart(self) -> None:
        """New revisions of the functions, agreed to with their keys; more is asked."""
        plan = self._terraform.plan()
        if not plan.only_updates(FUNCTION):
            self._agree(plan)
        self._apply(plan)

    def _take_over_buckets(self, plan: Plan) -> Plan:
        there = [
            change
            for change in plan.changes
            if change.kind == KEPT_BUCKET
            and change.actions == ("create",)
            and self._is_there(change.after["name"])
        ]
        for change in there:
            self._world.person.say(f"  {change.after['name']} is there: taken over.")
            self._terraform.take_over(change.address, change.after["name"])
        return self._terraform.plan() if there else plan

    def _is_there(self, bucket: str) -> bool:
        place = f"gs://{bucket}"
        return self._world.run("gcloud", "storage", "buckets", "describe", place).ok

    def _agree(self, plan: Plan) -> None:
        for line in plan.summary():
            self._world.person.say(f"  {line}")
        if not self._world.person.agrees("Apply this plan?"):
            raise Stopped("Nothing was applied.")

    def _apply(self, agreed: Plan) -> None:
        plan = agreed
        for _ in range(MOST_REMEDIES):
            ran = self._terraform.apply()
            if ran.ok:
                return
            self._mend(ran.stderr, plan)
            plan = self._terraform.plan()
            if plan.is_empty:
                return
            if not plan.is_part_of(agreed):
                self._agree(plan)
                agreed = plan
        raise Stopped(UNFORESEEN)

    def _mend(self, stderr: str, plan: Plan) -> None:
        say = self._world.person.say
        match remedy(stderr, plan, self._terraform.work, self._project):
            case GiveUp(told=told):
                raise Stopped(told)
            case TakeOver(address=address, import_id=import_id):
                say(f"  {address} is there already: taken over.")
                self._terraform.take_over(address, import_id)
            case Existing(name=name):
                say(f"  {name} is there already: taken over.")
                self._let_exist(name)
            case Wait() as wait:
                self._wait(wait)

    def _wait(self, wait: Wait) -> None:
        self._tries[wait.why] += 1
        if self._tries[wait.why] > wait.tries:
            raise Stopped(UNFORESEEN)
        self._world.person.say(
            f"  That passes by itself ({wait.why}): again in {wait.seconds} s."
        )
        self._world.wait_seconds(wait.seconds)

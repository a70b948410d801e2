"""`make deploy`: all its steps in order, each safe to repeat."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.deploy import choices as chosen
from ops.deploy import keys, smoke
from ops.deploy.bootstrap import (
    enable_apis,
    make_state_bucket,
    owns_bucket,
    state_bucket,
    there_is_a_state_bucket,
)
from ops.deploy.checks import (
    HERE,
    ONCE_ENABLED,
    Check,
    Facts,
    Target,
    budget_may_be_set,
    currency,
    found,
)
from ops.deploy.failures import sentence, waits_for
from ops.deploy.plan import Plan
from ops.deploy.terraform import Terraform
from ops.deploy.world import Stopped, World

# There is no page to host yet.
OF_THE_PAGE = ("web_config", "web_url")
NO_BUDGET = (
    "  Warning: this account may not see the budgets of the billing account {account}, "
    "so there will be no budget; the caps in USD still hold. To have one: gcloud "
    "billing accounts add-iam-policy-binding {account} --member=user:{who} "
    "--role=roles/billing.costsManager"
)
FOR_EVER = (
    "Jobs, images and videos will be stored in {place}, which cannot be changed later. "
    "Is that the right place?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`settings`: those of the command line, which win over the kept ones."""

    target: Target
    settings: Mapping[str, Any] = field(default_factory=dict)


def up(world: World, terraform: Terraform, asked: Asked) -> None:
    """Raises Stopped, with one sentence, where it cannot go on."""
    _Up(world, terraform, asked).run()


class _Up:
    def __init__(self, world: World, terraform: Terraform, asked: Asked) -> None:
        self._world, self._terraform = world, terraform
        self._asked, self._target = asked, asked.target
        self._project = asked.target.project
        self._bucket = state_bucket(self._project)
        self._choices: chosen.Choices = {}
        self._has_agreed = False

    def run(self) -> None:
        facts = self._look(HERE, "Looking for what is needed")
        self._announce(facts)
        self._say("APIs that the deploy itself needs")
        enable_apis(self._world, self._target)
        self._look(ONCE_ENABLED, "The region")
        self._say(f"The bucket of Terraform's state, {self._bucket}")
        make_state_bucket(self._world, self._target, facts["project_number"])
        self._say("Settings")
        self._settle(facts)
        self._say("Terraform's plug-ins and state")
        self._terraform.init(self._bucket)
        self._say("Plan and apply; the first time takes 10 to 25 minutes")
        if self._terraform.state():
            # The secrets exist by now: one plan brings the keys and the rest.
            self._store_keys()
        self._apply()
        self._say("Keys of Runway and Gemini")
        if self._store_keys():
            self._say("New revisions of the functions, which see the keys")
            self._apply()
        self._let_callers_in()
        self._finish()

    def _say(self, step: str) -> None:
        self._world.person.say(f"* {step}")

    def _look(self, checks: tuple[Check, ...], step: str) -> Facts:
        self._say(step)
        return found(checks, self._world, self._target)

    # Settings ------------------------------------------------------------------------

    def _announce(self, facts: Facts) -> None:
        """List what the deploy is going to ask for, before it asks anything."""
        self._say("This deploy asks you for what it does not know yet:")
        number, kept = facts["project_number"], {**self._asked.settings}
        if there_is_a_state_bucket(self._world, self._project, number):
            kept = chosen.load(self._world, self._bucket) | kept
        for line in chosen.announced(kept, self._world.environ):
            self._world.person.say(f"  - {line}")

    def _settle(self, facts: Facts) -> None:
        """Kept settings, overridden by the command line; the rest is asked for."""
        before = chosen.load(self._world, self._bucket)
        kept = before | {**self._asked.settings}
        # Functions can move to another region later; what the bucket holds can't.
        kept.setdefault("bucket_location", self._target.region)
        kept |= {
            "project_id": self._project,
            "region": self._target.region,
            "billing_account": facts["billing_account"],
            "state_bucket": self._bucket,
        }
        kept |= self._existing(kept, facts) | self._budget(kept, facts)
        if not before and "firestore_database" not in kept["existing"]:
            place = kept.get("firestore_location") or self._target.region
            if not self._world.person.agrees(FOR_EVER.format(place=place)):
                raise Stopped("Nothing was made: choose another REGION=.")
        asked = chosen.questions(facts["account"])
        if kept.get("enable_budget") and "gcp_budget_amount" not in kept:
            money = currency(self._world, facts["billing_account"])
            asked = (chosen.budget_question(money), *asked)
        choices = chosen.ask(self._world, kept, asked)
        chosen.refuse_what_functions_would(choices)
        self._keep(choices)

    def _budget(self, kept: Mapping[str, Any], facts: Facts) -> chosen.Choices:
        """Left out only where someone chose so; else Google is asked each time."""
        account = facts["billing_account"]
        if kept.get("enable_budget") is False:
            self._world.person.say("  No budget, as before: ARGS=--budget for one.")
        elif "enable_budget" not in kept:
            if budget_may_be_set(self._world, account, self._project):
                return {"enable_budget": True}
            warning = NO_BUDGET.format(account=account, who=facts["account"])
            if kept.get("ci_repository"):
                # Cloud Build deploys with the kept settings, which must then say so.
                raise Stopped(f"{warning}; or say ARGS=--no-budget.".strip())
            self._world.person.say(warning)
        return {}

    def _existing(self, kept: Mapping[str, Any], facts: Facts) -> chosen.Choices:
        """Data that is there is imported. A database never moves."""
        existing = {*kept.get("existing", ())} - {"firestore_database", "videos_bucket"}
        videos = f"{self._project}-reelay-videos"
        if owns_bucket(self._world, videos, facts["project_number"]):
            existing.add("videos_bucket")
        where = ("--database=(default)", f"--project={self._project}", "--format=json")
        ran = self._world.run("gcloud", "firestore", "databases", "describe", *where)
        if not ran.ok:
            return {"existing": sorted(existing)}
        database = json.loads(ran.stdout)
        if database["type"] != "FIRESTORE_NATIVE":
            raise Stopped(
                f"The database of {self._project} is in Datastore mode, which has no "
                "listeners: deploy into another project, gcloud projects create ID"
            )
        existing.add("firestore_database")
        place = database["locationId"]
        return {"existing": sorted(existing), "firestore_location": place}

    def _keep(self, choices: chosen.Choices) -> None:
        self._choices = choices
        chosen.save(self._world, self._bucket, choices)
        self._terraform.use(choices)

    def _store_keys(self) -> bool:
        """Whether running instances have yet to see them."""
        revision = keys.store(self._world, self._project)
        if revision in (None, self._choices.get("keys_revision", 1)):
            return False
        self._keep(self._choices | {"keys_revision": revision})
        return True

    # Applying ------------------------------------------------------------------------

    def _apply(self) -> None:
        """Apply, and once more after a minute where what failed passes by itself."""
        if not self._plan():
            return
        ran = self._terraform.apply()
        # Even half an apply makes its plan stale, so a new one is made.
        if waits_for(self._world, ran, self._terraform.work) and self._plan():
            ran = self._terraform.apply()
        if not ran.ok:
            raise Stopped(sentence(ran.stderr, self._terraform.work))

    def _plan(self) -> bool:
        """Whether there is something to apply that the person agrees to."""
        plan = self._terraform.plan()
        if plan.is_empty:
            self._world.person.say("  Nothing to change.")
            return False
        # One agreement a run is enough, but deletions are always asked about.
        if not self._has_agreed or plan.deletions:
            self._agree(plan)
        return True

    def _agree(self, plan: Plan) -> None:
        for line in plan.summary():
            self._world.person.say(f"  {line}")
        if not self._world.person.agrees("Apply this plan?"):
            raise Stopped("Nothing was applied.")
        self._has_agreed = True

    def _let_callers_in(self) -> None:
        """Without allUsers: an apply that touches `api` undoes this."""
        if self._choices.get("api_public") is not False:
            return
        self._say("Callers get through to api without Google's check; api has its own")
        ran = self._world.run(*smoke.let_callers_in(self._target))
        if not ran.ok:
            raise Stopped(f"No caller can reach the api: {ran.stderr.strip()}")

    def _finish(self) -> None:
        outputs = self._terraform.outputs()
        self._say(f"Asking {outputs['api_url']}")
        smoke.check(self._world, self._target, outputs["api_url"])
        smoke.check_sweep(self._world, self._target)
        most_expensive, together = smoke.first_cost_usd(self._choices)
        self._world.person.say(
            "\n".join(
                (
                    "\nReelay runs.",
                    *(f"  {name}: {value}" for name, value in _shown(outputs)),
                    "\nA first real video:\n",
                    smoke.first_video(self._target, outputs),
                    f"\nIt costs at most ${most_expensive}, the price of the most "
                    f"expensive provider; if every provider charged, ${together}.",
                )
            )
        )


def _shown(outputs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Addresses and names; lists and maps are for programs."""
    return [
        (name, value)
        for name, value in sorted(outputs.items())
        if isinstance(value, str) and name not in OF_THE_PAGE
    ]

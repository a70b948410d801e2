"""`make deploy`: all its steps in their order, each safe to be repeated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.deploy import choices as chosen
from ops.deploy import (
    indexes,
    keys,
    smoke,
)
from ops.deploy.applying import Applying
from ops.deploy.checks import (
    HERE,
    ONCE_ENABLED,
    Check,
    Facts,
    Target,
    budget_may_be_set,
    currency,
    look_for,
)
from ops.deploy.ground import (
    enable_apis,
    make_state_bucket,
    state_bucket,
)
from ops.deploy.terraform import Terraform
from ops.deploy.world import (
    Stopped,
    World,
)

# There is no page to host yet.
OF_THE_PAGE = ("web_config", "web_url")
NO_BUDGET = (
    "  Warning: this account may not see the budgets of the billing account {account}, "
    "so there will be no budget; the caps in USD still hold. To have one: gcloud "
    "billing accounts add-iam-policy-binding {account} --member=user:{who} "
    "--role=roles/billing.costsManager"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`settings`: what the command line says, which wins over what was kept."""

    target: Target
    settings: Mapping[str, Any] = field(default_factory=dict)


def up(world: World, terraform: Terraform, asked: Asked) -> None:
    """Raises Stopped with one sentence wherever it can't go on."""
    _Up(world, terraform, asked).run()


class _Up:
    def __init__(self, world: World, terraform: Terraform, asked: Asked) -> None:
        self._world, self._terraform = world, terraform
        self._asked, self._target = asked, asked.target
        self._project = asked.target.project
        self._bucket = state_bucket(self._project)
        self._choices: chosen.Choices = {}

    def run(self) -> None:
        facts = self._look(HERE, "Looking for what is needed")
        self._say("APIs that the deploy itself needs")
        enable_apis(self._world, self._target)
        self._look(ONCE_ENABLED, "The region")
        self._say(f"The bucket of Terraform's state, {self._bucket}")
        make_state_bucket(self._world, self._target)
        self._say("Settings")
        self._settle(facts)
        self._say("Terraform's plug-ins and state")
        self._terraform.init(self._bucket)
        self._say("Plan and apply; the first time takes about ten minutes")
        if self._terraform.state():
            # The secrets are made by now: one plan brings the keys and the rest.
            self._store_keys()
        self._applying().run()
        self._say("Keys of Runway and Gemini")
        if self._store_keys():
            self._say("New revisions of the functions, which see the keys")
            self._applying().restart()
        self._say("Firestore's indexes")
        indexes.wait_until_ready(self._world, self._project)
        self._finish()

    def _say(self, step: str) -> None:
        self._world.person.say(f"* {step}")

    def _look(self, checks: tuple[Check, ...], step: str) -> Facts:
        self._say(step)
        facts, missing = look_for(checks, self._world, self._target)
        if missing:
            raise Stopped("\n".join(f"{each.what} {each.fix}" for each in missing))
        return facts

    def _settle(self, facts: Facts) -> None:
        """Kept settings, under the command line's; what is in neither is asked."""
        kept = chosen.load(self._world, self._bucket) | {**self._asked.settings}
        # Functions can move to another region later, what the bucket holds can't.
        kept.setdefault("bucket_location", self._target.region)
        kept |= {
            "project_id": self._project,
            "region": self._target.region,
            "billing_account": facts["billing_account"],
            "state_bucket": self._bucket,
        }
        kept |= self._budget(kept, facts)
        asked = chosen.questions(facts["account"])
        if kept.get("enable_budget") and "gcp_budget_amount" not in kept:
            money = currency(self._world, facts["billing_account"])
            asked = (chosen.budget_question(money), *asked)
        choices = chosen.ask(self._world, kept, asked)
        chosen.refuse_what_functions_would(choices)
        self._keep({**choices, **self._database(choices)})

    def _budget(self, kept: Mapping[str, Any], facts: Facts) -> Mapping[str, Any]:
        """Without one only where somebody said so; else it is looked at each time."""
        account = facts["billing_account"]
        if kept.get("enable_budget") is False:
            self._world.person.say("  No budget, as before: ARGS=--budget for one.")
        elif "enable_budget" not in kept:
            if budget_may_be_set(self._world, account, self._project):
                return {"enable_budget": True}
            warning = NO_BUDGET.format(account=account, who=facts["account"])
            if kept.get("ci_repository"):
                # Cloud Build deploys with what is kept, which must then say so.
                raise Stopped(f"{warning}; or say ARGS=--no-budget.".strip())
            self._world.person.say(warning)
        return {}

    def _database(self, choices: Mapping[str, Any]) -> Mapping[str, Any]:
        """A database that is there stays where it is: its place is for ever."""
        where = ("--database=(default)", f"--project={self._project}", "--format=json")
        ran = self._world.run("gcloud", "firestore", "databases", "describe", *where)
        if not ran.ok:
            return {}
        found = json.loads(ran.stdout)
        if found["type"] != "FIRESTORE_NATIVE":
            raise Stopped(
                f"The database of {self._project} is in Datastore mode, which has no "
                "listeners: deploy into another project, gcloud projects create ID"
            )
        existing = {*choices.get("existing", ()), "firestore_database"}
        place = found["locationId"]
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

    def _applying(self) -> Applying:
        return Applying(self._world, self._terraform, self._project, self._let_exist)

    def _let_exist(self, name: str) -> None:
        existing = {*self._choices.get("existing", ()), name}
        self._keep(self._choices | {"existing": sorted(existing)})

    def _finish(self) -> None:
        outputs = self._terraform.outputs()
        self._say(f"Asking {outputs['api_url']}")
        smoke.check(self._world, self._target, outputs["api_url"])
        smoke.check_sweep(self._world, self._target)
        most_expensive, all_together = smoke.first_cost_usd(self._choices)
        self._world.person.say(
            "\n".join(
                (
                    "\nReelay runs.",
                    *(f"  {name}: {value}" for name, value in _shown(outputs)),
                    "\nA first real video:\n",
                    smoke.first_video(self._target, outputs),
                    f"\nIt costs at most ${most_expensive}, its most "
                    f"expensive provider; if every provider charged, ${all_together}.",
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

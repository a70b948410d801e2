"""`make deploy`: all its steps in order, each safe to repeat."""

from collections.abc import Mapping
from typing import Any

from ops.deploy import keys, page, smoke
from ops.deploy.bootstrap import enable_apis, make_state_bucket, state_bucket
from ops.deploy.checks import HERE, ONCE_ENABLED, Check, Facts, found, say_who
from ops.deploy.choices import Choices, save
from ops.deploy.failures import sentence, waits_for
from ops.deploy.place import with_place
from ops.deploy.plan import Plan
from ops.deploy.settle import Asked, announce, settle
from ops.deploy.spend_cap import settle_cap
from ops.deploy.terraform import Terraform
from ops.deploy.world import Stopped, World

SAFE = (
    "You can stop at any time (Ctrl-C) and run the same command again: it continues "
    "where it stopped, and what is there already is never made twice."
)

EACH_ITEM = "  (make plan PROJECT={project} lists each of them, and changes nothing.)"


def up(world: World, terraform: Terraform, asked: Asked) -> None:
    """Raises Stopped, with one sentence, where it cannot go on."""
    _Up(world, terraform, asked).run()


class _Up:
    def __init__(self, world: World, terraform: Terraform, asked: Asked) -> None:
        self._world, self._terraform = world, terraform
        self._asked, self._target = asked, asked.target
        self._project = asked.target.project
        self._bucket = state_bucket(self._project)
        self._choices: Choices = {}
        self._has_agreed = False
        self._has_asked_for_keys = False

    def run(self) -> None:
        here = (*HERE, page.node(self._asked))
        facts = self._look(here, "Looking for what is needed")
        say_who(self._world, facts)
        self._say("This deploy asks you for what it does not know yet:")
        announce(self._world, self._asked, facts)
        self._world.person.say(f"  {SAFE}")
        self._say("The place")
        self._asked = with_place(self._world, self._asked, facts)
        self._target = self._asked.target
        self._world.person.say(f"  {self._target.region}.")
        self._say("APIs that the deploy itself needs")
        enable_apis(self._world, self._target)
        self._look(ONCE_ENABLED, "The region")
        self._say(f"The bucket of Terraform's state, {self._bucket}")
        make_state_bucket(self._world, self._target, facts["project_number"])
        self._say("Settings")
        self._keep(settle(self._world, self._asked, facts))
        self._say("Terraform's plug-ins and state")
        self._terraform.init(self._bucket)
        if self._terraform.state():
            # The secrets exist by now: one plan brings the keys and the rest.
            self._store_keys()
        self._say("Plan and apply; the first time takes 10 to 25 minutes")
        self._apply()
        if self._store_keys():
            self._say("New revisions of the functions, which see the keys")
            self._apply()
        self._let_callers_in()
        if "spend_cap_amount" in self._choices:
            self._say("Google's own spend cap")
            settle_cap(self._world, self._project, facts, self._choices)
        self._finish()

    @property
    def _has_page(self) -> bool:
        return self._choices.get("enable_web") is not False

    def _say(self, step: str) -> None:
        self._world.person.say(f"* {step}")

    def _look(self, checks: tuple[Check, ...], step: str) -> Facts:
        self._say(step)
        return found(checks, self._world, self._target)

    def _keep(self, choices: Choices) -> None:
        self._choices = choices
        save(self._world, self._bucket, choices)
        self._terraform.use(choices)

    def _store_keys(self) -> bool:
        """Whether running instances have yet to see them."""
        asks = not self._has_asked_for_keys
        if asks:
            self._say("Keys of Runway and Gemini")
        revision = keys.store(self._world, self._project, asks=asks)
        self._has_asked_for_keys = revision is not None
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
        self._world.person.say(EACH_ITEM.format(project=self._project))
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
        if self._has_page:
            self._say("The web page: built and published")
            page.publish(self._world, self._project, outputs, self._asked.page)
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
    """Addresses and names; lists, maps and the page's JSON are for programs."""
    return [
        (name, value)
        for name, value in sorted(outputs.items())
        if isinstance(value, str) and name != "web_config"
    ]

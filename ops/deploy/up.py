"""`make deploy`: all its steps in order, each of them idempotent."""

from collections.abc import Mapping
from typing import Any

from ops.deploy import keys, page, smoke
from ops.deploy.bootstrap import create_state_bucket, enable_apis, state_bucket
from ops.deploy.checks import (
    PREREQUISITES,
    REGION_CHECKS,
    Check,
    Facts,
    run_checks,
    warn_about_two_logins,
)
from ops.deploy.context import Context, DeployError
from ops.deploy.failures import next_step, wait_if_transient
from ops.deploy.plan import Plan
from ops.deploy.region import with_region
from ops.deploy.settings import (
    DeployOptions,
    announce,
    look_for_existing,
    resolve,
    saved_settings,
    to_save,
)
from ops.deploy.spend_cap import apply_spend_cap, warn_about_two_budgets
from ops.deploy.terraform import Terraform
from ops.deploy.variables import Variables, load, save

SAFE_TO_STOP = (
    "You can stop at any time (Ctrl-C) and run the same command again: it continues "
    "where it stopped, and what is there already is never made twice."
)

SAFE_TO_REPEAT = (
    "Running the same command again is always safe: it continues from here."
)
SETTINGS_CHANGED = (
    "The settings in gs://{bucket} were changed meanwhile, by another deploy: nothing "
    "of this one was applied."
)
VERSION_DESTROYED = (
    "The first version of the secret {secret} was destroyed, and Terraform would add "
    "another one, without a key, as the newest. Have it use the newest instead, then "
    "run the same command again: cd infra && TF_DATA_DIR={work}/terraform terraform "
    "import -var-file={work}/settings.tfvars.json '{at}' {path}"
)
EACH_ITEM = "  (make plan PROJECT={project} lists each of them, and changes nothing.)"


def up(context: Context, terraform: Terraform, options: DeployOptions) -> None:
    """Raises DeployError if the deploy can't go on."""
    _Up(context, terraform, options).run()


class _Up:
    def __init__(
        self, context: Context, terraform: Terraform, options: DeployOptions
    ) -> None:
        self._context, self._terraform = context, terraform
        self._options, self._target = options, options.target
        self._project = options.target.project
        self._bucket = state_bucket(self._project)
        self._variables: Variables = {}
        self._saved: Variables = {}
        self._has_agreed = False
        self._has_asked_for_keys = False

    def run(self) -> None:
        here = (*PREREQUISITES, page.node_check(self._options))
        facts = self._check(here, "Looking for what is needed")
        warn_about_two_logins(self._context, facts)
        self._say("This deploy asks you for what it does not know yet:")
        saved = saved_settings(self._context, self._options, facts)
        announce(self._context, self._options, saved)
        self._context.console.say(f"  {SAFE_TO_STOP}")
        self._say("The location of the service and its data")
        self._options = with_region(self._context, self._options, saved)
        self._target = self._options.target
        self._context.console.say(f"  {self._target.region}.")
        self._say("APIs that the deploy itself needs")
        enable_apis(self._context, self._target)
        try:
            self._deploy(facts)
        except DeployError as error:
            # Before this, nothing was created, and the same command would fail again.
            raise DeployError(f"{error}\n{SAFE_TO_REPEAT}") from error

    def _deploy(self, facts: Facts) -> None:
        self._check(REGION_CHECKS, "The region")
        self._say(f"The bucket of Terraform's state, {self._bucket}")
        create_state_bucket(self._context, self._target, facts["project_number"])
        self._say("Settings")
        self._saved = load(self._context, self._bucket)
        self._use(resolve(self._context, self._options, self._saved, facts))
        if not self._saved:
            # So that the first deploy, if it stops, doesn't ask everything again.
            self._save()
        self._say("Terraform's plug-ins and state")
        self._terraform.init(self._bucket)
        if self._terraform.state():
            # The secrets exist already, so one plan covers the keys and the rest.
            self._store_keys()
        self._say("Plan and apply; the first time takes 10 to 25 minutes")
        self._apply(facts)
        if self._store_keys():
            self._say("New revisions of the functions, which use the keys")
            self._apply(facts)
        self._skip_invoker_check()
        if self._variables.get("enable_budget"):
            warn_about_two_budgets(self._context, self._project, facts)
        if "spend_cap_amount" in self._variables:
            self._say("Google's own spend cap")
            apply_spend_cap(self._context, self._project, facts, self._variables)
        self._finish()

    def _say(self, step: str) -> None:
        self._context.console.say(f"* {step}")

    def _check(self, checks: tuple[Check, ...], step: str) -> Facts:
        self._say(step)
        return run_checks(checks, self._context, self._target)

    def _use(self, variables: Variables) -> None:
        """Deploy with these variables from now on, without saving them yet."""
        self._variables = variables
        self._terraform.write_variables(variables)

    def _save(self) -> None:
        """Save the variables for colleagues and CI, once their plan is agreed to.

        Raises DeployError if another deploy has saved others since this one read them.
        """
        settings = to_save(self._variables)
        if settings == self._saved:
            return
        if load(self._context, self._bucket) != self._saved:
            raise DeployError(SETTINGS_CHANGED.format(bucket=self._bucket))
        save(self._context, self._bucket, settings)
        self._saved = settings

    def _store_keys(self) -> bool:
        """Store the keys; return whether running instances still lack them."""
        asks = not self._has_asked_for_keys
        if asks:
            self._say("Keys of Runway and Gemini")
        revision = keys.store(self._context, self._project, asks=asks)
        self._has_asked_for_keys = revision is not None
        if revision in (None, self._variables.get("keys_revision", 1)):
            return False
        self._use(self._variables | {"keys_revision": revision})
        return True

    # Applying ------------------------------------------------------------------------

    def _apply(self, facts: Facts) -> None:
        """Apply, and once more after a minute if the failure is transient."""
        if not self._plan():
            return
        result = self._terraform.apply()
        if wait_if_transient(self._context, result, self._terraform.work):
            found = look_for_existing(
                self._context, self._project, self._variables, facts
            )
            self._use(self._variables | found)
            # Even half an apply makes its plan stale, so a new one is made.
            if not self._plan():
                return
            result = self._terraform.apply()
        if not result.ok:
            raise DeployError(next_step(result.stderr, self._terraform.work))

    def _plan(self) -> bool:
        """Plan, and return whether there is anything to apply.

        Raises DeployError if the user doesn't agree to the plan.
        """
        plan = self._terraform.plan()
        self._refuse_to_replace_keys(plan)
        if plan.is_empty:
            self._context.console.say("  Nothing to change.")
            self._save()
            return False
        # One agreement per run is enough, but deletions are always asked about.
        if not self._has_agreed or plan.deletions:
            self._agree(plan)
        self._save()
        return True

    def _refuse_to_replace_keys(self, plan: Plan) -> None:
        """Raises DeployError if Terraform would add `unset` as a key's newest version.

        It does if the first version, which it made, was destroyed.
        """
        for name, address in plan.first_versions.items():
            secret = keys.SECRETS[name]
            newest = keys.newest_version(self._context, self._project, secret)
            if newest:
                path = f"projects/{self._project}/secrets/{secret}/versions/{newest}"
                work = self._terraform.work
                raise DeployError(
                    VERSION_DESTROYED.format(
                        secret=secret, work=work, at=address, path=path
                    )
                )

    def _agree(self, plan: Plan) -> None:
        for line in plan.summary():
            self._context.console.say(f"  {line}")
        self._context.console.say(EACH_ITEM.format(project=self._project))
        if not self._context.console.confirm("Apply this plan?"):
            raise DeployError("Nothing was applied.")
        self._has_agreed = True

    def _skip_invoker_check(self) -> None:
        """Without allUsers only. Repeated, as an apply that touches `api` undoes it."""
        if self._variables.get("api_public") is not False:
            return
        self._say(
            "Google's check of callers is switched off for api, which has its own"
        )
        result = self._context.run(*smoke.skip_invoker_check_command(self._target))
        if not result.ok:
            raise DeployError(f"No caller can reach the api: {result.stderr.strip()}")

    def _finish(self) -> None:
        outputs = self._terraform.outputs()
        self._say(f"Checking {outputs['api_url']}")
        smoke.check(self._context, self._target, outputs["api_url"])
        smoke.check_sweep(self._context, self._target)
        smoke.check_worker(self._context, self._target)
        if self._variables.get("enable_web") is not False:
            self._say("The web page: built and published")
            page.publish(self._context, self._project, outputs, self._options.page)
        most_expensive, together = smoke.first_cost_usd(self._variables)
        self._context.console.say(
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

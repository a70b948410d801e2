"""`make plan`: shows what a deploy would ask, create and change; changes nothing."""

import json
from dataclasses import dataclass, replace

from ops.deploy import page
from ops.deploy.bootstrap import has_state_bucket, state_bucket
from ops.deploy.checks import (
    PREREQUISITES,
    disabled_apis,
    run_checks,
    warn_about_two_logins,
)
from ops.deploy.context import Console, Context
from ops.deploy.region import with_region
from ops.deploy.settings import DeployOptions, announce, resolve, saved_settings
from ops.deploy.terraform import Terraform

APIS_NOT_ENABLED = (
    "  Terraform's plan can be shown once these APIs are on, which costs nothing: "
    "gcloud services enable {apis} --project={project}"
)


@dataclass(frozen=True, slots=True)
class DryRunConsole:
    """A Console that prints what would be asked, and takes each default."""

    console: Console

    def say(self, text: str) -> None:
        self.console.say(text)

    def confirm(self, question: str) -> bool:
        self.say(f"  It would ask: {question}")
        return True

    def prompt(self, question: str, default: str) -> str:
        self.say(f"  It would ask: {question} [{default}]")
        return default

    def prompt_secret(self, question: str) -> str:
        raise NotImplementedError("a plan stores no key")


def show_plan(context: Context, terraform: Terraform, options: DeployOptions) -> None:
    """Raises DeployError if a deploy could not go on."""
    say = context.console.say
    dry_run = replace(
        context, console=DryRunConsole(context.console), wait_seconds=lambda _: None
    )
    say("* Looking for what is needed. Nothing is changed, enabled or stored")
    facts = run_checks(
        (*PREREQUISITES, page.node_check(options)), context, options.target
    )
    warn_about_two_logins(context, facts)
    saved = saved_settings(context, options, facts)
    options = with_region(dry_run, options, saved)
    project, bucket = options.target.project, state_bucket(options.target.project)
    say("* Before Terraform, a deploy would make")
    is_first = not has_state_bucket(context, project, facts["project_number"])
    say(f"  {'the bucket of its state, ' + bucket if is_first else 'nothing'}")
    if apis := disabled_apis(context, options.target):
        say("* A deploy would ask")
        announce(context, options, saved)
        say(APIS_NOT_ENABLED.format(apis=" ".join(apis), project=project))
        return
    say("* Settings")
    variables = resolve(dry_run, options, saved, facts)
    for name, value in sorted(variables.items()):
        say(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
    terraform.write_variables(variables)
    if is_first:
        terraform = terraform.without_state()
    terraform.init(bucket)
    say("* Terraform's plan")
    terraform.show()

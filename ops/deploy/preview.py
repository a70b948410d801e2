"""`make plan`: what a deploy would ask, make and change. It changes nothing."""

import json
from dataclasses import dataclass, replace

from ops.deploy import page
from ops.deploy.bootstrap import state_bucket, there_is_a_state_bucket
from ops.deploy.checks import HERE, apis_not_enabled, found, say_who
from ops.deploy.place import with_place
from ops.deploy.settle import Asked, announce, settle
from ops.deploy.terraform import Terraform
from ops.deploy.world import Person, World

NOT_YET = (
    "  Terraform's plan can be shown once these APIs are on, which costs nothing: "
    "gcloud services enable {apis} --project={project}"
)


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A Person who says what would be asked, and takes each default."""

    person: Person

    def say(self, text: str) -> None:
        self.person.say(text)

    def agrees(self, question: str) -> bool:
        self.say(f"  It would ask: {question}")
        return True

    def chooses(self, question: str, default: str) -> str:
        self.say(f"  It would ask: {question} [{default}]")
        return default

    def types_secret(self, question: str) -> str:
        raise NotImplementedError("a plan stores no key")


def show_plan(world: World, terraform: Terraform, asked: Asked) -> None:
    """Raises Stopped, with one sentence, where a deploy could not go on."""
    say = world.person.say
    quiet = replace(world, person=Onlooker(world.person), wait_seconds=lambda _: None)
    say("* Looking for what is needed. Nothing is changed, enabled or stored")
    facts = found((*HERE, page.node(asked)), world, asked.target)
    say_who(world, facts)
    asked = with_place(quiet, asked, facts)
    project, bucket = asked.target.project, state_bucket(asked.target.project)
    say("* Before Terraform, a deploy would make")
    is_first = not there_is_a_state_bucket(world, project, facts["project_number"])
    say(f"  {'the bucket of its state, ' + bucket if is_first else 'nothing'}")
    if apis := apis_not_enabled(world, asked.target):
        say("* A deploy would ask")
        announce(world, asked, facts)
        say(NOT_YET.format(apis=" ".join(apis), project=project))
        return
    say("* Settings")
    choices = settle(quiet, asked, facts)
    for name, value in sorted(choices.items()):
        say(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
    terraform.use(choices)
    if is_first:
        terraform = terraform.without_state()
    terraform.init(bucket)
    say("* Terraform's plan")
    terraform.show()

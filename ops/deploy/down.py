"""`make destroy`: what runs is taken down; what holds data stays, and it says so."""

from collections.abc import Sequence

from ops.deploy.checks import (
    TO_DESTROY,
    Target,
    look_for,
)
from ops.deploy.choices import load
from ops.deploy.ground import (
    state_bucket,
    there_is_a_state_bucket,
)
from ops.deploy.terraform import Terraform
from ops.deploy.trouble import UNFORESEEN
from ops.deploy.world import (
    Stopped,
    World,
)

# By type: what it is called, and how it is deleted by hand.
KEPT = {
    "google_firestore_database": (
        "the database with all jobs and the ledger",
        "gcloud firestore databases update --database='(default)' "
        "--no-delete-protection --project={project} && gcloud firestore databases "
        "delete --database='(default)' --project={project}",
    ),
    "google_storage_bucket": (
        "the buckets with images and videos",
        "gcloud storage rm --recursive gs://{project}-reelay-videos "
        "gs://{project}-reelay-source",
    ),
    "google_identity_platform_config": (
        "the users who signed up",
        "open https://console.cloud.google.com/customer-identity?project={project}",
    ),
    "google_firebase_project": (
        "Firebase in this project, which can't be taken out of it",
        "gcloud projects delete {project}",
    ),
}


def down(world: World, terraform: Terraform, target: Target) -> None:
    say, project = world.person.say, target.project
    _, missing = look_for(TO_DESTROY, world, target)
    if missing:
        raise Stopped("\n".join(f"{each.what} {each.fix}" for each in missing))
    _open_state(world, terraform, project)
    kept = kept_addresses(terraform.state())
    for line in what_stays(project, kept):
        say(line)
    if kept and not world.person.agrees("Take all else down, and let go of these?"):
        raise Stopped("Nothing was taken down.")
    if kept:
        terraform.let_go(kept)
    _destroy(world, terraform)
    say(f"Done. The state is kept in gs://{state_bucket(project)}.")


def _open_state(world: World, terraform: Terraform, project: str) -> None:
    bucket = state_bucket(project)
    if not there_is_a_state_bucket(world, project):
        raise Stopped(f"Nothing is deployed from here: there is no bucket {bucket}.")
    choices = load(world, bucket)
    if not choices:
        raise Stopped(f"Nothing is deployed from here: {bucket} holds no settings.")
    terraform.use(choices)
    terraform.init(bucket)


def _destroy(world: World, terraform: Terraform) -> None:
    plan = terraform.plan(destroy=True)
    if plan.is_empty:
        return
    for line in plan.summary():
        world.person.say(f"  {line}")
    if not world.person.agrees("Destroy these?"):
        raise Stopped("Nothing was destroyed; make deploy takes the data back in.")
    if not terraform.apply().ok:
        raise Stopped(UNFORESEEN)


def kept_addresses(state: Sequence[str]) -> list[str]:
    """Of the addresses in the state, those of what stays."""
    return [address for address in state if address.partition(".")[0] in KEPT]


def what_stays(project: str, addresses: list[str]) -> list[str]:
    kinds = {address.partition(".")[0] for address in addresses}
    return [
        f"  Stays: {words}. By hand: {command.format(project=project)}"
        for kind, (words, command) in KEPT.items()
        if kind in kinds
    ]

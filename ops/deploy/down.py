"""`make destroy`: takes down what runs; what holds data stays, and is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.deploy import choices
from ops.deploy.bootstrap import state_bucket, there_is_a_state_bucket
from ops.deploy.checks import TO_DESTROY, Target, found
from ops.deploy.failures import UNFORESEEN
from ops.deploy.hosting import Site
from ops.deploy.spend_cap import what_stays_of_it
from ops.deploy.terraform import Terraform
from ops.deploy.world import Stopped, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`existing`: its name in Terraform's variable of what is there and imported."""

    existing: str
    what: str
    delete: str


SITE = "google_firebase_hosting_site.web"
GOES = (
    "  Goes: the stored keys, and the secret that signs webhooks. After another deploy "
    "those who receive webhooks need new API keys."
)
# By the address of the resource, without an index.
KEPT = {
    "google_firestore_database.default": Kept(
        existing="firestore_database",
        what="the database with all jobs and the ledger",
        delete="gcloud firestore databases update --database='(default)' "
        "--no-delete-protection --project={project} && gcloud firestore databases "
        "delete --database='(default)' --project={project}",
    ),
    "google_storage_bucket.videos": Kept(
        existing="videos_bucket",
        what="the bucket with images and videos",
        delete="gcloud storage rm --recursive gs://{project}-reelay-videos",
    ),
    "google_identity_platform_config.users": Kept(
        existing="identity_platform",
        what="the users who signed up",
        delete="open https://console.cloud.google.com/customer-identity"
        "?project={project}",
    ),
    SITE: Kept(
        existing="hosting_site",
        what="the address of the web page, which shows nothing any more",
        delete="gcloud projects delete {project}",
    ),
    "google_firebase_project.this": Kept(
        existing="firebase_project",
        what="Firebase in this project, which cannot be removed from it",
        delete="gcloud projects delete {project}",
    ),
}


def down(world: World, terraform: Terraform, target: Target) -> None:
    say, project = world.person.say, target.project
    facts = found(TO_DESTROY, world, target)
    settings = _open_state(world, terraform, project, facts["project_number"])
    kept = kept_addresses(terraform.state())
    stays = [*what_stays(project, kept), *what_stays_of_it(world, project)]
    for line in [*stays, *([GOES] if kept else [])]:
        say(line)
    if kept and not world.person.agrees("Take everything else down, and keep these?"):
        raise Stopped("Nothing was taken down.")
    if kept:
        choices.save(world, state_bucket(project), _to_import(settings, kept))
        if SITE in map(_resource, kept):
            Site(world=world, project=project).switch_off()
        terraform.let_go(kept)
    _destroy(world, terraform)
    say(f"Done. The state is kept in gs://{state_bucket(project)}.")


def _open_state(
    world: World, terraform: Terraform, project: str, project_number: str
) -> choices.Choices:
    bucket = state_bucket(project)
    if not there_is_a_state_bucket(world, project, project_number):
        raise Stopped(f"Nothing was deployed from here: there is no bucket {bucket}.")
    settings = choices.load(world, bucket)
    if not settings:
        raise Stopped(f"Nothing was deployed from here: {bucket} holds no settings.")
    terraform.use(settings)
    terraform.init(bucket)
    return settings


def _to_import(settings: Mapping[str, Any], kept: Sequence[str]) -> choices.Choices:
    """The next deploy takes all of it in again."""
    names = {KEPT[_resource(address)].existing for address in kept}
    return {**settings, "existing": sorted(names.union(settings.get("existing", ())))}


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


def _resource(address: str) -> str:
    return address.partition("[")[0]


def kept_addresses(state: Sequence[str]) -> list[str]:
    """The addresses in the state of what stays."""
    return [address for address in state if _resource(address) in KEPT]


def what_stays(project: str, addresses: Sequence[str]) -> list[str]:
    """A line each, with the command that deletes it."""
    return [
        f"  Stays: {kept.what}. To delete it: {kept.delete.format(project=project)}"
        for kept in (KEPT[_resource(address)] for address in addresses)
    ]

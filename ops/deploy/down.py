"""`make destroy`: takes the service down, keeps what holds data, and names it."""

from dataclasses import dataclass

from ops.deploy.bootstrap import has_state_bucket, state_bucket
from ops.deploy.checks import DESTROY_CHECKS, Target, run_checks
from ops.deploy.context import Context, DeployError
from ops.deploy.failures import next_step
from ops.deploy.hosting import Site
from ops.deploy.spend_cap import spend_cap_notice
from ops.deploy.terraform import Terraform
from ops.deploy.variables import Variables, load, save


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A resource that stays, and the command that deletes it."""

    what: str
    delete: str


SITE = "google_firebase_hosting_site.web"
USERS = "google_identity_platform_config.users"
DELETED = (
    "  Deleted: the stored keys, and the secret that signs webhooks. After another "
    "deploy, those who receive webhooks need new API keys.\n"
    "  Jobs under way stop. The video of one that is paid for is lost unless another "
    "deploy follows within a day: better pause generation first, and wait."
)
# By resource address, without an index.
KEPT_RESOURCES = {
    "google_firestore_database.default": Kept(
        what="the database with all jobs and the ledger",
        delete="gcloud firestore databases update --database='(default)' "
        "--no-delete-protection --project={project} && gcloud firestore databases "
        "delete --database='(default)' --project={project}",
    ),
    "google_storage_bucket.videos": Kept(
        what="the bucket with images and videos",
        delete="gcloud storage rm --recursive gs://{project}-reelay-videos",
    ),
    USERS: Kept(
        what="the users who signed up",
        delete="open https://console.cloud.google.com/customer-identity"
        "?project={project}",
    ),
    SITE: Kept(
        what="the address of the web page, which shows nothing any more",
        delete="gcloud projects delete {project}",
    ),
    "google_firebase_project.this": Kept(
        what="Firebase in this project, which cannot be removed from it",
        delete="gcloud projects delete {project}",
    ),
}


def down(context: Context, terraform: Terraform, target: Target) -> None:
    """Raises DeployError if it can't go on, or if the user doesn't agree."""
    say, project = context.console.say, target.project
    facts = run_checks(DESTROY_CHECKS, context, target)
    settings = _open_state(context, terraform, project, facts["project_number"])
    kept = [each for each in terraform.state() if _resource(each) in KEPT_RESOURCES]
    for each in (KEPT_RESOURCES[_resource(address)] for address in kept):
        delete = each.delete.format(project=project)
        say(f"  Stays: {each.what}. To delete it: {delete}")
    for line in spend_cap_notice(context, project):
        say(line)
    if kept:
        say(DELETED)
        if not context.console.confirm("Take everything else down, and keep these?"):
            raise DeployError("Nothing was taken down.")
        if USERS in map(_resource, kept):
            # The next deploy imports them, and can't detect that they are there.
            settings |= {"existing": ["identity_platform"]}
            save(context, state_bucket(project), settings)
        if SITE in map(_resource, kept):
            Site(context=context, project=project).switch_off()
        terraform.forget(kept)
    _destroy(context, terraform)
    say(f"Done. Terraform's state is kept in gs://{state_bucket(project)}.")


def _open_state(
    context: Context, terraform: Terraform, project: str, project_number: str
) -> Variables:
    bucket = state_bucket(project)
    if not has_state_bucket(context, project, project_number):
        raise DeployError(
            f"Nothing was deployed from here: there is no bucket {bucket}."
        )
    settings = load(context, bucket)
    if not settings:
        raise DeployError(
            f"Nothing was deployed from here: {bucket} holds no settings."
        )
    terraform.write_variables(settings)
    terraform.init(bucket)
    return settings


def _destroy(context: Context, terraform: Terraform) -> None:
    plan = terraform.plan(destroy=True)
    if plan.is_empty:
        return
    for line in plan.summary():
        context.console.say(f"  {line}")
    if not context.console.confirm("Destroy these?"):
        raise DeployError("Nothing was destroyed; make deploy imports the data again.")
    result = terraform.apply()
    if not result.ok:
        raise DeployError(next_step(result.stderr, terraform.work))


def _resource(address: str) -> str:
    return address.partition("[")[0]

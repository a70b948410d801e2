"""What Terraform stands on: enabled APIs, and the bucket of its state."""

from collections.abc import Sequence

from ops.deploy.checks import Target, apis_not_enabled
from ops.deploy.world import Stopped, World

# Bucket names are shared by all of Google Cloud, so anyone could have taken this one,
# and a state can name a provider that Terraform downloads and runs.
FOREIGN = (
    "The bucket {place} belongs to project number {owner}, not to {project}: nothing "
    "in it is read. Deploy into a project with another ID."
)


def state_bucket(project: str) -> str:
    return f"{project}-reelay-terraform"


def enable_apis(world: World, target: Target) -> None:
    apis = apis_not_enabled(world, target)
    if not apis:
        return
    world.person.say("  Not enabled yet: " + ", ".join(apis))
    enable = ("services", "enable", *apis, f"--project={target.project}")
    command = "gcloud " + " ".join(enable)
    if not world.person.agrees("Enable these APIs?"):
        raise Stopped(f"Without these APIs nothing can be deployed: {command}")
    ran = world.run("gcloud", *enable)
    if not ran.ok:
        raise Stopped(f"The APIs could not be enabled: {command}\n{ran.stderr}")


def owns_bucket(world: World, bucket: str, project_number: str) -> bool:
    """Whether it is this project's own. False where it is another's, or not there."""
    return _owner(world, bucket) == project_number


def there_is_a_state_bucket(world: World, project: str, project_number: str) -> bool:
    """Stopped where somebody else's has its name: its contents are not to be read."""
    bucket = state_bucket(project)
    owner = _owner(world, bucket)
    if owner not in ("", project_number):
        place = f"gs://{bucket}"
        raise Stopped(FOREIGN.format(place=place, owner=owner, project=project))
    return bool(owner)


def make_state_bucket(world: World, target: Target, project_number: str) -> None:
    """Versioned, so that an earlier state can be restored; safe to do twice."""
    place = f"gs://{state_bucket(target.project)}"
    if not there_is_a_state_bucket(world, target.project, project_number):
        where = (f"--project={target.project}", f"--location={target.region}")
        closed = ("--uniform-bucket-level-access", "--public-access-prevention")
        _need(world, ("create", place, *where, *closed))
    _need(world, ("update", place, "--versioning"))


def _owner(world: World, bucket: str) -> str:
    """The number of the project that has this bucket; empty where we see none."""
    describe = ("storage", "buckets", "describe", f"gs://{bucket}", "--raw")
    ran = world.run("gcloud", *describe, "--format=value(projectNumber)")
    return ran.stdout.strip() if ran.ok else ""


def _need(world: World, words: Sequence[str]) -> None:
    command = ("gcloud", "storage", "buckets", *words)
    ran = world.run(*command)
    if not ran.ok:
        again = " ".join(command)
        raise Stopped(f"The bucket of the state was not made: {again}\n{ran.stderr}")

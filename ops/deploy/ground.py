"""What Terraform stands on: enabled APIs, and the bucket of its state."""

from ops.deploy.checks import (
    Target,
    apis_not_enabled,
)
from ops.deploy.world import (
    Stopped,
    World,
)


def state_bucket(project: str) -> str:
    return f"{project}-reelay-terraform"


def enable_apis(world: World, target: Target) -> None:
    apis = apis_not_enabled(world, target)
    if not apis:
        return
    world.person.say("  Not enabled yet: " + ", ".join(apis))
    enable = ("services", "enable", *apis, f"--project={target.project}")
    manual_override = "gcloud " + " ".join(enable)
    if not world.person.agrees("Enable these APIs?"):
        raise Stopped(f"Without these APIs nothing can be deployed: {manual_override}")
    ran = world.run("gcloud", *enable)
    if not ran.ok:
        raise Stopped(f"The APIs could not be enabled: {manual_override}\n{ran.stderr}")


def there_is_a_state_bucket(world: World, project: str) -> bool:
    place = f"gs://{state_bucket(project)}"
    return world.run("gcloud", "storage", "buckets", "describe", place).ok


def make_state_bucket(world: World, target: Target) -> None:
    """Versioned, so that a lost state can be found again; safe to do twice."""
    place = f"gs://{state_bucket(target.project)}"
    if not there_is_a_state_bucket(world, target.project):
        _need(
            world,
            *("storage", "buckets", "create", place),
            *(f"--project={target.project}", f"--location={target.region}"),
            *("--uniform-bucket-level-access", "--public-access-prevention"),
        )
    _need(world, "storage", "buckets", "update", place, "--versioning")


def _need(world: World, *words: str) -> None:
    ran = world.run("gcloud", *words)
    if not ran.ok:
        again = "gcloud " + " ".join(words)
        raise Stopped(
            f"The bucket of the state could not be made: {again}\n{ran.stderr}"
        )

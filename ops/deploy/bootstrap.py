"""What Terraform needs before its first run: enabled APIs and a bucket for state."""

import re
from collections.abc import Sequence

from ops.deploy.checks import PERMISSION_DENIED, Target, disabled_apis
from ops.deploy.context import Context, DeployError
from ops.deploy.failures import NOT_ENABLED_YET

# Bucket names are global, so anyone could have taken this one, and a state can name a
# provider that Terraform downloads and runs.
BUCKET_OF_OTHER_PROJECT = (
    "The bucket {url} belongs to project number {owner}, not to {project}: nothing "
    "in it is read. Deploy into a project with another ID."
)

BUCKET_NAME_TAKEN = "bucket name is not available"
NOT_VISIBLE = (
    rf"[Nn]ot ?[Ff]ound|\b404\b|does not exist|{PERMISSION_DENIED}|{NOT_ENABLED_YET}"
)


def state_bucket(project: str) -> str:
    return f"{project}-reelay-terraform"


def enable_apis(context: Context, target: Target) -> None:
    apis = disabled_apis(context, target)
    if not apis:
        return
    context.console.say("  Not enabled yet: " + ", ".join(apis))
    enable = ("services", "enable", *apis, f"--project={target.project}")
    command = "gcloud " + " ".join(enable)
    if not context.console.confirm("Enable these APIs?"):
        raise DeployError(f"Without these APIs nothing can be deployed: {command}")
    result = context.run("gcloud", *enable)
    if not result.ok:
        raise DeployError(f"The APIs could not be enabled: {command}\n{result.stderr}")


def has_state_bucket(context: Context, project: str, project_number: str) -> bool:
    """Raises DeployError if another project owns it: its contents must not be read."""
    bucket = state_bucket(project)
    owner = bucket_owner(context, bucket)
    if owner not in ("", project_number):
        url = f"gs://{bucket}"
        raise DeployError(
            BUCKET_OF_OTHER_PROJECT.format(url=url, owner=owner, project=project)
        )
    return bool(owner)


def create_state_bucket(context: Context, target: Target, project_number: str) -> None:
    """Versioned, so that an earlier state can be restored. Idempotent."""
    url = f"gs://{state_bucket(target.project)}"
    if not has_state_bucket(context, target.project, project_number):
        where = (f"--project={target.project}", f"--location={target.region}")
        closed = ("--uniform-bucket-level-access", "--public-access-prevention")
        _run_or_fail(context, ("create", url, *where, *closed))
    _run_or_fail(context, ("update", url, "--versioning"))


def bucket_owner(context: Context, bucket: str) -> str:
    """The number of the project that owns it; empty if no bucket is visible to us.

    Raises DeployError for any other failure: mistaken for a missing bucket, it would
    make the deploy ask for the saved settings again, and overwrite them.
    """
    describe = ("storage", "buckets", "describe", f"gs://{bucket}", "--raw")
    result = context.run("gcloud", *describe, "--format=value(projectNumber)")
    if not result.ok and not re.search(NOT_VISIBLE, result.stderr):
        raise DeployError(f"gs://{bucket} can't be seen: {result.stderr.strip()}")
    return result.stdout.strip() if result.ok else ""


def _run_or_fail(context: Context, argv: Sequence[str]) -> None:
    command = ("gcloud", "storage", "buckets", *argv)
    result = context.run(*command)
    if not result.ok:
        again = " ".join(command)
        elsewhere = "Deploy into a project with another ID: bucket names are global."
        raise DeployError(
            f"The state bucket could not be created: {again}\n{result.stderr}"
            f"{elsewhere if BUCKET_NAME_TAKEN in result.stderr else ''}"
        )

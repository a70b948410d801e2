"""The project's Cloud Run quota in a region, and how many instances fit it."""

from collections.abc import Mapping
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.context import CommandResult, Context, DeployError
from ops.deploy.failures import retry_while_enabling
from ops.deploy.google_rest import GoogleRest

# Many a gcloud has this only as `gcloud beta quotas`, whose component may be missing.
QUOTA_INFO = (
    "https://cloudquotas.googleapis.com/v1/projects/{project}/locations/global/services"
    "/run.googleapis.com/quotaInfos/{quota}"
)
# By Terraform variable: Google's name of the quota, and how many of its units
# (milli-vCPU, bytes) make one of the variable's.
QUOTAS = {
    "region_cpus": ("CpuAllocPerProjectRegion", 1000),
    "region_memory_gib": ("MemAllocPerProjectRegion", 2**30),
}
# As in infra/: `api` and `worker` take 1 CPU and 2 GiB, the two other functions 1 CPU
# and half a GiB; a deploy runs the old and the new revision side by side.
DEFAULT_INSTANCES = 4
MIN_API, MIN_WORKERS = 1, 2
TOO_SMALL = (
    "The quota of Cloud Run in {region} ({cpus} CPUs, {gib} GiB) is too small for the "
    "four functions, which need 10 CPUs and 14 GiB during a deploy. Ask for more: "
    "https://console.cloud.google.com/iam-admin/quotas?service=run.googleapis.com"
)


def read(context: Context, target: Target) -> Mapping[str, int]:
    """The quotas by Terraform variable. One that can't be read is left out."""
    rest = GoogleRest(context=context, project=target.project)
    found = {name: _read(rest, target.region, *quota) for name, quota in QUOTAS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _read(rest: GoogleRest, region: str, quota: str, unit: int) -> int | None:
    url = QUOTA_INFO.format(project=rest.project, quota=quota)
    result = retry_while_enabling(rest.context, lambda: _ask(rest, url))
    value = _of_region(result.json(), region)
    # -1 stands for unlimited, and for a value that could not be read.
    return None if value < 0 else value // unit


def _ask(rest: GoogleRest, url: str) -> CommandResult:
    response = rest.call("GET", url)
    body = response.body.decode(errors="replace")
    if response.status == 200:
        return CommandResult(code=0, stdout=body)
    return CommandResult(code=1, stderr=body)


def _of_region(described: Mapping[str, Any], region: str) -> int:
    """In Google's unit; -1 if there is no entry for this region."""
    entries = [
        entry
        for entry in described.get("dimensionsInfos", ())
        if entry.get("dimensions", {}).get("region") == region
        or region in entry.get("applicableLocations", ())
    ]
    # An entry for this region alone precedes one for several.
    entries.sort(key=lambda entry: "region" not in entry.get("dimensions", {}))
    return int(entries[0]["details"]["value"]) if entries else -1


def instances_that_fit(target: Target, quota: Mapping[str, int]) -> Mapping[str, int]:
    """Variables that lower the instances; empty if the defaults fit the quota.

    Raises DeployError if not even the fewest fit. An unknown quota counts as enough:
    Google then refuses a function that exceeds it.
    """
    cpus = quota.get("region_cpus", 20)
    gib = quota.get("region_memory_gib", 40)
    room = min(cpus // 2 - 2, (gib // 2 - 1) // 2)
    if room >= 2 * DEFAULT_INSTANCES:
        return {}
    if room < MIN_API + MIN_WORKERS:
        raise DeployError(TOO_SMALL.format(region=target.region, cpus=cpus, gib=gib))
    workers = max(MIN_WORKERS, room // 2)
    return {"api_instances": room - workers, "worker_instances": workers}

"""The project's quota of Cloud Run in a region, and how many instances fit it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.failures import NOT_ENABLED_YET, waits_for
from ops.deploy.world import Stopped, World

# Terraform's variable; Google's name of the quota, and its unit: milli-vCPU and bytes.
QUOTAS = {
    "region_cpus": ("CpuAllocPerProjectRegion", 1000),
    "region_memory_gib": ("MemAllocPerProjectRegion", 2**30),
}
# As in infra/: `api` and `worker` take 1 CPU and 2 GiB, the two other functions 1 CPU
# and half a GiB; a deploy runs the old and the new revision side by side.
DEFAULT_INSTANCES = 4
FEWEST_API, FEWEST_WORKERS = 1, 2
TOO_SMALL = (
    "The quota of Cloud Run in {region} ({cpus} CPUs, {gib} GiB) is too small for the "
    "four functions, which need 10 CPUs and 14 GiB during a deploy. Ask for more: "
    "https://console.cloud.google.com/iam-admin/quotas?service=run.googleapis.com"
)


def read(world: World, target: Target) -> Mapping[str, int]:
    """What Google says, by variable. What it doesn't say is left out."""
    found = {name: _read(world, target, *quota) for name, quota in QUOTAS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _read(world: World, target: Target, quota: str, unit: int) -> int | None:
    words = ("gcloud", "quotas", "info", "describe", quota)
    where = ("--service=run.googleapis.com", f"--project={target.project}")
    ran = world.run(*words, *where, "--format=json")
    if re.search(NOT_ENABLED_YET, ran.stderr) and waits_for(world, ran):
        ran = world.run(*words, *where, "--format=json")
    value = _of_region(json.loads(ran.stdout), target.region) if ran.ok else -1
    # -1 stands for unlimited, and for a value that could not be read.
    return None if value < 0 else value // unit


def _of_region(described: Mapping[str, Any], region: str) -> int:
    """-1 where nothing is said about this region."""
    entries = [
        entry
        for entry in described.get("dimensionsInfos", ())
        if region in (entry.get("dimensions", {}).get("region"), *_locations(entry))
    ]
    # One for this region alone says more than one for many.
    entries.sort(key=lambda entry: "region" not in entry.get("dimensions", {}))
    return int(entries[0]["details"]["value"]) if entries else -1


def _locations(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(entry.get("applicableLocations", ()))


def fitting(target: Target, quota: Mapping[str, int]) -> Mapping[str, int]:
    """Fewer instances where the defaults don't fit; Stopped where none do.

    An unknown quota counts as enough: Google then refuses a function that exceeds it.
    """
    cpus = quota.get("region_cpus", 20)
    gib = quota.get("region_memory_gib", 40)
    room = min(cpus // 2 - 2, (gib // 2 - 1) // 2)
    if room >= 2 * DEFAULT_INSTANCES:
        return {}
    if room < FEWEST_API + FEWEST_WORKERS:
        raise Stopped(TOO_SMALL.format(region=target.region, cpus=cpus, gib=gib))
    workers = max(FEWEST_WORKERS, room // 2)
    return {"api_instances": room - workers, "worker_instances": workers}

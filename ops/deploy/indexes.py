"""Waiting for Firestore's indexes: a query without its index fails."""

import json
from collections.abc import Iterator
from typing import Any

from ops.deploy.world import (
    Stopped,
    World,
)

LOOK_EVERY_SECONDS = 10
LOOKS = 180
READY = ("READY", "ACTIVE")
BROKEN = "NEEDS_REPAIR"


def wait_until_ready(world: World, project: str) -> None:
    told = ""
    for _ in range(LOOKS):
        states = [*_states(world, project)]
        if BROKEN in states:
            raise Stopped(
                "An index of Firestore needs repair: see https://console.cloud.google"
                f".com/firestore/databases/-default-/indexes?project={project}"
            )
        building = [state for state in states if state not in READY]
        if not building:
            return
        line = f"  {len(states) - len(building)} of {len(states)} are ready"
        if line != told:
            world.person.say(line)
        told = line
        world.wait_seconds(LOOK_EVERY_SECONDS)
    raise Stopped("Indexes are still being built: run the same command again later.")


def _states(world: World, project: str) -> Iterator[str]:
    for index in _listed(world, project, "composite"):
        yield index["state"]
    for field in _listed(world, project, "fields"):
        for index in field.get("indexConfig", {}).get("indexes", []):
            yield index["state"]
        if "ttlConfig" in field:
            yield field["ttlConfig"]["state"]


def _listed(world: World, project: str, which: str) -> list[dict[str, Any]]:
    where = ("--database=(default)", f"--project={project}", "--format=json")
    ran = world.run("gcloud", "firestore", "indexes", which, "list", *where)
    if not ran.ok:
        raise Stopped(f"Firestore's indexes can't be listed: {ran.stderr.strip()}")
    found: list[dict[str, Any]] = json.loads(ran.stdout or "[]")
    return found

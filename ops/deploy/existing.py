"""What is there already of what Terraform would make: whose it is, and its import id.

A destroy leaves some things on purpose, and a deploy that was killed leaves whatever
was being made: there, but not in the state.
"""

import json
from collections.abc import Mapping
from typing import Any

from ops.deploy import keys
from ops.deploy.plan import Change
from ops.deploy.world import (
    Ran,
    Stopped,
    World,
)

FUNCTION = "google_cloudfunctions2_function"
SECRET = "google_secret_manager_secret"  # noqa: S105 - a type of Terraform's
INDEX = "google_firestore_index"
# Of Terraform's page of each, with the fields of its plan.
IMPORT_IDS = {
    FUNCTION: "projects/{project}/locations/{location}/functions/{name}",
    SECRET: "projects/{project}/secrets/{secret_id}",
    "google_artifact_registry_repository": (
        "projects/{project}/locations/{location}/repositories/{repository_id}"
    ),
    "google_cloud_scheduler_job": "projects/{project}/locations/{region}/jobs/{name}",
    "google_cloud_tasks_queue": "projects/{project}/locations/{location}/queues/{name}",
    "google_firebase_project": "projects/{project}",
    "google_firebaserules_release": "projects/{project}/releases/{name}",
    "google_logging_metric": "{project} {name}",
    "google_pubsub_subscription": "projects/{project}/subscriptions/{name}",
    "google_pubsub_topic": "projects/{project}/topics/{name}",
    "google_service_account": (
        "projects/{project}/serviceAccounts/"
        "{account_id}@{project}.iam.gserviceaccount.com"
    ),
    "google_storage_bucket": "{name}",
}
# What infra/ imports by itself, by the name that its variable `existing` takes.
BY_CONFIGURATION = {
    "google_identity_platform_config": "identity_platform",
    "google_firestore_database": "firestore_database",
}
# In what Google tells of a function: only Reelay's are made so.
OURS = "/serviceAccounts/reelay-builder@"
LOOK_EVERY_SECONDS = 30


def import_id(world: World, project: str, change: Change) -> str | None:
    """None where another apply is to find it changed; Stopped where it isn't ours.

    KeyError for a kind that is not known here.
    """
    if change.kind == INDEX:
        return _index(world, project, change.after)
    if change.kind == FUNCTION and not _is_whole(world, project, change.after):
        return None
    if change.kind == SECRET:
        _refuse_a_key(world, project, change.after["secret_id"])
    return IMPORT_IDS[change.kind].format(**{**change.after, "project": project})


def _refuse_a_key(world: World, project: str, secret: str) -> None:
    """Terraform's first version would hide it from whoever uses it."""
    if keys.kept(world, project, secret) not in ("", keys.UNSET):
        raise Stopped(
            f"{project} has a secret {secret} with a key in it that Reelay did not "
            "make: deploy into another project, or, if nothing needs it, gcloud "
            f"secrets delete {secret} --project={project}"
        )


def _is_whole(world: World, project: str, after: Mapping[str, Any]) -> bool:
    """Else it is still being made, or it failed and is removed, to be made anew."""
    name = after["name"]
    which = (name, "--gen2", f"--region={after['location']}", f"--project={project}")
    told = _need(world, "functions", "describe", *which, "--format=json").stdout
    if OURS not in told:
        raise Stopped(
            f"There is a function {name} that isn't Reelay's: deploy into another "
            "project or region."
        )
    state = json.loads(told)["state"]
    if state == "DEPLOYING":
        world.person.say(f"  The function {name} is still being made.")
        world.wait_seconds(LOOK_EVERY_SECONDS)
    if state == "FAILED":
        world.person.say(f"  The function {name} was half made: it is made anew.")
        _need(world, "functions", "delete", *which, "--quiet")
    return state not in ("DEPLOYING", "FAILED")


def _index(world: World, project: str, after: Mapping[str, Any]) -> str:
    """Google names it; it is told by its collection and fields."""
    where = ("--database=(default)", f"--project={project}", "--format=json")
    listed = _need(world, "firestore", "indexes", "composite", "list", *where).stdout
    fields = [(each["field_path"], each["order"]) for each in after["fields"]]
    for index in json.loads(listed):
        found = [(each["fieldPath"], each.get("order")) for each in index["fields"]]
        if f"/{after['collection']}/" in index["name"] and found == fields:
            return str(index["name"])
    raise Stopped("Firestore's indexes are changing: run the same command again.")


def _need(world: World, *words: str) -> Ran:
    ran = world.run("gcloud", *words)
    if not ran.ok:
        raise Stopped(f"gcloud {' '.join(words)} failed: {ran.stderr.strip()}")
    return ran

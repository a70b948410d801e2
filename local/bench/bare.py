"""The reference: a bare function of the same packages, without Reelay's guarantees.

A deploy root for functions-framework. `api` commits two documents and enqueues one
task, as Google's samples do; `worker` reads a job and polls the vendor.
"""

import os
import uuid
from functools import cache
from typing import TYPE_CHECKING

import flask
from google.cloud import firestore, tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)

if TYPE_CHECKING:
    import runwayml

PROJECT = os.environ.get("GOOGLE_CLOUD_PROJECT", "")


@cache
def _database() -> firestore.Client:
    return firestore.Client(project=PROJECT)


@cache
def _queue() -> tasks_v2.CloudTasksClient:
    # Imported here, as in Google's sample for an emulator.
    import grpc

    channel = grpc.insecure_channel(os.environ["CLOUD_TASKS_EMULATOR_HOST"])
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


@cache
def _vendor() -> "runwayml.RunwayML":
    import runwayml

    return runwayml.RunwayML(api_key=os.environ["RUNWAY_API_KEY"])


def api(request: flask.Request) -> tuple[flask.Response, int]:
    if request.method == "GET":
        return _read(request)
    body, job_id = request.get_json(), uuid.uuid4().hex
    database, job = _database(), {"job_id": job_id, "status": "queued", **body}
    public = database.collection("bare").document(job_id)
    batch = database.batch()
    batch.create(public, job)
    batch.create(public.collection("internal").document("run"), {**job, "version": 1})
    batch.commit()
    _enqueue(job_id)
    return flask.jsonify(job), 202


def worker(request: flask.Request) -> tuple[flask.Response, int]:
    """One poll of a generation by a plain function: read, ask, write, enqueue."""
    job_id = request.get_json()["job_id"]
    job = _database().collection("bare").document(job_id)
    task = _vendor().tasks.retrieve(job.get().get("task_id"))
    job.update({"status": task.status, "polled_at": firestore.SERVER_TIMESTAMP})
    _enqueue(uuid.uuid4().hex)
    return flask.jsonify({}), 200


def _read(request: flask.Request) -> tuple[flask.Response, int]:
    found = _database().collection("videos").limit(int(request.args["limit"])).get()
    return flask.jsonify([document.to_dict() for document in found]), 200


def _enqueue(job_id: str) -> None:
    queue = _queue()
    parent = queue.queue_path(PROJECT, os.environ["TASKS_LOCATION"], "starts")
    task = tasks_v2.Task(
        name=f"{parent}/tasks/{job_id}",
        http_request=tasks_v2.HttpRequest(
            url=os.environ["WORKER_URL"],
            headers={"Content-Type": "application/json"},
            body=job_id.encode(),
        ),
    )
    queue.create_task(parent=parent, task=task)

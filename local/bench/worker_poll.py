"""A worker from the start of its process to the end of a poll, and a bare function.

The vendor is a simulator whose task outlasts the bench.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import runwayml

from local.bench.at_vendor import client_of, put_job
from local.bench.cold_start import Start, first_response, print_start
from local.bench.figures import alternating
from local.bench.load import BenchRequest
from local.bench.rig import BARE, OURS, Rig
from local.simulators.runway import runway_simulator
from local.simulators.vendor_backend import Pace
from local.vendors import LOCAL_KEY

REFERENCE = "a bare function: read, ask by Runway's SDK, write, enqueue"


def measure(rig: Rig, rounds: int) -> None:
    with (
        runway_simulator(Pace(seconds=3600)) as vendor,
        _running_task(vendor.address) as task_id,
    ):
        theirs = partial(_bare, rig, vendor.address, task_id)
        ours = partial(_ours, rig, vendor.address, task_id)
        theirs(), ours()  # compiles the packages, not counted
        found = alternating(rounds, theirs, ours)
    print_start("cold_start_worker_poll", REFERENCE, *found)


@contextmanager
def _running_task(address: str) -> Iterator[str]:
    """Start a task that runs until the block ends; yield its id."""
    with runwayml.RunwayML(api_key=LOCAL_KEY, base_url=address) as client:
        tasks: Any = client.text_to_video
        task = tasks.create(
            model="gen4.5", prompt_text="a raccoon", ratio="1280:720", duration=5
        )
        yield task.id
        client.tasks.delete(task.id)


def _bare(rig: Rig, address: str, task_id: str) -> Start:
    client = client_of(rig.project)
    job = client.collection("bare").document()
    job.set({"task_id": task_id})
    client.close()
    request = _poll_request(job.id, rig.token("bare"))
    return first_response(rig, "worker", BARE, request, 200, _environ(address))


def _ours(rig: Rig, address: str, task_id: str) -> Start:
    client, began = client_of(rig.project), datetime.now(UTC) - timedelta(minutes=1)
    job = put_job(client, task_id, started_at=began)
    client.close()
    request = _poll_request(job.job_id, rig.invoker_token())
    return first_response(rig, "worker", OURS, request, 204, _environ(address))


def _poll_request(job_id: str, token: str) -> BenchRequest:
    return BenchRequest("/", token, json.dumps({"job_id": job_id}).encode())


def _environ(address: str) -> dict[str, str]:
    return {"RUNWAYML_BASE_URL": address, "RUNWAY_API_KEY": LOCAL_KEY}

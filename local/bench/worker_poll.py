"""The worker from the start of its process to the answer of a poll, beside a bare one.

The vendor is a simulator whose task takes longer than the bench.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import runwayml

from local.bench.at_vendor import client_of, put_job
from local.bench.cold_start import Start, first_answer, print_start
from local.bench.figures import alternating
from local.bench.load import Asked
from local.bench.stand import BARE, OURS, Stand
from local.simulators.runway import runway_simulator
from local.simulators.studio import Pace
from local.vendors import LOCAL_KEY

REFERENCE = "a bare function: read, ask by Runway's SDK, write, enqueue"


def measure(stand: Stand, rounds: int) -> None:
    with runway_simulator(Pace(seconds=3600)) as vendor, _ordered(vendor.address) as on:
        theirs = partial(_bare, stand, vendor.address, on)
        ours = partial(_ours, stand, vendor.address, on)
        theirs(), ours()  # compiles the packages: not counted
        found = alternating(rounds, theirs, ours)
    print_start("cold_start_worker_poll", REFERENCE, *found)


@contextmanager
def _ordered(address: str) -> Iterator[str]:
    """A task that runs until the block ends."""
    with runwayml.RunwayML(api_key=LOCAL_KEY, base_url=address) as client:
        tasks: Any = client.text_to_video
        task = tasks.create(
            model="gen4.5", prompt_text="a raccoon", ratio="1280:720", duration=5
        )
        yield task.id
        client.tasks.delete(task.id)


def _bare(stand: Stand, address: str, task_id: str) -> Start:
    client = client_of(stand.project)
    job = client.collection("bare").document()
    job.set({"task_id": task_id})
    client.close()
    asked = _look_at(job.id, stand.token("bare"))
    return first_answer(stand, "worker", BARE, asked, 200, _at(address))


def _ours(stand: Stand, address: str, task_id: str) -> Start:
    client, began = client_of(stand.project), datetime.now(UTC) - timedelta(minutes=1)
    job = put_job(client, task_id, started_at=began)
    client.close()
    asked = _look_at(job.job_id, stand.invoker_token())
    return first_answer(stand, "worker", OURS, asked, 204, _at(address))


def _look_at(job_id: str, token: str) -> Asked:
    return Asked("/", token, json.dumps({"job_id": job_id}).encode())


def _at(address: str) -> dict[str, str]:
    return {"RUNWAYML_BASE_URL": address, "RUNWAY_API_KEY": LOCAL_KEY}

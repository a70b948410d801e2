"""A thousand jobs in flight on one worker process, as deployed, compared to ten.

The vendor has accepted all of them, and finishes them at the same rate in both runs.
The queue, the bucket and Firestore are the local emulators; the vendor's videos have
few frames, so that the machine keeps up. Both runs together take ten minutes.
"""

import io
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from google.cloud import firestore
from PIL import Image
from werkzeug import Request, Response

from local.bench.at_vendor import client_of, put_job
from local.bench.figures import peak_resident_mb, percentile, print_compared
from local.bench.rig import NOWHERE, OURS, Function, Rig
from local.functions import LOCATION
from local.http_server import HttpServer, application, as_json
from local.processes import RunningProcess, free_port, python
from local.simulators.render import Shape, render
from local.vendors import LOCAL_KEY
from shared.gcp import task_queue
from shared.jobs.schedule import TaskScheduler
from shared.ports.store import TaskQueue

JOBS, FEW = 1000, 10
READY_PER_SECOND = 3.0
# The lead time before the first result is ready: per job, and in addition.
LEAD_SECONDS_PER_JOB, LEAD_SECONDS = 0.15, 20.0
TIMEOUT = timedelta(minutes=20)
REFERENCE = f"{FEW} jobs, ready at the same rate"


@dataclass(frozen=True, slots=True)
class Run:
    lag_p50: float
    lag_p95: float
    peak_mb: float
    cpu_ms: float


def measure(rig: Rig) -> None:
    few, many = _run(rig, FEW), _run(rig, JOBS)
    rows = (
        ("in_flight_lag_p95", "s", attrgetter("lag_p95"), "at most 2"),
        ("in_flight_lag_p50", "s", attrgetter("lag_p50"), ""),
        ("in_flight_memory", "MB", attrgetter("peak_mb"), "at most 100 MB more"),
        ("in_flight_cpu_ms_per_job", "ms", attrgetter("cpu_ms"), ""),
    )
    print_compared(REFERENCE, [few], [many], rows)


def _run(rig: Rig, jobs: int) -> Run:
    ready: dict[str, datetime] = {}
    with ExitStack() as stack:
        vendor = stack.enter_context(_vendor(ready))
        function, add_job, completed = stack.enter_context(_worker(rig, vendor))
        ready["first"] = datetime.now(UTC)
        add_job("first", ready["first"])
        _await_all(completed, ready)  # imports and compiles, not counted
        del ready["first"]
        lead = timedelta(seconds=LEAD_SECONDS + jobs * LEAD_SECONDS_PER_JOB)
        begin, began_cpu = datetime.now(UTC) + lead, function.cpu_seconds()
        for nth in range(jobs):
            at = begin + timedelta(seconds=nth / READY_PER_SECOND)
            ready[f"task{nth}"] = at
            add_job(f"task{nth}", at)
        found = _await_all(completed, ready)
        cpu_ms = (function.cpu_seconds() - began_cpu) * 1000 / jobs
        lags = [(found[task] - at).total_seconds() for task, at in ready.items()]
        return Run(
            lag_p50=percentile(lags, 50),
            lag_p95=percentile(lags, 95),
            peak_mb=max(peak_resident_mb(p.pid) for p in function.processes()),
            cpu_ms=cpu_ms,
        )


@contextmanager
def _worker(
    rig: Rig, vendor: str
) -> Iterator[tuple[Function, Callable[[str, datetime], None], Any]]:
    """The worker, a function to give it a job, and one to see which have ended."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=rig.folder))
    with ExitStack() as stack:
        storage = _server(
            stack,
            folder,
            "local.emulators.storage",
            *("--folder", str(folder / "objects"), "--key", str(rig.key_file)),
        )
        tasks = _server(
            stack,
            folder,
            "local.emulators.tasks",
            *("--key", str(rig.pem_file), "--project", rig.project),
        )
        environ = {
            "STORAGE_EMULATOR_HOST": storage["address"],
            "CLOUD_TASKS_EMULATOR_HOST": tasks["tasks"],
            "WORKER_URL": f"http://127.0.0.1:{port}",
            "RUNWAYML_BASE_URL": vendor,
            "RUNWAY_API_KEY": LOCAL_KEY,
            "THREADS": "2",  # as Terraform sets it
        }
        running = rig.function("worker", OURS, environ, port=port)
        function = stack.enter_context(running)
        client = client_of(rig.project)
        stack.callback(client.close)
        queue = task_queue.CloudTasksQueue(
            client=task_queue.client(tasks["tasks"]),
            project=rig.project,
            location=LOCATION,
            queues={queue: queue.value for queue in TaskQueue},
            worker_url=environ["WORKER_URL"],
            audience=NOWHERE,
            invoker_email=rig.invoker,
            dispatch_deadline=timedelta(minutes=5),
        )
        scheduler = TaskScheduler(queue=queue)
        made: dict[str, str] = {}

        def add_job(task_id: str, ready_at: datetime) -> None:
            now = datetime.now(UTC)
            seconds = math.ceil((ready_at - now).total_seconds())
            plan = range(max(5, seconds - 5), seconds + 60, 6)
            job = put_job(client, task_id, started_at=now, poll_plan=plan)
            made[task_id] = job.job_id
            scheduler.schedule_step(job)

        yield function, add_job, partial(_completed, client, made)


def _server(
    stack: ExitStack, folder: Path, module: str, *arguments: str
) -> Mapping[str, str]:
    command, log = python(module, "--port", "0", *arguments), folder / f"{module}.log"
    running = RunningProcess(command, environment={}, log=log, announces=True)
    return stack.enter_context(running).announcement()


def _completed(client: firestore.Client, made: Mapping[str, str]) -> dict[str, Any]:
    """When each job was completed, by task. Raises RuntimeError if one has failed."""
    found = {}
    snapshots = {each.id: each for each in client.collection("videos").stream()}
    for task_id, job_id in made.items():
        job = snapshots[job_id].to_dict() or {}
        if job["status"] == "failed":
            raise RuntimeError(job["attempts"])
        if job["status"] == "completed":
            found[task_id] = snapshots[job_id].update_time
    return found


def _await_all(
    completed: Callable[[], dict[str, Any]], ready: Mapping[str, datetime]
) -> dict[str, Any]:
    """Wait until all are completed.

    Looks only after the last result is ready, as looking slows the worker down.
    """
    time.sleep(max(0.0, (max(ready.values()) - datetime.now(UTC)).total_seconds()))
    give_up_at = datetime.now(UTC) + TIMEOUT
    while not (found := completed()).keys() >= ready.keys():
        if datetime.now(UTC) > give_up_at:
            raise RuntimeError(f"{len(ready.keys() - found)} jobs did not end")
        time.sleep(5)
    return found


@contextmanager
def _vendor(ready: Mapping[str, datetime]) -> Iterator[str]:
    """A Runway whose tasks are done at the times in `ready`."""
    video = _video()

    def view(request: Request) -> Response:
        if request.path.startswith("/outputs/"):
            return Response(video, content_type="video/mp4")
        task_id = request.path.rpartition("/")[2]
        if datetime.now(UTC) < ready[task_id]:
            return as_json({"id": task_id, "status": "RUNNING", "progress": 0.5})
        url = f"{request.host_url}outputs/{task_id}.mp4"
        done = {"status": "SUCCEEDED", "output": [url], "cost": {"credits": 25}}
        return as_json({"id": task_id, **done})

    with HttpServer(application(view)) as server:
        yield server.url


def _video() -> bytes:
    """Five seconds in 720p, with ten frames."""
    image = io.BytesIO()
    Image.new("RGB", (1280, 720), "grey").save(image, "JPEG")
    shape = Shape(width=1280, height=720, duration_seconds=5, frames_per_second=2)
    return render(image.getvalue(), shape, lambda _: None)

"""Many jobs at once on one worker process, as deployed, beside ten.

Their tasks are all at the vendor, and results get ready at the same rate in both runs.
The queue, the bucket and Firestore are the local emulators; the vendor's videos have
few frames, so that the machine keeps up. Both runs take ten minutes together.
"""

import math
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import av
from google.cloud import firestore
from werkzeug import Request, Response

from local.bench.at_vendor import client_of, put_job
from local.bench.figures import percentile, print_beside
from local.bench.stand import NOWHERE, OURS, Function, Stand
from local.functions import LOCATION
from local.http_server import HttpServer, WsgiApp, as_json
from local.processes import Program, Running, free_port, python
from local.vendors import LOCAL_KEY
from shared.gcp import task_queue
from shared.jobs.schedule import TaskScheduler

JOBS, FEW = 1000, 10
READY_A_SECOND = 3.0
# Before the first result is ready, each job takes so long to be made.
MAKING_SECONDS, LEAD_SECONDS = 0.15, 20.0
PATIENCE = timedelta(minutes=20)
TEN = f"{FEW} jobs, ready at the same rate"


@dataclass(frozen=True, slots=True)
class Run:
    lag_p50: float
    lag_p95: float
    most_mb: float
    cpu_ms: float


def measure(stand: Stand) -> None:
    few, many = _run(stand, FEW), _run(stand, JOBS)
    rows = (
        ("in_flight_lag_p95", "s", attrgetter("lag_p95"), "at most 2"),
        ("in_flight_lag_p50", "s", attrgetter("lag_p50"), ""),
        ("in_flight_memory", "MB", attrgetter("most_mb"), "at most 100 MB more"),
        ("in_flight_cpu_ms_per_job", "ms", attrgetter("cpu_ms"), ""),
    )
    print_beside(TEN, [few], [many], rows)


def _run(stand: Stand, jobs: int) -> Run:
    ready: dict[str, datetime] = {}
    with ExitStack() as stack:
        vendor = stack.enter_context(_vendor(ready))
        function, give, completed = stack.enter_context(_worker(stand, vendor))
        ready["first"] = datetime.now(UTC)
        give("first", ready["first"])
        _await(completed, ready)  # imports and compiles: not counted
        del ready["first"]
        lead = timedelta(seconds=LEAD_SECONDS + jobs * MAKING_SECONDS)
        begin, began_cpu = datetime.now(UTC) + lead, function.cpu_seconds()
        for nth in range(jobs):
            at = begin + timedelta(seconds=nth / READY_A_SECOND)
            ready[f"task{nth}"] = at
            give(f"task{nth}", at)
        found = _await(completed, ready)
        cpu_ms = (function.cpu_seconds() - began_cpu) * 1000 / jobs
        lags = [(found[task] - at).total_seconds() for task, at in ready.items()]
        return Run(
            lag_p50=percentile(lags, 50),
            lag_p95=percentile(lags, 95),
            most_mb=_most_mb(function),
            cpu_ms=cpu_ms,
        )


@contextmanager
def _worker(
    stand: Stand, vendor: str
) -> Iterator[tuple[Function, Callable[[str, datetime], None], Any]]:
    """The worker, how a job is given to it, and where its jobs stand."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=stand.folder))
    with ExitStack() as stack:
        storage = _server(
            stack,
            folder,
            "local.emulators.storage",
            *("--folder", str(folder / "objects"), "--key", str(stand.key_file)),
        )
        tasks = _server(
            stack,
            folder,
            "local.emulators.tasks",
            *("--key", str(stand.pem_file), "--project", stand.project),
        )
        environ = {
            "STORAGE_EMULATOR_HOST": storage["address"],
            "CLOUD_TASKS_EMULATOR_HOST": tasks["tasks"],
            "WORKER_URL": f"http://127.0.0.1:{port}",
            "RUNWAYML_BASE_URL": vendor,
            "RUNWAY_API_KEY": LOCAL_KEY,
            "THREADS": "2",  # as Terraform sets it
        }
        running = stand.function("worker", OURS, environ, port=port)
        function = stack.enter_context(running)
        client = client_of(stand.project)
        stack.callback(client.close)
        queue = task_queue.CloudTasksQueue(
            client=task_queue.client(tasks["tasks"]),
            project=stand.project,
            location=LOCATION,
            starts_queue="starts",
            steps_queue="steps",
            webhooks_queue="webhooks",
            worker_url=environ["WORKER_URL"],
            audience=NOWHERE,
            invoker_email=stand.invoker,
            dispatch_deadline=timedelta(minutes=5),
        )
        scheduler = TaskScheduler(queue=queue)
        made: dict[str, str] = {}

        def give(task_id: str, ready_at: datetime) -> None:
            now = datetime.now(UTC)
            seconds = math.ceil((ready_at - now).total_seconds())
            plan = range(max(5, seconds - 5), seconds + 60, 6)
            job = put_job(client, task_id, started_at=now, poll_plan=plan)
            made[task_id] = job.job_id
            scheduler.schedule_step(job)

        yield function, give, partial(_completed, client, made)


def _server(
    stack: ExitStack, folder: Path, module: str, *arguments: str
) -> Mapping[str, str]:
    program = Program(
        name=module,
        command=python(module, "--port", "0", *arguments),
        environment={},
        log=folder / f"{module}.log",
    )
    running = Running(program, announces=True)
    stack.callback(running.end)
    return running.announcement()


def _completed(client: firestore.Client, made: Mapping[str, str]) -> dict[str, Any]:
    """By task, when its job was completed; RuntimeError if one was not."""
    found = {}
    snapshots = {each.id: each for each in client.collection("videos").stream()}
    for task_id, job_id in made.items():
        job = snapshots[job_id].to_dict() or {}
        if job["status"] == "failed":
            raise RuntimeError(job["attempts"])
        if job["status"] == "completed":
            found[task_id] = snapshots[job_id].update_time
    return found


def _await(
    completed: Callable[[], dict[str, Any]], ready: Mapping[str, datetime]
) -> dict[str, Any]:
    """Looks only once the last one is ready: until then, looking would take time from
    the worker.
    """
    time.sleep(max(0.0, (max(ready.values()) - datetime.now(UTC)).total_seconds()))
    give_up_at = datetime.now(UTC) + PATIENCE
    while not (found := completed()).keys() >= ready.keys():
        if datetime.now(UTC) > give_up_at:
            raise RuntimeError(f"{len(ready.keys() - found)} jobs did not end")
        time.sleep(5)
    return found


def _most_mb(function: Function) -> float:
    """The most that a process of the function ever had."""
    most = []
    for process in function.processes():
        status = Path(f"/proc/{process.pid}/status").read_text()
        most += re.findall(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return max(map(int, most)) / 1000


@contextmanager
def _vendor(ready: Mapping[str, datetime]) -> Iterator[str]:
    """Runway, whose tasks are done when `ready` says so."""
    video = _video()

    @Request.application
    def app(request: Request) -> Response:
        if request.path.startswith("/outputs/"):
            return Response(video, content_type="video/mp4")
        task_id = request.path.rpartition("/")[2]
        if datetime.now(UTC) < ready[task_id]:
            return as_json({"id": task_id, "status": "RUNNING", "progress": 0.5})
        url = f"{request.host_url}outputs/{task_id}.mp4"
        done = {"status": "SUCCEEDED", "output": [url], "cost": {"credits": 25}}
        return as_json({"id": task_id, **done})

    with HttpServer(cast(WsgiApp, app)) as server:
        yield server.url


def _video() -> bytes:
    """Five seconds in 720p, of ten frames."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            images = container.add_stream("libx264", 2)
            images.width, images.height, images.pix_fmt = 1280, 720, "yuv420p"
            for nth in range(10):
                frame: Any = av.VideoFrame(1280, 720, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([100 + nth]) * plane.buffer_size)
                frame.pts, frame.time_base = nth, Fraction(1, 2)
                container.mux(images.encode(frame))
            container.mux(images.encode(None))
        return path.read_bytes()

"""Whole jobs on the local stack: each one's calls to Google, worker time and cost."""

import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from functools import partial
from operator import itemgetter
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import requests

from local.bench import COUNTS_VARIABLE
from local.bench.figures import Row, print_compared
from local.database import firestore_of
from local.demo.client import DemoClient
from local.processes import python
from local.stack import ROOT, Stack, StackOptions
from shared.domain.poll_plan import MIN_TASKS, TaskTimes, TaskTiming, task_kind
from shared.gcp.firestore_records import to_record
from shared.media import decoder

GENERATION_SECONDS = 60.0
# Spaced like the reference, since results that arrive at once wait for one decoder.
JOBS, SECONDS_BETWEEN = 4, 4.0
MODEL = "gen4_turbo"
BODY: dict[str, Any] = {"prompt": "a raccoon", "model": "runway", "duration": 5}
# USD, Google's list prices as of 2026-11, without free quotas; Firestore's for a
# multi-region (a region costs half): cloud.google.com, /firestore/pricing and so on.
PRICES: Mapping[str, Decimal] = {
    "reads": Decimal("0.06") / 100_000,
    "writes": Decimal("0.18") / 100_000,
    "tasks": Decimal("0.40") / 1_000_000,
    "storage_puts": Decimal("0.05") / 10_000,
    "storage_gets": Decimal("0.004") / 10_000,
    "calls": Decimal("0.40") / 1_000_000,
    # A vCPU and 2 GiB for a second, as if no instance had two requests at once.
    "api_seconds": Decimal("0.000024") + 2 * Decimal("0.0000025"),
    "worker_seconds": Decimal("0.000024") + 2 * Decimal("0.0000025"),
}

REFERENCE = "a program that waits for the same generation with Runway's SDK"
Figures = dict[str, float]
CALLS: Sequence[Row[Figures]] = (
    ("firestore_reads_per_job", "documents", itemgetter("reads"), "at most 12"),
    ("firestore_writes_per_job", "documents", itemgetter("writes"), "polls + 8"),
    ("tasks_per_job", "tasks", itemgetter("tasks"), ""),
    ("listener_events_per_job", "events", itemgetter("events"), "at most 10"),
)
WORKER_TIME: Sequence[Row[Figures]] = (
    ("worker_seconds_per_job", "s", itemgetter("seconds"), "at most 0.01"),
    ("worker_cpu_ms_per_job", "ms", itemgetter("cpu_ms"), "at most 2"),
    ("worker_cpu_ms_per_job_undecoded", "ms", itemgetter("undecoded_ms"), "at most 2"),
)


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="reelay-bench-") as folder:
        counts = Path(folder) / "counts"
        environ = {name: os.environ[name] for name in ("PATH", "HOME")}
        options = StackOptions(
            environ=environ | {COUNTS_VARIABLE: str(counts)},
            seconds=GENERATION_SECONDS,
            source=ROOT / "local" / "bench" / "counted.py",
            firestore_memory="1g",
        )
        with Stack(options) as stack:
            _store_task_times(stack)
            _run_job(stack)  # imports and compiles, not counted
            _await_last_step(stack)
            counts.write_text("")
            before = _cpu_seconds(stack), _decoding_seconds(stack)
            with ThreadPoolExecutor(JOBS) as users:
                events, prices = zip(
                    *users.map(partial(_run_job_after, stack), range(JOBS)), strict=True
                )
            _await_last_step(stack)
            cpu = (_cpu_seconds(stack) - before[0]) / JOBS
            decoding = (_decoding_seconds(stack) - before[1]) / JOBS
            waited = _reference(stack)
        total: Counter[str] = Counter()
        for line in counts.read_text().splitlines():
            total.update(json.loads(line))
    each = {name: value / JOBS for name, value in total.items()}
    print_compared("", [], [each | {"events": max(events)}], CALLS)
    ours = _worker_time(each["worker_seconds"], cpu, cpu - decoding)
    waited_cpu = waited["cpu_seconds"]
    waiting = _worker_time(waited["seconds"], waited_cpu, waited_cpu)
    print_compared(REFERENCE, [waiting], [ours], WORKER_TIME)
    cost = [("cost_per_job", "USD", float, "under 0.002")]
    print_compared("the video's own price", [prices[0]], [_cost_usd(each)], cost)


def _worker_time(seconds: float, cpu: float, undecoded: float) -> Figures:
    return {"seconds": seconds, "cpu_ms": cpu * 1000, "undecoded_ms": undecoded * 1000}


def _store_task_times(stack: Stack) -> None:
    """Store what the first eight videos teach, so that polls are planned."""
    took = TaskTiming(
        working=int(GENERATION_SECONDS), ready=int(GENERATION_SECONDS) + 4
    )
    known = [(task_kind(MODEL, BODY["duration"]), took)] * MIN_TASKS
    with closing(firestore_of(stack.firestore, stack.project)) as client:
        client.document("control/task_times").set(to_record(TaskTimes().plus(known)))


def _run_job_after(stack: Stack, nth: int) -> tuple[int, Decimal]:
    time.sleep(nth * SECONDS_BETWEEN)
    return _run_job(stack)


def _run_job(stack: Stack) -> tuple[int, Decimal]:
    """Run a job; return its number of listener events and the cost of the video."""
    with closing(DemoClient(stack)) as client:
        image = client.upload(ROOT / "local" / "raccoon.jpg", "image/jpeg")
        job_id = client.call("POST", "/v1/videos", {**BODY, "image": image})["job_id"]
        with client.following(job_id) as news:
            return _until_the_end(news)


def _await_last_step(stack: Stack) -> None:
    """Wait for the last step, which counts after the commit that the listener sees."""
    url = f"{stack.tasks_control}/queues"
    while any(q["running"] for q in requests.get(url, timeout=10).json().values()):
        time.sleep(0.05)


def _until_the_end(news: "Queue[dict[str, Any]]") -> tuple[int, Decimal]:
    events = 0
    while True:
        job = news.get(timeout=300)
        events += 1
        if job.get("status") == "failed":
            raise RuntimeError(job["attempts"])
        if job.get("status") == "completed":
            return events, Decimal(job["cost_usd"])


def _cpu_seconds(stack: Stack) -> float:
    """CPU time of the worker, including the child processes in which it decodes."""
    return sum(sum(each.cpu_times()[:4]) for each in _processes(stack))


def _decoding_seconds(stack: Stack) -> float:
    """CPU time of only the child processes that decoded an image or a video."""
    decoders = [p for p in _processes(stack) if str(decoder.PROGRAM) in p.cmdline()]
    return sum(sum(each.cpu_times()[2:4]) for each in decoders)


def _processes(stack: Stack) -> list[psutil.Process]:
    server = psutil.Process(stack._parts["worker"].pid)
    return [server, *server.children(recursive=True)]


def _reference(stack: Stack) -> dict[str, float]:
    where = (stack.addresses["runway"], stack.addresses["storage"])
    command = python("local.bench.waiting", *where)
    ran = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    waited: dict[str, float] = json.loads(ran.stdout)
    return waited


def _cost_usd(each: Mapping[str, float]) -> Decimal:
    calls = each["api_calls"] + each["worker_calls"]
    counts = {**each, "calls": calls}
    return sum(
        (Decimal(counts.get(name, 0)) * price for name, price in PRICES.items()),
        Decimal(0),
    )

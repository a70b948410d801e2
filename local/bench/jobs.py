"""Whole jobs on the local stack: what each asks of Google, occupies, and costs."""

import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import requests

from local.bench import COUNTS
from local.bench.figures import Figure
from local.demo.client import DemoClient, firestore_of
from local.processes import python
from local.stack import ROOT, Stack, StackOptions
from shared.domain.poll_plan import FEWEST, TaskTimes, Took, kind
from shared.gcp.firestore_records import to_record
from shared.media import decoder

GENERATION_SECONDS = 60.0
# Each by itself, as the reference: results that come at once wait for one decoder.
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


def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="reelay-bench-") as folder:
        counts = Path(folder) / "counts"
        environ = {name: os.environ[name] for name in ("PATH", "HOME")}
        options = StackOptions(
            environ=environ | {COUNTS: str(counts)},
            seconds=GENERATION_SECONDS,
            source=ROOT / "local" / "bench" / "counted.py",
            firestore_memory="1g",
        )
        with Stack(options) as stack:
            _teach(stack)
            _one(stack)  # imports and compiles: not counted
            _await_last_step(stack)
            counts.write_text("")
            before = _cpu_seconds(stack), _decoding_seconds(stack)
            with ThreadPoolExecutor(JOBS) as users:
                events, prices = zip(
                    *users.map(partial(_one_after, stack), range(JOBS)), strict=True
                )
            _await_last_step(stack)
            cpu = (_cpu_seconds(stack) - before[0]) / JOBS
            decoding = (_decoding_seconds(stack) - before[1]) / JOBS
            waited = _waited(stack)
        total: Counter[str] = Counter()
        for line in counts.read_text().splitlines():
            total.update(json.loads(line))
    each = {name: value / JOBS for name, value in total.items()}
    _print(each, max(events), cpu, decoding, waited, prices[0])


def _teach(stack: Stack) -> None:
    """As after the first eight videos: polls are planned."""
    client = firestore_of(stack)
    took = Took(working=int(GENERATION_SECONDS), ready=int(GENERATION_SECONDS) + 4)
    known = [(kind(MODEL, BODY["duration"]), took)] * FEWEST
    client.document("control/task_times").set(to_record(TaskTimes().plus(known)))
    client.close()


def _one_after(stack: Stack, nth: int) -> tuple[int, Decimal]:
    time.sleep(nth * SECONDS_BETWEEN)
    return _one(stack)


def _one(stack: Stack) -> tuple[int, Decimal]:
    """Of one job: the events of its listener, and what the video cost."""
    client = DemoClient(stack)
    try:
        image = client._upload(ROOT / "local" / "raccoon.jpg", "image/jpeg")
        job_id = client.call("POST", "/v1/videos", {**BODY, "image": image})["job_id"]
        with client.following(job_id) as news:
            return _until_the_end(news)
    finally:
        client.close()


def _await_last_step(stack: Stack) -> None:
    """It counts what it did after its commit, which the listener hears of before."""
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
    """Of the worker, with the children in which it decodes."""
    return sum(sum(each.cpu_times()[:4]) for each in _processes(stack))


def _decoding_seconds(stack: Stack) -> float:
    """Of the children alone that decoded an image or a video."""
    decoders = [p for p in _processes(stack) if str(decoder.PROGRAM) in p.cmdline()]
    return sum(sum(each.cpu_times()[2:4]) for each in decoders)


def _processes(stack: Stack) -> list[psutil.Process]:
    server = psutil.Process(stack._parts["worker"].pid)
    return [server, *server.children(recursive=True)]


def _waited(stack: Stack) -> dict[str, float]:
    where = (stack.addresses["runway"], stack.addresses["storage"])
    command = python("local.bench.waiting", *where)
    ran = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    waited: dict[str, float] = json.loads(ran.stdout)
    return waited


def _print(
    each: Mapping[str, float],
    events: int,
    cpu: float,
    decoding: float,
    waited: Mapping[str, float],
    video_usd: Decimal,
) -> None:
    waiting = "a program that waits for the same generation with Runway's SDK"
    cost = _cost_usd(each)
    for metric, unit, value, reference, beside, goal in (
        ("firestore_reads_per_job", "documents", each["reads"], "", None, "at most 12"),
        (
            "firestore_writes_per_job",
            "documents",
            each["writes"],
            "",
            None,
            "polls + 8",
        ),
        ("tasks_per_job", "tasks", each["tasks"], "", None, ""),
        ("listener_events_per_job", "events", events, "", None, "at most 10"),
        (
            "worker_seconds_per_job",
            "s",
            each["worker_seconds"],
            *(waiting, waited["seconds"], "at most 0.01"),
        ),
        (
            "worker_cpu_ms_per_job",
            "ms",
            cpu * 1000,
            *(waiting, waited["cpu_seconds"] * 1000, "at most 2"),
        ),
        (
            "worker_cpu_ms_per_job_undecoded",
            "ms",
            (cpu - decoding) * 1000,
            *(waiting, waited["cpu_seconds"] * 1000, "at most 2"),
        ),
        (
            "cost_per_job",
            "USD",
            float(cost),
            *("the video's own price", float(video_usd), "under 0.002"),
        ),
    ):
        Figure(
            metric=metric,
            unit=unit,
            values=[float(value)],
            reference=reference,
            references=[] if beside is None else [beside],
            goal=goal,
        ).print()


def _cost_usd(each: Mapping[str, float]) -> Decimal:
    calls = each["api_calls"] + each["worker_calls"]
    counts = {**each, "calls": calls}
    return sum(
        (Decimal(counts.get(name, 0)) * price for name, price in PRICES.items()),
        Decimal(0),
    )

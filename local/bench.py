"""`python -m local.bench`: figures of speed, a JSON object per line.

Each is measured beside a reference in the same run: {"metric", "value", "unit",
"reference", "reference_value", "ratio"}. Machines differ, the ratio less so.
"""

import argparse
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import requests
import structlog
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.emulators.firestore import running
from local.identity import user_token
from local.stack import ROOT, Stack, StackOptions
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS
from shared.domain.errors import ReelayError
from shared.domain.job import Language
from shared.domain.ledger import Caps, Limits
from shared.domain.request import VideoRequest
from shared.gcp.firestore_calls import Batch, Database
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_prices import FirestorePrices
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.gcp.firestore_switch import FirestoreSwitch
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import StepTask, WebhookTask
from shared.system import RandomIds, SystemClock, pause
from shared.usecases.create_video import CreateVideo

EMULATOR = "FIRESTORE_EMULATOR_HOST"
ARRIVALS_A_SECOND = 50.0
# What a region adds between the reads and the commit of one creation.
DISTANCE_SECONDS = 0.05
USERS = 1000
CALLERS = 16
BODY = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
UNLIMITED = Limits(most_open_jobs=10**6, most_jobs_a_minute=10**6)
CAPPED = replace(UNLIMITED, everybody=Caps(daily_usd=Decimal(10**6)))
# What a first POST /v1/videos imports, and the libraries that it cannot do without.
API = "import main, shared.gcp.firestore_jobs, shared.gcp.task_queue"
LIBRARIES = "import functions_framework, google.cloud.firestore, google.cloud.tasks_v2"


def report(
    metric: str, unit: str, value: float, reference: str, reference_value: float
) -> None:
    line = {
        "metric": metric,
        "value": round(value, 3),
        "unit": unit,
        "reference": reference,
        "reference_value": round(reference_value, 3),
        "ratio": round(value / reference_value, 3) if reference_value else None,
    }
    print(json.dumps(line), flush=True)


class _DistantBatch(Batch):
    def commit(self, *, may_resend: bool = True) -> Sequence[object]:
        time.sleep(DISTANCE_SECONDS)
        return super().commit(may_resend=may_resend)


class _DistantDatabase(Database):
    def batch(self) -> Batch:
        return _DistantBatch(self._client, self._limits)


class _NoQueue:
    def enqueue(self, task: StepTask) -> None: ...
    def enqueue_webhook(self, task: WebhookTask) -> None: ...


def creations(limits: Limits, seconds: float) -> tuple[float, float]:
    """Jobs a second, and the 95th percentile of how long each caller waited, for a job
    or for a refusal. Users arrive whether or not earlier ones are done."""
    create = _create_video(limits)
    waits: list[float] = []
    created: list[str] = []
    request = VideoRequest.parse(BODY)

    def one() -> None:
        began = time.monotonic()
        with suppress(ReelayError):
            user = Caller(user_id=f"user{random.randrange(USERS)}")  # noqa: S311
            created.append(create(user, request, Language.ENGLISH).job.job_id)
        waits.append(time.monotonic() - began)

    began = time.monotonic()
    with ThreadPoolExecutor(int(ARRIVALS_A_SECOND * 4)) as callers:
        for nth in range(int(ARRIVALS_A_SECOND * seconds)):
            time.sleep(max(0.0, began + nth / ARRIVALS_A_SECOND - time.monotonic()))
            callers.submit(one)
    per_second = len(created) / (time.monotonic() - began)
    return per_second, statistics.quantiles(waits, n=20)[-1]


def _create_video(limits: Limits) -> CreateVideo:
    """On an empty project of its own."""
    client = firestore.Client(
        project=f"bench-{uuid.uuid4().hex[:8]}", credentials=AnonymousCredentials()
    )
    database = _DistantDatabase(client)
    return CreateVideo(
        jobs=FirestoreJobs(database, limits),
        idempotency=FirestoreIdempotency(database),
        quotas=FirestoreQuotas(database, limits),
        scheduler=TaskScheduler(queue=_NoQueue()),
        clock=SystemClock(),
        ids=RandomIds(),
        pause=pause,
        price_watch=PriceWatch(
            store=FirestorePrices(database), clock=SystemClock(), pause=pause
        ),
        kill_switch=KillSwitch(store=FirestoreSwitch(database), pause=pause),
        limits=limits,
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        stop_on_unknown=False,
        retention_days=30,
        signs_webhooks=False,
    )


def measure_creations(seconds: float) -> None:
    creations(UNLIMITED, seconds)  # the emulator compiles as it goes: not counted
    free, free_p95 = creations(UNLIMITED, seconds)
    without = "the same without a cap"
    for name, limits in (
        ("creations_with_a_cap", CAPPED),
        ("creations_with_a_cap_in_one_document", replace(CAPPED, shards=1)),
    ):
        per_second, p95 = creations(limits, seconds)
        report(name, "1/s", per_second, without, free)
        report(f"{name}_p95", "s", p95, without, free_p95)


def measure_submissions(host: str, seconds: float) -> None:
    """POST /v1/videos over HTTP, of the api as the local stack runs it."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME")} | {
        EMULATOR: host,
        "GOOGLE_CLOUD_PROJECT": f"demo-{uuid.uuid4().hex[:8]}",
        "USER_MAX_JOBS": "99999",
        "USER_MAX_JOBS_PER_MINUTE": "99999",
    }
    with Stack(StackOptions(environ=environ)) as stack:
        api = stack.addresses["api"]
        now = datetime.now(UTC)
        tokens = [
            user_token(stack.project, f"user{n}", admin=False, now=now)
            for n in range(CALLERS)
        ]

        def submit(session: requests.Session, nth: int) -> int:
            headers = {"Authorization": f"Bearer {tokens[nth]}"}
            answer = session.post(
                f"{api}/v1/videos", json=BODY, headers=headers, timeout=30
            )
            return answer.status_code

        def health(session: requests.Session, _: int) -> int:
            return session.get(f"{api}/health", timeout=30).status_code

        answered = rate(health, 200, seconds)
        submitted = rate(submit, 202, seconds)
    report("submissions", "1/s", submitted, "GET /health", answered)


def rate(
    call: Callable[[requests.Session, int], int], status: int, seconds: float
) -> float:
    """Answers with `status` a second, to callers that ask again and again."""
    ends_at = time.monotonic() + seconds

    def ask(nth: int) -> int:
        good = 0
        with requests.Session() as session:
            while time.monotonic() < ends_at:
                good += call(session, nth) == status
        return good

    with ThreadPoolExecutor(CALLERS) as callers:
        return sum(callers.map(ask, range(CALLERS))) / seconds


def measure_cold_import(times: int) -> None:
    """What a cold start of the api spends on imports, beside those it can't avoid."""

    def seconds(code: str) -> float:
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        return time.monotonic() - began

    pairs = [(seconds(API), seconds(LIBRARIES)) for _ in range(times)]
    ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    report("cold_import_of_the_api", "s", ours, "its libraries alone", theirs)


@contextmanager
def emulator() -> Iterator[str]:
    """host:port of the one that is set, else of one that runs meanwhile."""
    if host := os.environ.get(EMULATOR):
        yield host
        return
    with tempfile.TemporaryDirectory(prefix="reelay-bench-") as folder:
        log = Path(folder) / "firestore.log"
        with running(memory="1g", log=log) as (host, _):
            os.environ[EMULATOR] = host
            try:
                yield host
            finally:
                del os.environ[EMULATOR]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m local.bench")
    parser.add_argument("--seconds", type=float, default=10.0, help="each, 10")
    asked = parser.parse_args(arguments)
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    measure_cold_import(times=5)
    with emulator() as host:
        measure_creations(asked.seconds)
        measure_submissions(host, asked.seconds)


if __name__ == "__main__":
    main()

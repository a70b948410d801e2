"""Creations against a cap of all users, with a region's distance to Firestore."""

import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import repeat

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.bench.figures import Figure, alternating, percentile
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS
from shared.domain.errors import ReelayError
from shared.domain.job import Language
from shared.domain.ledger import SHARDS, Caps, Limits
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
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

ARRIVALS_A_SECOND = 50.0
# What a region adds between the reads and the commit of one creation.
DISTANCE_SECONDS = 0.05
USERS = 1000
BODY = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
UNLIMITED = Limits(most_open_jobs=10**6, most_jobs_a_minute=10**6)
CAPPED = replace(UNLIMITED, everybody=Caps(daily_usd=Decimal(10**6)))


class _DistantBatch(Batch):
    def commit(self, *, may_resend: bool = True) -> Sequence[object]:
        time.sleep(DISTANCE_SECONDS)
        return super().commit(may_resend=may_resend)


class _DistantDatabase(Database):
    def batch(self) -> Batch:
        return _DistantBatch(self._wire, self._limits)


class _NoQueue:
    def enqueue(self, task: StepTask) -> None: ...
    def enqueue_webhook(self, task: WebhookTask) -> None: ...


def creations(limits: Limits, seconds: float) -> tuple[float, float, float]:
    """Jobs a second; the 95th percentile and the longest of what callers waited for an
    answer, a job or a refusal. Users arrive whether or not earlier ones are done."""
    create = _create_video(limits)
    waits: list[float] = []
    created: list[str] = []
    request = VideoRequest.parse(BODY)

    def one() -> None:
        began = time.monotonic()
        with suppress(ReelayError):
            user = Caller(user_id=f"user{random.randrange(USERS)}")  # noqa: S311 - not secret
            created.append(create(user, request, Language.ENGLISH).job.job_id)
        waits.append(time.monotonic() - began)

    began = time.monotonic()
    with ThreadPoolExecutor(int(ARRIVALS_A_SECOND * 4)) as callers:
        for nth in range(int(ARRIVALS_A_SECOND * seconds)):
            time.sleep(max(0.0, began + nth / ARRIVALS_A_SECOND - time.monotonic()))
            callers.submit(one)
    per_second = len(created) / (time.monotonic() - began)
    return per_second, percentile(waits, 95), max(waits)


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
        # As many processes would between them, which don't know of each other.
        turns=map(random.randrange, repeat(SHARDS)),
    )


def measure(rounds: int, seconds: float) -> None:
    creations(UNLIMITED, seconds)  # the emulator compiles as it goes: not counted
    free, capped = alternating(
        rounds,
        partial(creations, UNLIMITED, seconds),
        partial(creations, CAPPED, seconds),
    )
    for metric, unit, of, goal in (
        ("submit_shared_cap", "1/s", 0, ""),
        ("submit_shared_cap_p95", "s", 1, "1 s"),
        ("submit_shared_cap_longest", "s", 2, "3 s"),
    ):
        Figure(
            metric=metric,
            unit=unit,
            values=[each[of] for each in capped],
            reference="the same without a cap",
            references=[each[of] for each in free],
            goal=goal,
        ).print()

"""Creating jobs under a global cap, with the latency of Firestore within a region."""

import random
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import repeat
from operator import itemgetter

from local.bench.at_vendor import client_of
from local.bench.figures import Row, alternating, percentile, print_compared
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS
from shared.domain.errors import ReelayError
from shared.domain.job import Language
from shared.domain.ledger import SHARDS, Caps, Limits
from shared.domain.observed_prices import ObservedPrices
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Batch, Database
from shared.gcp.firestore_document import FirestoreDocument, kill_switch_store
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.ports.store import Task
from shared.system import RandomIds, SystemClock, pause
from shared.usecases.create_video import CreateVideo

ARRIVALS_PER_SECOND = 50.0
# The latency that a region adds between the reads and the commit of a creation.
LATENCY_SECONDS = 0.05
USERS = 1000
BODY = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
UNLIMITED = Limits(max_open_jobs=10**6, max_jobs_per_minute=10**6)
CAPPED = replace(UNLIMITED, all_users=Caps(daily_usd=Decimal(10**6)))


class _DistantBatch(Batch):
    def commit(self, *, may_resend: bool = True) -> Sequence[object]:
        time.sleep(LATENCY_SECONDS)
        return super().commit(may_resend=may_resend)


class _DistantDatabase(Database):
    def batch(self) -> Batch:
        return _DistantBatch(self._wire, self._limits)


class _NoQueue:
    def enqueue(self, task: Task) -> None: ...


Created = tuple[float, float, float]


def creations(limits: Limits, seconds: float) -> Created:
    """Jobs a second; the 95th percentile and maximum of the seconds until an answer,
    which is a job or a refusal. Arrivals do not wait for earlier ones to be done.
    """
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
    with ThreadPoolExecutor(int(ARRIVALS_PER_SECOND * 4)) as callers:
        for nth in range(int(ARRIVALS_PER_SECOND * seconds)):
            time.sleep(max(0.0, began + nth / ARRIVALS_PER_SECOND - time.monotonic()))
            callers.submit(one)
    per_second = len(created) / (time.monotonic() - began)
    return per_second, percentile(waits, 95), max(waits)


def _create_video(limits: Limits) -> CreateVideo:
    """The use case on a new, empty project."""
    database = _DistantDatabase(client_of(f"bench-{uuid.uuid4().hex[:8]}"))
    return CreateVideo(
        jobs=FirestoreJobs(database, limits),
        idempotency=FirestoreIdempotency(database),
        quotas=FirestoreQuotas(database, limits),
        scheduler=TaskScheduler(queue=_NoQueue()),
        clock=SystemClock(),
        ids=RandomIds(),
        pause=pause,
        price_watch=PriceWatch(
            store=FirestoreDocument(database, "prices", ObservedPrices),
            clock=SystemClock(),
            pause=pause,
        ),
        kill_switch=KillSwitch(store=kill_switch_store(database), pause=pause),
        limits=limits,
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        stop_on_unknown=False,
        retention_days=30,
        signs_webhooks=False,
        # As among many processes that don't know of each other.
        shard_numbers=map(random.randrange, repeat(SHARDS)),
    )


def measure(rounds: int, seconds: float) -> None:
    creations(UNLIMITED, seconds)  # warms up the emulator, not counted
    free, capped = alternating(
        rounds,
        partial(creations, UNLIMITED, seconds),
        partial(creations, CAPPED, seconds),
    )
    rows: Sequence[Row[Created]] = (
        ("submit_shared_cap", "1/s", itemgetter(0), ""),
        ("submit_shared_cap_p95", "s", itemgetter(1), "1 s"),
        ("submit_shared_cap_longest", "s", itemgetter(2), "3 s"),
    )
    print_compared("the same without a cap", free, capped, rows)

"""How often a creation calls Firestore: it waits for each call in turn."""

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from shared.domain.catalogue import DEFAULT_MODELS
from shared.domain.job import Language
from shared.domain.ledger import Caps, Limits
from shared.domain.observed_prices import ObservedPrices
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_caps import FULL_CHECK_INTERVAL
from shared.gcp.firestore_document import FirestoreDocument, kill_switch_store
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.gcp.firestore_wire import Wire
from shared.guards.kill_switch import CACHE_TTL, KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Caller
from shared.system import RandomIds
from shared.usecases.create_video import CreateVideo
from tests.domain.examples import CHAIN, a_request
from tests.fakes.clock import FrozenClock
from tests.fakes.queue import FakeQueue

CAPS = Caps(daily_usd=Decimal(100), monthly_usd=Decimal(1000))
GUARDS = ["get", "get"]  # the kill switch's level, the prices


class Process:
    """A process that creates jobs with all four caps set. Its clock stands still."""

    def __init__(self, database: Database) -> None:
        self.clock = FrozenClock()
        limits = Limits(all_users=CAPS, user=CAPS)
        prices = FirestoreDocument(database, "prices", ObservedPrices)
        pause = self.clock.pause
        self._create = CreateVideo(
            jobs=FirestoreJobs(database, limits),
            idempotency=FirestoreIdempotency(database),
            quotas=FirestoreQuotas(database, limits),
            scheduler=TaskScheduler(queue=FakeQueue()),
            clock=self.clock,
            ids=RandomIds(),
            pause=pause,
            kill_switch=KillSwitch(store=kill_switch_store(database), pause=pause),
            price_watch=PriceWatch(store=prices, clock=self.clock, pause=pause),
            limits=limits,
            chain=CHAIN,
            models=DEFAULT_MODELS,
            stop_on_unknown=False,
            retention_days=30,
            signs_webhooks=False,
            shard_numbers=count(),
        )

    def create(self, user: str = "ann", key: str | None = None) -> None:
        self._create(Caller(user_id=user), a_request(), Language.ENGLISH, key)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls so far, as they are made."""
    made: list[str] = []

    def noted(owner: type, name: str) -> None:
        plain = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            made.append(name)
            return plain(*args, **options)

        monkeypatch.setattr(owner, name, call)

    for name in ("get", "read", "commit"):
        noted(Wire, name)
    noted(Database, "query")
    return made


def test_a_process_first_creation_reads_the_ledger_once(
    database: Database, calls: list[str]
) -> None:
    """The first one checks all documents of the cap that all users share."""
    Process(database).create()

    assert calls == [*GUARDS, "read", "commit"]


def test_an_idempotency_key_is_looked_up_once(
    database: Database, calls: list[str]
) -> None:
    Process(database).create(key="k1")

    assert calls == ["get", *GUARDS, "read", "commit"]


def test_later_creations_only_commit(database: Database, calls: list[str]) -> None:
    process = Process(database)
    process.create()
    calls.clear()

    for _ in range(9):
        process.create()

    assert calls == ["commit"] * 9


def test_another_users_first_job_reads_what_is_stored_of_that_user(
    database: Database, calls: list[str]
) -> None:
    process = Process(database)
    process.create()
    calls.clear()

    process.create("bob")

    assert calls == ["read", "commit"]


@pytest.mark.parametrize(
    ("age", "user", "expected"),
    [
        pytest.param(CACHE_TTL, "ann", [*GUARDS, "commit"], id="five seconds"),
        pytest.param(
            FULL_CHECK_INTERVAL, "ann", [*GUARDS, "read", "commit"], id="a minute"
        ),
        pytest.param(
            FULL_CHECK_INTERVAL,
            "bob",
            [*GUARDS, "read", "commit"],
            id="a minute, another user",
        ),
    ],
)
def test_what_is_too_old_is_read_by_one_call_each(
    database: Database,
    calls: list[str],
    age: timedelta,
    user: str,
    expected: list[str],
) -> None:
    process = Process(database)
    process.create()
    calls.clear()

    process.clock.move(age)
    process.create(user)

    assert calls == expected

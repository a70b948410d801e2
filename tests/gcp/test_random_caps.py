"""Several processes under caps that deploys change, in an order that a seed determines.

Others act in the middle of a call: between a creation's read and its commit, too.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.cloud import firestore

from shared.domain.catalogue import ProviderId
from shared.domain.errors import LimitReached, LostRace
from shared.domain.job import Job
from shared.domain.ledger import Account, Caps, LedgerKey, Limits, ledger_key, nth_of
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_caps import FULL_CHECK_INTERVAL
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_reports import FirestoreUsage
from tests.domain.examples import a_job, completed
from tests.fakes.interpose import after_next
from tests.gcp.stores import read

STEPS, DEPTH = 32, 2
MONTHS_END = datetime(2026, 11, 30, 23, 58, tzinfo=UTC)
PAUSES = [timedelta(), timedelta(seconds=5), FULL_CHECK_INTERVAL, timedelta(seconds=-3)]
AMOUNTS = [Decimal("0.40"), Decimal("0.45"), Decimal("0.733333")]


class World:
    def __init__(self, client: firestore.Client, seed: int) -> None:
        self.rng, self.client, self.now = random.Random(seed), client, MONTHS_END
        self.usage = FirestoreUsage(Database(client), 3)
        self.open: list[Job] = []
        self.acts = self.depth = self.created = self.refused = 0
        self.deploy()

    def deploy(self) -> None:
        """New processes, with other caps."""
        daily, monthly, user = self.rng.choices(["1.50", "2.40", "6.01"], k=3)
        self.limits = Limits(
            all_users=Caps(daily_usd=Decimal(daily), monthly_usd=Decimal(monthly)),
            user=Caps(monthly_usd=Decimal(user)) if self.rng.random() < 0.5 else Caps(),
            shards=3,
        )
        self.processes = [self.process() for _ in range(3)]

    def process(self) -> FirestoreJobs:
        database = Database(self.client)
        after_next(database, "get_all", *[self.meddle] * 100)
        return FirestoreJobs(database, self.limits)

    def meddle(self) -> None:
        if self.depth < DEPTH and self.rng.random() < 0.4:
            self.depth += 1
            self.act()
            self.depth -= 1

    def act(self) -> None:
        self.acts += 1
        self.now += self.rng.choice(PAUSES)
        jobs = self.rng.choice(self.processes)
        if self.open and self.rng.random() < 0.3:
            self.end(jobs, self.open.pop(self.rng.randrange(len(self.open))))
        else:
            with suppress(LostRace):
                self.create(jobs)

    def create(self, jobs: FirestoreJobs) -> None:
        job, nth = self.new_job(), self.acts
        had_room = self.fits(job.ledger_key, job.hold_usd)
        try:
            jobs.create(job)
        except LimitReached:
            self.refused += 1
            # Unless somebody else has acted meanwhile.
            assert not had_room or nth != self.acts
            return
        self.created += 1
        self.open.append(job)
        assert self.fits(job.ledger_key)

    def new_job(self) -> Job:
        job_id, user = f"job{self.acts}", self.rng.choice(["ann", "bob"])
        return replace(
            a_job(job_id=job_id),
            user_id=user,
            hold_usd=self.rng.choice(AMOUNTS),
            ledger_key=ledger_key(user, self.now, self.limits, nth_of(job_id)),
            created_at=self.now,
        )

    def end(self, jobs: FirestoreJobs, job: Job) -> None:
        """It cost 0.40; the rest of what was held is released."""
        done = replace(
            completed(a_job(job_id=job.job_id), ProviderId.RUNWAY),
            user_id=job.user_id,
            hold_usd=job.hold_usd,
            ledger_key=job.ledger_key,
        )
        jobs.commit(read(jobs, job.job_id), done)

    def fits(self, key: LedgerKey, usd: Decimal = Decimal(0)) -> bool:
        accounts = self.usage.spend(key.accounts)
        return all(
            used + usd <= cap
            for name, caps in zip(key.accounts, self.limits.caps(), strict=True)
            for used, cap in used_and_caps(accounts[name], key.day, caps)
        )


def used_and_caps(
    account: Account, day: str, caps: Caps
) -> Iterator[tuple[Decimal, Decimal]]:
    if caps.daily_usd is not None:
        yield account.on(day).used_usd, caps.daily_usd
    if caps.monthly_usd is not None:
        yield account.month.used_usd, caps.monthly_usd


@pytest.mark.parametrize("seed", range(5))
def test_each_cap_holds_to_the_cent(
    firestore_client: firestore.Client, seed: int
) -> None:
    """A creation never exceeds a cap, and is never refused while there is room."""
    world = World(firestore_client, seed)

    for step in range(STEPS):
        if step % 8 == 7:
            world.deploy()
        world.act()

    assert world.created and world.refused

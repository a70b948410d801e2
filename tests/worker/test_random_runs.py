"""Several jobs under one cap, with random faults, through the real use cases.

`tests/domain/test_job_model.py` has one job and the pure functions. Here vendors record
what they really did, commits fail, the queue refuses, tasks come early, twice or never,
and the process dies. A run is reproducible from its seed.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import settings

from shared.domain.catalogue import PROVIDERS
from shared.domain.errors import ApiError, ErrorCode, Problem, ReelayError, Unreachable
from shared.domain.job import Job, Language
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits, in_micros
from shared.domain.outcomes import (
    Accepted,
    Failed,
    NotSent,
    Poll,
    PollFailed,
    Rejected,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.ports.providers import GenerationRequest, InlineFile, TaskRef
from tests.domain.examples import CHAIN, a_request
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.process import Died, die
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import ANN, Harness

PORTIONS = 20 if settings.get_current_profile_name() == "thorough" else 2
RUNS = 40
MAX_ROUNDS = 4000
CAPS = [None, Decimal("3.20"), Decimal(7), Decimal(20)]
CODES = (
    ErrorCode.RATE_LIMITED,
    ErrorCode.PROVIDER_UNAVAILABLE,
    ErrorCode.INPUT_NOT_ACCEPTED,
    ErrorCode.PROMPT_REFUSED,
)


class Vendor(ScriptedProvider):
    """`posts`: job ID, answer, and whether the vendor works on it and bills it.

    `meanwhile` is what others do during a call.
    """

    def __init__(
        self, rng: random.Random, harness: Harness, meanwhile: Callable[[], None]
    ) -> None:
        super().__init__()
        self.rng, self.harness, self.meanwhile = rng, harness, meanwhile
        self.posts: list[tuple[str, Submission, bool]] = []

    def start(self, request: GenerationRequest) -> Submission:
        rng = self.rng
        if rng.random() < 0.03:
            die()
        why = Problem(code=rng.choice(CODES))
        answer, is_billed = rng.choice(
            (
                (Accepted(task_id="t"), True),
                (Accepted(task_id="t"), True),
                (Unknown(detail="?"), True),
                (Unknown(detail="?"), False),
                (Rejected(problem=why), False),
                (NotSent(problem=why), False),
            )
        )
        job_id = request.output_uri.split("/")[-3]
        self.posts.append((job_id, answer, is_billed))
        self.harness.clock.pause(rng.choice((1, 3, 20, 59, 100)))
        self.meanwhile()
        if rng.random() < 0.06:
            die()
        return answer

    def poll(self, task: TaskRef) -> Poll:
        self.meanwhile()
        fault = Problem(code=ErrorCode.OUTPUT_FILTERED)
        polls = (
            Working(),
            PollFailed(detail="502"),
            Succeeded(),
            Failed(problem=fault),
            Failed(problem=fault, may_come_yet=True),
        )
        return self.rng.choice(polls)

    def fetch(self, task: TaskRef) -> InlineFile:
        if self.rng.random() < 0.3:
            raise Unreachable("503")
        return InlineFile(content=b"an mp4")


class Simulation:
    def __init__(self, seed: int) -> None:
        rng = self.rng = random.Random(seed)
        self.cap = rng.choice(CAPS)
        limits = Limits(user=Caps(daily_usd=self.cap), max_jobs_per_minute=99)
        self.harness = harness = Harness(jobs=FakeJobs(limits))
        self.vendors = {name: Vendor(rng, harness, self.meanwhile) for name in CHAIN}
        harness.providers = dict(self.vendors)
        create = replace(harness.create_video, stop_on_unknown=rng.random() < 0.2)
        for _ in range(rng.randrange(1, 5)):
            with suppress(ApiError):
                create(ANN, a_request(), Language.ENGLISH)

    @property
    def jobs(self) -> list[Job]:
        return self.harness.jobs.all

    def run(self) -> None:
        for _ in range(MAX_ROUNDS):
            if all(job.is_final for job in self.jobs):
                return
            self.disturb()
            self.deliver_next()
        raise AssertionError(f"never ended: {self.jobs}")

    def disturb(self) -> None:
        rng, harness = self.rng, self.harness
        if rng.random() < 0.15:
            harness.jobs.troubles.append(rng.choice(list(Trouble)))
        if rng.random() < 0.01:
            harness.jobs.troubles += [Trouble.UNREACHABLE] * 30
        if rng.random() < 0.05:
            harness.queue.failures.append(Unreachable("down"))
        if rng.random() < 0.02:
            harness.set_level(rng.choice(list(Level)))
        if rng.random() < 0.01:
            with suppress(ReelayError):
                harness.cancel_video(ANN, rng.choice(self.jobs).job_id)

    def meanwhile(self) -> None:
        """Now and then another worker handles the next task, which may be the same
        job's, and the owner may cancel.
        """
        if self.rng.random() < 0.1:
            self.disturb()
            self.deliver_next()

    def deliver_next(self) -> None:
        """Deliver a task on time, early, twice or never; without one, run the sweep."""
        rng, harness = self.rng, self.harness
        task = harness.queue.take()
        if task is None:
            harness.clock.pause(60)
            with suppress(ReelayError, ExceptionGroup):
                harness.sweep()
            return
        early = timedelta(seconds=rng.choice((0, 0, 0, 0.5, 3, 5)))
        harness.clock.at = max(harness.clock.at, task.at - early)
        for _ in range(rng.choice((0, *[1] * 16, 2))):
            with suppress(ReelayError, Died):
                harness.deliver(task)

    def check(self) -> None:
        for job in self.jobs:
            for vendor in {PROVIDERS[name].vendor for name in CHAIN}:
                self.check_paid_once(job, vendor)
        total = sum((in_micros(spent_usd(job)) for job in self.jobs), Decimal(0))
        for name, account in self.harness.jobs.accounts.items():
            assert account.month.open_usd == 0
            assert account.month.settled_usd == total == self.reported_usd(name)
        assert self.cap is None or total <= self.cap
        assert self.harness.jobs.open_jobs["ann"] == 0

    def reported_usd(self, account: str) -> Decimal:
        days = self.harness.jobs.usage[account].days.values()
        return sum((c.cost_usd for models in days for c in models.values()), Decimal(0))

    def check_paid_once(self, job: Job, vendor: str) -> None:
        names = [n for n in CHAIN if PROVIDERS[n].vendor == vendor]
        posts = [
            (answer, is_billed)
            for name in names
            for job_id, answer, is_billed in self.vendors[name].posts
            if job_id == job.job_id
        ]
        assert sum(is_billed for _, is_billed in posts) <= 1
        assert not any(isinstance(a, Accepted | Unknown) for a, _ in posts[:-1])
        booked = sum(a.cost_usd for a in job.attempts if a.provider_id in names)
        assert booked > 0 or not any(is_billed for _, is_billed in posts)


def spent_usd(job: Job) -> Decimal:
    """The job's cost; for one that the sweep ended past all limits, its whole hold."""
    is_abandoned = job.problem is not None and job.problem.detail == "poison"
    return job.hold_usd if is_abandoned else job.cost_usd


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_every_job_ends_is_paid_at_most_once_and_the_ledger_balances(
    portion: int,
) -> None:
    for seed in range(portion * RUNS, (portion + 1) * RUNS):
        simulation = Simulation(seed)
        try:
            simulation.run()
            simulation.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error

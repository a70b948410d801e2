"""Several jobs under one cap in a world that fails at random, on the real use cases.

The model walk has one job and the pure functions. Here vendors keep their own books,
and commits, tasks, the queue and the process get lost, come twice, or come early.
A world follows from its seed alone.
"""

import random
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import settings

from shared.domain.catalogue import PROVIDERS, ProviderId
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
from shared.ports.providers import GenerationRequest, InlineFile, TaskRef
from tests.domain.examples import CHAIN, a_request
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.provider import ScriptedProvider
from tests.usecases.harness import ANN, Harness, create_video

PORTIONS = 20 if settings.get_current_profile_name() == "thorough" else 2
WORLDS = 40
MOST_ROUNDS = 4000
CAPS = [None, Decimal("3.20"), Decimal(7), Decimal(20)]
CODES = (
    ErrorCode.RATE_LIMITED,
    ErrorCode.PROVIDER_UNAVAILABLE,
    ErrorCode.INPUT_NOT_ACCEPTED,
    ErrorCode.PROMPT_REFUSED,
)


class Died(Exception):
    """The process ended here."""


class Vendor(ScriptedProvider):
    """`took`: by job, each answer and whether the vendor works on it and bills it."""

    def __init__(self, luck: random.Random, harness: Harness) -> None:
        super().__init__()
        self.luck, self.harness = luck, harness
        self.took: list[tuple[str, Submission, bool]] = []

    def start(self, request: GenerationRequest) -> Submission:
        luck = self.luck
        if luck.random() < 0.03:
            raise Died
        why = Problem(code=luck.choice(CODES))
        answer, is_taken = luck.choice(
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
        self.took.append((job_id, answer, is_taken))
        self.harness.clock.pause(luck.choice((1, 3, 20, 59, 100)))
        if luck.random() < 0.06:
            raise Died
        return answer

    def poll(self, task: TaskRef) -> Poll:
        fault = Problem(code=ErrorCode.OUTPUT_FILTERED)
        polls = (
            Working(),
            PollFailed(detail="502"),
            Succeeded(),
            Failed(problem=fault),
        )
        return self.luck.choice(polls)

    def fetch(self, task: TaskRef) -> InlineFile:
        if self.luck.random() < 0.3:
            raise Unreachable("503")
        return InlineFile(content=b"an mp4")


class World:
    def __init__(self, seed: int) -> None:
        luck = self.luck = random.Random(seed)
        self.cap = luck.choice(CAPS)
        limits = Limits(user=Caps(daily_usd=self.cap), most_jobs_a_minute=99)
        self.harness = harness = Harness(jobs=FakeJobs(limits))
        self.vendors = {name: Vendor(luck, harness) for name in CHAIN}
        harness.providers = dict(self.vendors)
        create = create_video(harness, stop=luck.random() < 0.2)
        for _ in range(luck.randrange(1, 5)):
            with suppress(ApiError):
                create(ANN, a_request(), Language.ENGLISH)

    @property
    def jobs(self) -> list[Job]:
        return self.harness.jobs.all

    def run(self) -> None:
        for _ in range(MOST_ROUNDS):
            if all(job.is_final for job in self.jobs):
                return
            self.disturb()
            self.bring()
        raise AssertionError(f"never ended: {self.jobs}")

    def disturb(self) -> None:
        luck, harness = self.luck, self.harness
        if luck.random() < 0.15:
            harness.jobs.troubles.append(luck.choice(list(Trouble)))
        if luck.random() < 0.01:
            harness.jobs.troubles += [Trouble.UNREACHABLE] * 30
        if luck.random() < 0.05:
            harness.queue.failures.append(Unreachable("down"))
        if luck.random() < 0.02:
            harness.set_level(luck.choice(list(Level)))
        if luck.random() < 0.01:
            with suppress(ReelayError):
                harness.cancel_video(ANN, luck.choice(self.jobs).job_id)

    def bring(self) -> None:
        """The next task: in time, early, twice, or never; else a minute and a sweep."""
        luck, harness = self.luck, self.harness
        task = harness.queue.take()
        if task is None:
            harness.clock.pause(60)
            with suppress(ReelayError, ExceptionGroup):
                harness.sweep()
            return
        early = timedelta(seconds=luck.choice((0, 0, 0, 0.5, 3, 5)))
        harness.clock.at = max(harness.clock.at, task.at - early)
        for _ in range(luck.choice((0, *[1] * 16, 2))):
            with suppress(ReelayError, Died):
                harness.deliver(task)

    def check(self) -> None:
        for job in self.jobs:
            for vendor in {PROVIDERS[name].vendor for name in CHAIN}:
                self.check_paid_once(job, vendor)
        total = sum((in_micros(spent_usd(job)) for job in self.jobs), Decimal(0))
        for account in self.harness.jobs.accounts.values():
            assert account.month.open_usd == 0
            assert account.month.settled_usd == total
        assert self.cap is None or total <= self.cap
        assert self.harness.jobs.open_jobs["ann"] == 0

    def check_paid_once(self, job: Job, vendor: str) -> None:
        names = [n for n in CHAIN if PROVIDERS[n].vendor == vendor]
        posts = [
            (answer, is_taken)
            for name in names
            for job_id, answer, is_taken in self.took(name)
            if job_id == job.job_id
        ]
        assert sum(is_taken for _, is_taken in posts) <= 1
        assert not any(isinstance(a, Accepted | Unknown) for a, _ in posts[:-1])
        booked = sum(a.cost_usd for a in job.attempts if a.provider_id in names)
        assert booked > 0 or not any(is_taken for _, is_taken in posts)

    def took(self, name: ProviderId) -> list[tuple[str, Submission, bool]]:
        return self.vendors[name].took


def spent_usd(job: Job) -> Decimal:
    """Of a job that the sweep ended past every limit, all that it held."""
    is_abandoned = job.problem is not None and job.problem.detail == "poison"
    return job.hold_usd if is_abandoned else job.cost_usd


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_every_job_ends_paid_once_and_the_ledger_closes(portion: int) -> None:
    for seed in range(portion * WORLDS, (portion + 1) * WORLDS):
        world = World(seed)
        try:
            world.run()
            world.check()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error

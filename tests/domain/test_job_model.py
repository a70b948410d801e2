"""Model-based test of the state machine: random walks under simulated faults.

Workers read the job, act on what they read, and report late, twice, out of order, on a
newer job or never. Clocks jump, owners cancel, workers die between any two effects, and
vendors work without answering. The invariants are asserted at every commit and POST.
A walk is reproducible from its seed.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import settings

from shared.domain import timing
from shared.domain.booking import booking
from shared.domain.catalogue import Vendor
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.ledger import Booking
from shared.domain.next_action import (
    Cancel,
    LookForOutput,
    PollTask,
    Prepare,
    Start,
    Store,
    Translate,
    Wait,
    next_action,
    unanswered_tasks,
    withheld_results,
)
from shared.domain.outcomes import (
    Accepted,
    CancelFailed,
    CancelRequested,
    CancelSent,
    CheckStarted,
    Decision,
    Failed,
    Gone,
    ImageRefused,
    Intended,
    NotSent,
    Outcome,
    OutputFound,
    OutputMissing,
    Parked,
    Poll,
    Polled,
    PollFailed,
    Prepared,
    PrepareFailed,
    Rejected,
    Skipped,
    Stored,
    Submission,
    Submitted,
    Succeeded,
    Translated,
    TranslationSkipped,
    TranslationStarted,
    Unknown,
    Working,
)
from shared.domain.pricing import MAX_PRICE_FACTOR
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    CHAIN,
    DELIVERED,
    FAULT,
    IMAGE,
    NOON,
    URLS,
    a_new_job,
    store_failed,
)

WALKS = 1000
MAX_TRANSLATION_USD = Decimal("0.006")
PORTIONS = 50 if settings.get_current_profile_name() == "thorough" else 2
MAX_STEPS = 2000
FREE = {AttemptState.REJECTED, AttemptState.NOT_SENT, AttemptState.SKIPPED}
IN_FULL = {
    AttemptState.STARTING,
    AttemptState.RUNNING,
    AttemptState.CANCELLING,
    AttemptState.UNKNOWN,
    AttemptState.CANCELLED,
}
PROBLEMS = [
    Problem(code=code)
    for code in (
        ErrorCode.RATE_LIMITED,
        ErrorCode.PROVIDER_UNAVAILABLE,
        ErrorCode.ACCESS_DENIED,
        ErrorCode.PROMPT_REFUSED,
        ErrorCode.OUTPUT_FILTERED,
    )
]
UNREACHABLE_IMAGE = Problem(code=ErrorCode.IMAGE_UNREACHABLE)
BAD_OUTPUT = Problem(code=ErrorCode.BAD_OUTPUT)
STORAGE_FAILED = Problem(code=ErrorCode.STORAGE_FAILED)
UNSERVED = Problem(code=ErrorCode.PROVIDER_UNAVAILABLE)


@dataclass(kw_only=True)
class Simulation:
    """One job, the reports that workers still hold, and what its vendors really did.

    By attempt ID: `posts` has the vendor of each POST, `answers` the vendor's answer,
    and `files` when its file appears in the bucket, whether or not the answer arrives.
    `late` are outcomes not yet reported, `history` all that were.
    """

    rng: random.Random
    job: Job
    now: datetime = NOON
    ids: Iterator[int] = field(default_factory=count)
    posts: dict[str, Vendor] = field(default_factory=dict)
    files: dict[str, datetime] = field(default_factory=dict)
    answers: dict[str, Submission] = field(default_factory=dict)
    late: list[Outcome] = field(default_factory=list)
    history: list[Outcome] = field(default_factory=list)
    translations: int = 0
    booked: Booking = field(init=False)

    def __post_init__(self) -> None:
        self.booked = booking(None, self.job)
        self.check_ledger()

    def one_in(self, count: int) -> bool:
        return self.rng.randrange(count) == 0

    def record(self, outcome: Outcome) -> None:
        """As JobCommitter does: apply to the current job, settle, commit."""
        self.history.append(outcome)
        before = self.job
        changed = apply(before, outcome, self.now)
        if changed is before:
            return
        after = replace(settle(changed, self.now), version=before.version + 1)
        check_commit(before, after)
        change = booking(before, after)
        self.job = after
        self.booked = Booking(
            totals=self.booked.totals + change.totals,
            open_jobs=self.booked.open_jobs + change.open_jobs,
        )
        self.check_ledger()
        self.check_answers()
        self.check_write_offs(before)

    # A worker's step.

    def step(self) -> None:
        """A worker reads the job once and acts on it."""
        match next_action(self.job, self.now):
            case Prepare():
                self.report(self.prepared())
            case Translate() if self.one_in(4):
                self.report(TranslationSkipped())
            case Translate(planned=planned) if self.one_in(8):
                self.start(planned)
            case Translate():
                self.translate()
            case Start(planned=planned) if self.one_in(3):
                self.report(self.not_started(planned))
            case Start(planned=planned):
                self.start(planned)
            case PollTask(attempt=attempt):
                self.report(self.polled(attempt, self.poll()))
            case Cancel(attempt=attempt):
                attempt_id = attempt.attempt_id
                silent = self.polled(attempt, PollFailed(detail="502"))
                sent = CancelSent(attempt_id=attempt_id)
                failed = CancelFailed(attempt_id=attempt_id)
                self.report(self.rng.choice((sent, failed, silent)))
            case Store(attempt=attempt):
                self.store(attempt)
            case LookForOutput(attempt=attempt):
                self.report(self.looked(attempt.attempt_id))
            case action if isinstance(action, Decision):
                self.report(action)
            case _:
                self.advance()

    def translate(self) -> None:
        """Commit the intent; if that succeeded, call the model, or die before."""
        before = self.job
        self.report(TranslationStarted(max_cost_usd=MAX_TRANSLATION_USD))
        if before.translation or not self.job.translation or self.one_in(4):
            return
        self.translations += 1
        assert self.translations == 1
        text, cost = self.rng.choice(("A cat", None)), Decimal("0.0002")
        self.report(Translated(text=text, cost_usd=cost))

    def start(self, planned: PlannedProvider) -> None:
        """Commit the intent; if that succeeded, send the POST, or die before."""
        attempt_id = f"a{next(self.ids)}"
        intent = Intended(attempt_id=attempt_id, provider_id=planned.provider_id)
        self.report(intent)
        attempt = self.job.attempt(attempt_id)
        if attempt is None or attempt.state is not AttemptState.STARTING:
            return
        if self.one_in(4):
            return
        self.check_post(attempt)
        self.posts[attempt_id] = attempt.vendor
        if attempt.writes_into_bucket and self.one_in(2):
            minutes = timedelta(minutes=self.rng.uniform(0, 15))
            self.files[attempt_id] = self.now + minutes
        self.answers[attempt_id] = answer = self.submission()
        self.report(Submitted(attempt_id=attempt_id, submission=answer))

    def store(self, attempt: Attempt) -> None:
        """Decode only if this worker's own commit of the try succeeded."""
        if self.one_in(3):
            self.report(self.stored(attempt))
            return
        version, attempt_id = self.job.version, attempt.attempt_id
        self.report(CheckStarted(attempt_id=attempt_id))
        if self.job.version > version and self.one_in(2):
            self.report(self.stored(self.job.known_attempt(attempt_id)))

    def report(self, outcome: Outcome) -> None:
        """Report now, twice, late, after the lease, or never: the worker died."""
        match self.rng.choice(("now", "now", "now", "twice", "late", "slow", "never")):
            case "now":
                self.record(outcome)
            case "twice":
                self.record(outcome)
                self.record(outcome)
            case "late":
                self.late.append(outcome)
            case "slow":
                self.now += timing.LEASE + timedelta(seconds=5)
                self.late.append(outcome)

    def disturb(self) -> None:
        """A late report, a repeated one, a clock that jumps, a cancel, or nothing."""
        match self.rng.choice(("-", "late", "late", "again", "clock", "jump", "stop")):
            case "late" if self.late:
                self.record(self.late.pop(self.rng.randrange(len(self.late))))
            case "again" if self.history:
                self.record(self.rng.choice(self.history))
            case "clock":
                self.now += timedelta(seconds=7)
            case "jump":
                self.now += timedelta(minutes=4)
            case "stop" if self.one_in(4):
                self.record(CancelRequested())

    def advance(self) -> None:
        if self.job.wake_at is not None:
            self.now = max(self.now + timedelta(seconds=5), self.job.wake_at)

    def finish(self) -> None:
        """Run to the job's end; answers now come at once, and every vendor fails."""
        for outcome in self.late:
            self.record(outcome)
        for _ in range(MAX_STEPS):
            if self.job.is_final:
                return
            self.plain_step()
        raise AssertionError("it never ended")

    def plain_step(self) -> None:
        match next_action(self.job, self.now):
            case Prepare():
                self.record(Prepared(image=IMAGE))
            case Start(planned=planned):
                attempt_id = f"a{next(self.ids)}"
                provider_id = planned.provider_id
                self.record(Intended(attempt_id=attempt_id, provider_id=provider_id))
            case PollTask(attempt=attempt):
                self.record(self.polled(attempt, PollFailed(detail="down")))
            case Cancel(attempt=attempt):
                self.record(CancelFailed(attempt_id=attempt.attempt_id))
            case Store(attempt=a):
                self.record(store_failed(a, UNSERVED, self.now))
            case LookForOutput(attempt=attempt):
                self.record(self.looked(attempt.attempt_id))
            case action if isinstance(action, Decision):
                self.record(action)
        self.advance()

    # What others answer.

    def prepared(self) -> Outcome:
        fine = Prepared(image=IMAGE)
        missed = PrepareFailed(problem=UNREACHABLE_IMAGE)
        outage = PrepareFailed(problem=Problem(code=ErrorCode.STORAGE_FAILED))
        refused = ImageRefused(problem=UNREACHABLE_IMAGE)
        return self.rng.choice((fine, fine, fine, missed, outage, refused))

    def not_started(self, planned: PlannedProvider) -> Outcome:
        limit = Problem(code=ErrorCode.DAILY_LIMIT_REACHED)
        skipped = Skipped(provider_id=planned.provider_id, problem=limit)
        refused = ImageRefused(problem=UNREACHABLE_IMAGE)
        return self.rng.choice((Parked(), skipped, refused))

    def submission(self) -> Submission:
        problem = self.rng.choice(PROBLEMS)
        return self.rng.choice(
            (
                Accepted(task_id="task"),
                Accepted(task_id="task", max_cost_usd=Decimal(8)),
                Unknown(detail="lost"),
                NotSent(problem=problem),
                Rejected(problem=problem, ask_again=self.one_in(2)),
            )
        )

    def polled(self, attempt: Attempt, poll: Poll) -> Outcome:
        attempt_id = attempt.attempt_id
        return Polled(attempt_id=attempt_id, poll=poll, polled_at=self.now)

    def poll(self) -> Poll:
        problem = self.rng.choice(PROBLEMS)
        cost = self.rng.choice((None, Decimal(0), Decimal("0.25"), Decimal(9)))
        return self.rng.choice(
            (
                Working(progress=self.rng.uniform(-1, 2), queued=self.one_in(2)),
                PollFailed(detail="502"),
                Gone(detail="404"),
                Succeeded(cost_usd=cost),
                Failed(problem=problem, cost_usd=cost, ask_again=self.one_in(4)),
                Failed(problem=BAD_OUTPUT, cost_usd=cost, may_come_yet=True),
            )
        )

    def stored(self, attempt: Attempt) -> Outcome:
        problems = (None, None, BAD_OUTPUT, STORAGE_FAILED, UNSERVED, UNSERVED, FAULT)
        problem = self.rng.choice(problems)
        if problem:
            return store_failed(attempt, problem, self.now)
        return Stored(attempt_id=attempt.attempt_id, delivered=DELIVERED, urls=URLS)

    def looked(self, attempt_id: str) -> Outcome:
        comes_at = self.files.get(attempt_id)
        if comes_at is not None and comes_at <= self.now:
            return OutputFound(attempt_id=attempt_id, gs_uri="gs://b/v.mp4")
        return OutputMissing(attempt_id=attempt_id, looked_at=self.now)

    # The invariants.

    def check_ledger(self) -> None:
        """Held - settled - released is what is open; a job settles once, in full."""
        totals, job = self.booked.totals, self.job
        assert job.hold_usd >= job.cost_usd
        assert totals.open_usd == (0 if job.is_final else job.hold_usd)
        assert totals.settled_usd == (job.cost_usd if job.is_final else 0)
        assert min(totals.released_usd, totals.settled_usd, totals.open_usd) >= 0
        assert self.booked.open_jobs == (0 if job.is_final else 1)

    def check_post(self, attempt: Attempt) -> None:
        """One POST per attempt, and none where the job may have a paid task."""
        assert attempt.attempt_id not in self.posts
        for earlier in self.job.attempts:
            if earlier.attempt_id != attempt.attempt_id:
                assert earlier.vendor is not attempt.vendor or is_free(earlier)
        same = [i for i, vendor in self.posts.items() if vendor is attempt.vendor]
        assert not any(isinstance(self.answers[i], Unknown) for i in same)

    def check_answers(self) -> None:
        """What a vendor accepted, or may have accepted, never counts as free.

        While the task runs, the maximum that its vendor named is booked and held.
        """
        for attempt_id, answer in self.answers.items():
            if not isinstance(answer, Accepted | Unknown):
                continue
            attempt = self.job.attempt(attempt_id)
            assert attempt is not None and attempt.state not in FREE
            if isinstance(answer, Accepted) and attempt.state is AttemptState.RUNNING:
                most = attempt.price_usd * MAX_PRICE_FACTOR
                assert attempt.cost_usd >= min(answer.max_cost_usd or 0, most)

    def check_write_offs(self, before: Job) -> None:
        """A file that came while the job still waited for it is never written off."""
        for attempt in self.job.attempts:
            known = before.attempt(attempt.attempt_id)
            if not attempt.written_off or (known and known.written_off):
                continue
            cancelled_at = self.job.cancel_requested_at or attempt.deadline_at
            until = min(attempt.deadline_at, cancelled_at)
            assert self.files.get(attempt.attempt_id, self.now) >= until


def is_free(attempt: Attempt) -> bool:
    """Whether the vendor can't charge for it and has no task of it that may go on.

    A task that, as its vendor says, failed temporarily and may be sent again is the one
    exception to "never a second POST after an accepted one".
    """
    return attempt.state in FREE or (
        attempt.state is AttemptState.FAILED and attempt.ask_again
    )


def check_commit(before: Job, after: Job) -> None:
    assert after.version == before.version + 1
    assert after.progress >= before.progress
    assert after.hold_usd >= before.hold_usd
    assert sum(a.is_open for a in after.attempts) <= 1
    assert (after.wake_at is None) is after.is_final
    assert [a.attempt_id for a in after.attempts[: len(before.attempts)]] == [
        a.attempt_id for a in before.attempts
    ]
    if before.is_final:
        assert (before.delivered, before.problem) == (after.delivered, after.problem)
    if after.is_final:
        assert after.open_attempt is None
    if after.problem and not before.is_final:
        # What was paid for and may still come is followed before the job ends.
        assert not any(a.has_late_answer or a.may_have_written for a in after.attempts)
        assert not withheld_results(after)
        assert not unanswered_tasks(after)
    if booking(before, after).needs_room:
        # Only money that is not yet spent consults the caps: a vendor's charge is owed.
        begun = after.open_attempt
        translates = before.translation is None and after.translation is not None
        assert translates or (begun and begun.state is AttemptState.STARTING)
    if after.wake_at is not None:
        # When it wakes there is something to do, so that it never waits for the sweep.
        assert not isinstance(next_action(after, after.wake_at), Wait)
    check_translation(before, after)
    for attempt in after.attempts:
        check_money(attempt)


def check_translation(before: Job, after: Job) -> None:
    """Translated once, and the prompt that was sent never changes afterwards."""
    if before.has_tried_provider:
        assert after.prompt_to_send == before.prompt_to_send
    if before.translation is None:
        return
    assert after.translation
    assert (before.translation.until is None) <= (
        after.translation == before.translation
    )


def check_money(attempt: Attempt) -> None:
    cost, problem = attempt.cost_usd, attempt.problem
    if attempt.state in FREE:
        assert cost == 0
    elif attempt.state in IN_FULL or (
        problem and problem.code is ErrorCode.DEADLINE_EXCEEDED
    ):
        assert cost == attempt.full_price_usd
    else:
        assert cost >= 0


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_invariants_hold_in_random_walks_with_faults(portion: int) -> None:
    for seed in range(portion * WALKS, (portion + 1) * WALKS):
        walk(seed)


def walk(seed: int) -> None:
    rng = random.Random(seed)
    simulation = Simulation(rng=rng, job=a_random_job(rng))
    try:
        run(simulation)
    except AssertionError as error:
        steps = "\n".join(map(str, simulation.history))
        raise AssertionError(f"seed {seed}:\n{steps}\n{simulation.job}") from error


def a_random_job(rng: random.Random) -> Job:
    return a_new_job(
        chain=tuple(rng.sample(CHAIN, rng.randint(1, 4))),
        stop_on_unknown=rng.random() < 0.5,
        resolution=rng.choice(["720p", "720p", "1080p"]),
        prompt=rng.choice(["a cat", "고양이"]),
    )


def run(simulation: Simulation) -> None:
    for _ in range(simulation.rng.randint(1, 50)):
        simulation.step()
        simulation.disturb()
    simulation.finish()

    ended = simulation.job
    for outcome in (*simulation.history, *simulation.late):
        simulation.record(outcome)
    assert (simulation.job.problem, simulation.job.delivered) == (
        ended.problem,
        ended.delivered,
    )
    assert simulation.job.wake_at is None

"""The machine against an adversarial world: random walks as the worker takes them.

Workers read the job, act on what they read, and report at any later time: never,
twice, out of order, over a newer job. Clocks jump, owners cancel, workers die between
any two effects, vendors work without answering. What must hold all the same is
asserted at every commit and POST. A walk follows from its seed alone.
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
    Ask,
    Cancel,
    LookForOutput,
    Prepare,
    Start,
    Store,
    Translate,
    Wait,
    next_action,
)
from shared.domain.outcomes import (
    Accepted,
    CancelMissed,
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
    PrepareMissed,
    Rejected,
    Skipped,
    Stored,
    StoreMissed,
    Submission,
    Submitted,
    Succeeded,
    Translated,
    TranslationSkipped,
    TranslationStarted,
    Unknown,
    Working,
)
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import CHAIN, DELIVERED, FAULT, IMAGE, NOON, URLS, a_new_job

WALKS = 1000
MOST_FOR_TRANSLATING = Decimal("0.006")
PORTIONS = 50 if settings.get_current_profile_name() == "thorough" else 2
MOST_STEPS = 2000
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


@dataclass(kw_only=True)
class World:
    """One job, the workers that hold something about it, and the vendors' own books.

    `posts` and `answers`: by attempt, what was sent where and what the vendor said;
    `files`: when its file comes, whether or not its answer does.
    `late`: reports on their way. `history`: reports that were committed.
    """

    luck: random.Random
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
        return self.luck.randrange(count) == 0

    def record(self, outcome: Outcome) -> None:
        """As JobCommitter does: apply to what stands now, settle, commit."""
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
        """One worker takes one look, and acts on the job as it read it."""
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
            case Ask(attempt=attempt):
                self.report(Polled(attempt_id=attempt.attempt_id, poll=self.poll()))
            case Cancel(attempt=attempt):
                kind = self.luck.choice((CancelSent, CancelMissed))
                self.report(kind(attempt_id=attempt.attempt_id))
            case Store(attempt=attempt):
                self.store(attempt)
            case LookForOutput(attempt=attempt):
                self.report(self.looked(attempt.attempt_id))
            case action if isinstance(action, Decision):
                self.report(action)
            case _:
                self.advance()

    def translate(self) -> None:
        """The intent, then the call if it is known to hold; unless the worker dies."""
        before = self.job
        self.report(TranslationStarted(max_cost_usd=MOST_FOR_TRANSLATING))
        if before.translation or not self.job.translation or self.one_in(4):
            return
        self.translations += 1
        assert self.translations == 1
        text, cost = self.luck.choice(("A cat", None)), Decimal("0.0002")
        self.report(Translated(text=text, cost_usd=cost))

    def start(self, planned: PlannedProvider) -> None:
        """The intent, then the POST if it is known to hold; unless the worker dies."""
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
            minutes = timedelta(minutes=self.luck.uniform(0, 15))
            self.files[attempt_id] = self.now + minutes
        self.answers[attempt_id] = answer = self.submission()
        self.report(Submitted(attempt_id=attempt_id, submission=answer))

    def store(self, attempt: Attempt) -> None:
        """It is decoded if the try is known to be on record, by this very worker."""
        if self.one_in(3):
            self.report(self.stored(attempt.attempt_id))
            return
        version = self.job.version
        self.report(CheckStarted(attempt_id=attempt.attempt_id))
        if self.job.version > version and self.one_in(2):
            self.report(self.stored(attempt.attempt_id))

    def report(self, outcome: Outcome) -> None:
        """In time, twice, late, after the lease, or never: its worker died."""
        match self.luck.choice(("now", "now", "now", "twice", "late", "slow", "never")):
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
        """A late report, an old one once more, a clock that jumps, a cancel."""
        match self.luck.choice(("-", "late", "late", "again", "clock", "jump", "stop")):
            case "late" if self.late:
                self.record(self.late.pop(self.luck.randrange(len(self.late))))
            case "again" if self.history:
                self.record(self.luck.choice(self.history))
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
        """From here on answers come at once, and every vendor fails."""
        for outcome in self.late:
            self.record(outcome)
        for _ in range(MOST_STEPS):
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
            case Ask(attempt=attempt):
                failed = PollFailed(detail="down")
                self.record(Polled(attempt_id=attempt.attempt_id, poll=failed))
            case Cancel(attempt=attempt):
                self.record(CancelMissed(attempt_id=attempt.attempt_id))
            case Store(attempt=a):
                missed = StoreMissed(attempt_id=a.attempt_id, problem=STORAGE_FAILED)
                self.record(missed)
            case LookForOutput(attempt=attempt):
                self.record(self.looked(attempt.attempt_id))
            case action if isinstance(action, Decision):
                self.record(action)
        self.advance()

    # What the outside says.

    def prepared(self) -> Outcome:
        fine = Prepared(image=IMAGE)
        missed = PrepareMissed(problem=UNREACHABLE_IMAGE)
        outage = PrepareMissed(problem=Problem(code=ErrorCode.STORAGE_FAILED))
        refused = ImageRefused(problem=UNREACHABLE_IMAGE)
        return self.luck.choice((fine, fine, fine, missed, outage, refused))

    def not_started(self, planned: PlannedProvider) -> Outcome:
        limit = Problem(code=ErrorCode.DAILY_LIMIT_REACHED)
        skipped = Skipped(provider_id=planned.provider_id, problem=limit)
        refused = ImageRefused(problem=UNREACHABLE_IMAGE)
        return self.luck.choice((Parked(), skipped, refused))

    def submission(self) -> Submission:
        problem = self.luck.choice(PROBLEMS)
        return self.luck.choice(
            (
                Accepted(task_id="task"),
                Accepted(task_id="task", max_cost_usd=Decimal(8)),
                Unknown(detail="lost"),
                NotSent(problem=problem),
                Rejected(problem=problem, ask_again=self.one_in(2)),
            )
        )

    def poll(self) -> Poll:
        problem = self.luck.choice(PROBLEMS)
        cost = self.luck.choice((None, Decimal(0), Decimal("0.25"), Decimal(9)))
        return self.luck.choice(
            (
                Working(progress=self.luck.uniform(-1, 2), queued=self.one_in(2)),
                PollFailed(detail="502"),
                Gone(detail="404"),
                Succeeded(cost_usd=cost),
                Failed(problem=problem, cost_usd=cost, ask_again=self.one_in(4)),
            )
        )

    def stored(self, attempt_id: str) -> Outcome:
        problem = self.luck.choice((None, None, BAD_OUTPUT, STORAGE_FAILED, FAULT))
        if problem:
            return StoreMissed(attempt_id=attempt_id, problem=problem)
        return Stored(
            attempt_id=attempt_id,
            delivered=DELIVERED,
            urls=URLS,
        )

    def looked(self, attempt_id: str) -> Outcome:
        comes_at = self.files.get(attempt_id)
        if comes_at is not None and comes_at <= self.now:
            return OutputFound(attempt_id=attempt_id, gs_uri="gs://b/v.mp4")
        return OutputMissing(attempt_id=attempt_id, looked_at=self.now)

    # What must hold.

    def check_ledger(self) -> None:
        """Held - settled - released is what is open; settled once, in full."""
        totals, job = self.booked.totals, self.job
        assert job.hold_usd >= job.cost_usd
        assert totals.open_usd == (0 if job.is_final else job.hold_usd)
        assert totals.settled_usd == (job.cost_usd if job.is_final else 0)
        assert min(totals.released_usd, totals.settled_usd, totals.open_usd) >= 0
        assert self.booked.open_jobs == (0 if job.is_final else 1)

    def check_post(self, attempt: Attempt) -> None:
        """Once per attempt; never at a vendor that may hold a paid task of this job."""
        assert attempt.attempt_id not in self.posts
        for earlier in self.job.attempts:
            if earlier.attempt_id != attempt.attempt_id:
                assert earlier.vendor is not attempt.vendor or is_free(earlier)
        same = [i for i, vendor in self.posts.items() if vendor is attempt.vendor]
        assert not any(isinstance(self.answers[i], Unknown) for i in same)

    def check_answers(self) -> None:
        """What a vendor took, or may have taken, is never called free.

        Once its id is on record, what it said it may charge is booked and held.
        """
        for attempt_id, answer in self.answers.items():
            if not isinstance(answer, Accepted | Unknown):
                continue
            attempt = self.job.attempt(attempt_id)
            assert attempt is not None and attempt.state not in FREE
            if isinstance(answer, Accepted) and attempt.state is AttemptState.RUNNING:
                assert attempt.cost_usd >= (answer.max_cost_usd or 0)

    def check_write_offs(self, before: Job) -> None:
        """A file that came while it was waited for is never written off."""
        for attempt in self.job.attempts:
            known = before.attempt(attempt.attempt_id)
            if not attempt.written_off or (known and known.written_off):
                continue
            cancelled_at = self.job.cancel_requested_at or attempt.deadline_at
            until = min(attempt.deadline_at, cancelled_at)
            assert self.files.get(attempt.attempt_id, self.now) >= until


def is_free(attempt: Attempt) -> bool:
    """Nothing of it is with the vendor: not taken, or ended with a free passing fault.

    The vendor's own word that a task ended by a passing fault, to be sent again, is the
    one exception to "never a second POST after an accepted one".
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
    if booking(before, after).needs_room:
        # Only what is not yet spent asks the caps: a vendor's charge is owed.
        begun = after.open_attempt
        translates = before.translation is None and after.translation is not None
        assert translates or (begun and begun.state is AttemptState.STARTING)
    if after.wake_at is not None:
        # At its own time there is something to do: it never sleeps until the sweep.
        assert not isinstance(next_action(after, after.wake_at), Wait)
    check_translation(before, after)
    for attempt in after.attempts:
        check_money(attempt)
        assert not attempt.is_open or attempt.gone_polls < timing.GONE_POLLS_TO_END


def check_translation(before: Job, after: Job) -> None:
    """Begun once, booked from its beginning, and what was sent stays what was sent."""
    if before.has_asked:
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
def test_whatever_the_world_does_the_promises_hold(portion: int) -> None:
    for seed in range(portion * WALKS, (portion + 1) * WALKS):
        walk(seed)


def walk(seed: int) -> None:
    luck = random.Random(seed)
    world = World(luck=luck, job=a_random_job(luck))
    try:
        go(world)
    except AssertionError as error:
        steps = "\n".join(map(str, world.history))
        raise AssertionError(f"seed {seed}:\n{steps}\n{world.job}") from error


def a_random_job(luck: random.Random) -> Job:
    return a_new_job(
        chain=tuple(luck.sample(CHAIN, luck.randint(1, 4))),
        stop_on_unknown=luck.random() < 0.5,
        resolution=luck.choice(["720p", "720p", "1080p"]),
        prompt=luck.choice(["a cat", "고양이"]),
    )


def go(world: World) -> None:
    for _ in range(world.luck.randint(1, 50)):
        world.step()
        world.disturb()
    world.finish()

    ended = world.job
    for outcome in (*world.history, *world.late):
        world.record(outcome)
    assert (world.job.problem, world.job.delivered) == (ended.problem, ended.delivered)
    assert world.job.wake_at is None


def test_a_job_that_nothing_ever_answers_ends_with_few_posts() -> None:
    world = World(luck=random.Random(0), job=a_new_job())

    world.finish()

    assert world.job.problem is not None
    assert len(world.job.attempts) == len(CHAIN)

"""Submission: the intent to start an attempt, or its skip, and the POST's answer."""

from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain import fallback, timing
from shared.domain.errors import Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.outcomes import (
    Accepted,
    Intended,
    NotSent,
    Rejected,
    Submission,
    Unknown,
)
from shared.domain.pricing import charged_usd
from shared.domain.structs import replace
from shared.domain.transitions.attempt import ended, new_attempt, running, unknown


def intended(
    job: Job, planned: PlannedProvider, intent: Intended, now: datetime
) -> Job:
    """From here on the attempt may cost money, so its price is booked and held.

    The same intent recorded twice is one attempt.
    """
    if job.attempt(intent.attempt_id):
        return job
    price_usd = max(planned.price_usd, intent.price_usd)
    new = new_attempt(job, planned, intent.attempt_id, now)
    attempt = replace(
        new,
        aspect_ratio=fallback.ratio_of(job, planned),
        price_usd=price_usd,
        cost_usd=price_usd,
        writes_into_bucket=new.writes_into_bucket and intent.writes_into_bucket,
    )
    return replace(
        job,
        attempts=(*job.attempts, attempt),
        is_parked=False,
        progress=max(job.progress, 5),
        wake_at=attempt.lease_until + timing.CLOCK_SKEW,
    )


def parked(job: Job, now: datetime) -> Job:
    """Checked again in a minute; while a start is due, the deadline is further away."""
    return replace(job, is_parked=True, wake_at=now + timing.PARK_SPACING)


def skipped(job: Job, planned: PlannedProvider, problem: Problem, now: datetime) -> Job:
    attempt = replace(
        new_attempt(job, planned, f"skip{len(job.attempts)}", now),
        state=AttemptState.SKIPPED,
        problem=problem,
        ended_at=now,
    )
    return replace(job, attempts=(*job.attempts, attempt), wake_at=now)


def submitted(job: Job, attempt: Attempt, answer: Submission, now: datetime) -> Job:
    """The answer to a POST is never dropped, however late it arrives."""
    if job.is_final:
        return _after_the_end(job, attempt, answer)
    match attempt.state, answer:
        case AttemptState.STARTING, Accepted():
            return running(job, _accepted(attempt, answer), now)
        case _, Accepted() if not attempt.task_id:
            return _late(job, _accepted(attempt, answer), now)
        case AttemptState.STARTING, Unknown(detail=detail):
            return unknown(job, attempt, detail, now)
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), Rejected()):
            return _rejected(job, attempt, answer, now)
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), NotSent(problem=problem)):
            unsent = replace(attempt, ask_again=answer.ask_again)
            state = AttemptState.NOT_SENT
            return ended(job, unsent, state, problem, now, cost_usd=Decimal(0))
        case _:
            return job


def _after_the_end(job: Job, attempt: Attempt, answer: Submission) -> Job:
    """The job's money was settled, which happens once: the booked cost stays."""
    if isinstance(answer, Accepted) and not attempt.task_id:
        return job.with_attempt(_named(attempt, answer))
    return job


def _named(attempt: Attempt, accepted: Accepted) -> Attempt:
    return replace(attempt, task_id=accepted.task_id, platform=accepted.platform)


def _accepted(attempt: Attempt, accepted: Accepted) -> Attempt:
    """What the vendor may charge at most is owed from now on, whatever the caps say."""
    max_usd = charged_usd(accepted.max_cost_usd, attempt)
    vendor_max = None if accepted.max_cost_usd is None else max_usd
    return replace(_named(attempt, accepted), vendor_max_usd=vendor_max)


def _late(job: Job, attempt: Attempt, now: datetime) -> Job:
    """The task is recorded, to be followed once no attempt is open."""
    after = job.with_attempt(replace(attempt, cost_usd=attempt.full_price_usd))
    return after if job.open_attempt else replace(after, wake_at=now)


def _rejected(job: Job, attempt: Attempt, answer: Rejected, now: datetime) -> Job:
    waiting = replace(
        attempt, not_before=_not_before(answer, now), ask_again=answer.ask_again
    )
    state = AttemptState.REJECTED
    return ended(job, waiting, state, answer.problem, now, cost_usd=Decimal(0))


def _not_before(answer: Rejected, now: datetime) -> datetime:
    """When the same vendor may be tried again."""
    if answer.ask_again:
        return now + timing.ASK_AGAIN_DELAY
    if answer.retry_after_seconds is None:
        return now + timing.SAME_VENDOR_DELAY
    longest = timing.MAX_RETRY_AFTER.total_seconds()
    return now + timedelta(seconds=min(max(0.0, answer.retry_after_seconds), longest))

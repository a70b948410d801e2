"""Submitting: the intent, what may stand in its place, and the answer of the POST."""

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
    )
    return replace(
        job,
        attempts=(*job.attempts, attempt),
        is_parked=False,
        progress=max(job.progress, 5),
        wake_at=attempt.lease_until + timing.CLOCK_SKEW,
    )


def parked(job: Job, now: datetime) -> Job:
    """Looked at again in a minute, and when the job's time is up at the latest."""
    wake_at = min(now + timing.PARK_SPACING, job.deadline_at) + timing.CLOCK_SKEW
    return replace(job, is_parked=True, wake_at=wake_at)


def skipped(job: Job, planned: PlannedProvider, problem: Problem, now: datetime) -> Job:
    attempt = replace(
        new_attempt(job, planned, f"skip{len(job.attempts)}", now),
        state=AttemptState.SKIPPED,
        problem=problem,
        ended_at=now,
    )
    return replace(job, attempts=(*job.attempts, attempt), wake_at=now)


def submitted(job: Job, attempt: Attempt, answer: Submission, now: datetime) -> Job:
    """What a POST answered is never dropped, however late it comes."""
    match attempt.state, answer:
        case AttemptState.STARTING, Accepted():
            return running(job, _taken(attempt, answer), now)
        case AttemptState.UNKNOWN, Accepted(task_id=task_id) if not attempt.task_id:
            if job.is_final:
                # Its money is settled, once: what it was booked at stays.
                return job.with_attempt(replace(attempt, task_id=task_id))
            return _late(job, _taken(attempt, answer), now)
        case AttemptState.STARTING, Unknown(detail=detail):
            return unknown(job, attempt, detail, now)
        case _ if job.is_final:
            return job
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), Rejected()):
            return _rejected(job, attempt, answer, now)
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), NotSent(problem=problem)):
            state = AttemptState.NOT_SENT
            return ended(job, attempt, state, problem, now, cost_usd=Decimal(0))
        case _:
            return job


def _taken(attempt: Attempt, accepted: Accepted) -> Attempt:
    """What the vendor says that it may charge is owed from here on, cap or no cap."""
    said = charged_usd(accepted.max_cost_usd, attempt.price_usd)
    vendor_max = None if accepted.max_cost_usd is None else said
    return replace(attempt, task_id=accepted.task_id, vendor_max_usd=vendor_max)


def _late(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Kept for when no attempt is open."""
    after = job.with_attempt(replace(attempt, cost_usd=attempt.full_price_usd))
    return after if job.open_attempt else replace(after, wake_at=now)


def _rejected(job: Job, attempt: Attempt, answer: Rejected, now: datetime) -> Job:
    waiting = replace(
        attempt, not_before=_not_before(answer, now), ask_again=answer.ask_again
    )
    state = AttemptState.REJECTED
    return ended(job, waiting, state, answer.problem, now, cost_usd=Decimal(0))


def _not_before(answer: Rejected, now: datetime) -> datetime:
    """When the same vendor may be asked again."""
    if answer.ask_again:
        return now + timing.ASK_AGAIN_DELAY
    if answer.retry_after_seconds is None:
        return now + timing.SAME_VENDOR_DELAY
    most = timing.LONGEST_RETRY_AFTER.total_seconds()
    return now + timedelta(seconds=min(max(0.0, answer.retry_after_seconds), most))

"""Submitting: the intent, what may stand in its place, and the answer of the POST."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain import timing
from shared.domain.errors import Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.outcomes import Accepted, NotSent, Rejected, Submission, Unknown
from shared.domain.transitions.attempt import ended, new_attempt, running, unknown


def intended(job: Job, planned: PlannedProvider, attempt_id: str, now: datetime) -> Job:
    """From here on the attempt may cost money, so its price is booked and held.

    The same intent recorded twice is one attempt.
    """
    if job.attempt(attempt_id):
        return job
    new = new_attempt(job, planned, attempt_id, now)
    attempt = replace(new, cost_usd=planned.price_usd)
    return replace(
        job,
        attempts=(*job.attempts, attempt),
        is_parked=False,
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
        case AttemptState.STARTING, Accepted(task_id=task_id):
            return running(job, replace(attempt, task_id=task_id), now)
        case AttemptState.UNKNOWN, Accepted(task_id=task_id) if not attempt.task_id:
            return _late(job, replace(attempt, task_id=task_id), now)
        case AttemptState.STARTING, Unknown(detail=detail):
            return unknown(job, attempt, detail, now)
        case _ if job.is_final:
            # Its money is settled, once: what was kept as spent stays so.
            return job
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), Rejected()):
            return _rejected(job, attempt, answer, now)
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), NotSent(problem=problem)):
            state = AttemptState.NOT_SENT
            return ended(job, attempt, state, problem, now, cost_usd=Decimal(0))
        case _:
            return job


def _late(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Kept for when no attempt is open; a job that has ended is not revived."""
    after = job.with_attempt(attempt)
    return after if job.is_final or job.open_attempt else replace(after, wake_at=now)


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

"""The transitions of an attempt that several phases share."""

from datetime import datetime
from decimal import Decimal

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.structs import replace


def new_attempt(
    job: Job, planned: PlannedProvider, attempt_id: str, now: datetime
) -> Attempt:
    """An attempt in `starting` that is not yet part of the job."""
    return Attempt(
        attempt_id=attempt_id,
        provider_id=planned.provider_id,
        vendor=planned.vendor,
        model_id=planned.model_id,
        duration_seconds=planned.duration_seconds,
        price_usd=planned.price_usd,
        writes_into_bucket=planned.writes_into_bucket,
        polls_through=planned.polls_through,
        state=AttemptState.STARTING,
        started_at=now,
        deadline_at=min(now + timing.ATTEMPT_LIMIT, job.deadline_at),
        lease_until=now + timing.LEASE,
    )


def running(job: Job, attempt: Attempt, now: datetime) -> Job:
    """The vendor accepted the task. One that is followed again gets a new deadline."""
    deadline_at = attempt.deadline_at
    if attempt.state is not AttemptState.STARTING:
        deadline_at = min(now + timing.ATTEMPT_LIMIT, job.deadline_at)
    followed = replace(
        attempt,
        state=AttemptState.RUNNING,
        deadline_at=deadline_at,
        ended_at=None,
        problem=None,
        cost_usd=attempt.full_price_usd,
        closing_polls=0,
        cancel_tries=0,
        written_off=False,
    )
    is_cancelled = job.cancel_requested_at is not None
    wake_at = now if is_cancelled else timing.next_poll_at(followed, now)
    progress = max(job.progress, 10)
    return replace(job.with_attempt(followed), progress=progress, wake_at=wake_at)


def ended(
    job: Job,
    attempt: Attempt,
    state: AttemptState,
    problem: Problem,
    now: datetime,
    *,
    cost_usd: Decimal,
) -> Job:
    """The attempt ended without a video; the job's next step is due now."""
    over = replace(
        attempt, state=state, problem=problem, ended_at=now, cost_usd=cost_usd
    )
    after = job.with_attempt(over)
    if after.open_attempt:
        return after
    return replace(after, wake_at=now)


def unknown(job: Job, attempt: Attempt, detail: str, now: datetime) -> Job:
    """The POST may have been accepted: its full price stays booked as spent."""
    problem = Problem(code=ErrorCode.SUBMISSION_UNKNOWN, detail=detail)
    state, price = AttemptState.UNKNOWN, attempt.full_price_usd
    return ended(job, attempt, state, problem, now, cost_usd=price)

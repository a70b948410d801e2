"""Storing: a result exists; it is fetched again until it is kept, never made again."""

from dataclasses import replace
from datetime import datetime

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.outcomes import Stored
from shared.domain.transitions.attempt import ended


def storing(job: Job, attempt: Attempt, now: datetime) -> Job:
    found = replace(
        attempt,
        state=AttemptState.STORING,
        ended_at=None,
        problem=None,
        store_until=now + timing.STORE_LIMIT,
    )
    progress = max(job.progress, 90)
    return replace(job.with_attempt(found), progress=progress, wake_at=now)


def stored(job: Job, attempt: Attempt, result: Stored, now: datetime) -> Job:
    done = replace(attempt, state=AttemptState.SUCCEEDED, ended_at=now)
    return replace(
        job.with_attempt(done),
        delivered=result.delivered,
        video_url=result.video_url,
        video_url_expires_at=result.video_url_expires_at,
        progress=100,
        wake_at=None,
    )


def missed(job: Job, attempt: Attempt, problem: Problem, now: datetime) -> Job:
    """Tried again with growing pauses, until too many bad files came or time is up.

    Our own storage is waited for longer than a vendor that doesn't hand out its file.
    """
    is_bad = problem.code is ErrorCode.BAD_OUTPUT
    tried = replace(
        attempt,
        store_tries=attempt.store_tries + 1,
        bad_outputs=attempt.bad_outputs + is_bad,
    )
    is_late = now >= _last_try(attempt, problem)
    if is_late or tried.bad_outputs >= timing.MOST_BAD_OUTPUTS:
        cost = attempt.cost_usd
        return ended(job, tried, AttemptState.FAILED, problem, now, cost_usd=cost)
    wake_at = now + timing.backoff(tried.store_tries)
    return replace(job.with_attempt(tried), wake_at=wake_at)


def _last_try(attempt: Attempt, problem: Problem) -> datetime:
    until = attempt.store_until or attempt.deadline_at
    if problem.code is ErrorCode.STORAGE_FAILED:
        return until
    return until - timing.STORE_LIMIT + timing.FETCH_LIMIT


def output_missing(job: Job, attempt: Attempt, now: datetime, *, is_final: bool) -> Job:
    """Looked for until the attempt's own deadline, then written off.

    After a cancel it is looked for once, as a running task is polled once.
    """
    may_come = not is_final and now < attempt.deadline_at
    if may_come and job.cancel_requested_at is None:
        return replace(job, wake_at=now + timing.LOOK_SPACING)
    return replace(job.with_attempt(replace(attempt, written_off=True)), wake_at=now)

"""Storing: a result exists; it is fetched again until it is kept, never made again."""

from datetime import datetime

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.outcomes import CheckStarted, OutputMissing, Stored
from shared.domain.structs import replace
from shared.domain.transitions.attempt import ended


def storing(job: Job, attempt: Attempt, now: datetime) -> Job:
    found = replace(
        attempt,
        state=AttemptState.STORING,
        ended_at=None,
        problem=None,
        store_until=now + timing.STORE_LIMIT,
        gone_polls=0,
    )
    progress = max(job.progress, 90)
    return replace(job.with_attempt(found), progress=progress, wake_at=now)


def check_started(job: Job, begun: CheckStarted, now: datetime) -> Job:
    """Committed before the file is decoded: one worker at a time decodes it.

    A file that is kept was decoded before, so what went wrong since is not its fault.
    """
    attempt = job.known_attempt(begun.attempt_id)
    until = now + timing.CHECK_LIMIT
    bad_outputs = 0 if begun.is_kept else attempt.bad_outputs
    checking = replace(attempt, checking_until=until, bad_outputs=bad_outputs)
    return replace(job.with_attempt(checking), wake_at=until)


def check_lost(job: Job, attempt: Attempt, now: datetime) -> Job:
    """A lost worker proves nothing about a file that is paid for: a process works on
    several jobs. Only time is a limit.
    """
    detail = "its worker was lost while it decoded the video"
    return missed(
        job, attempt, Problem(code=ErrorCode.STORAGE_FAILED, detail=detail), now
    )


def stored(job: Job, attempt: Attempt, result: Stored, now: datetime) -> Job:
    done = replace(attempt, state=AttemptState.SUCCEEDED, ended_at=now)
    completed = job.with_attempt(done).with_urls(result.urls)
    return replace(completed, delivered=result.delivered, progress=100, wake_at=None)


def missed(job: Job, attempt: Attempt, problem: Problem, now: datetime) -> Job:
    """Tried again with growing pauses, until too many bad files came or time is up.

    Our own storage is waited for longer than a vendor that doesn't hand out its file. A
    vendor that says twice in a row that it has no such task is not waited for.
    """
    is_bad = problem.code is ErrorCode.BAD_OUTPUT
    is_gone = problem.code is ErrorCode.PROVIDER_ERROR
    tried = replace(
        attempt,
        store_tries=attempt.store_tries + 1,
        bad_outputs=attempt.bad_outputs + is_bad,
        gone_polls=attempt.gone_polls + 1 if is_gone else 0,
        checking_until=None,
    )
    is_too_often = (
        tried.bad_outputs >= timing.MOST_BAD_OUTPUTS
        or tried.gone_polls >= timing.GONE_POLLS_TO_END
    )
    if is_too_often or now >= _last_try(attempt, problem):
        cost = attempt.cost_usd
        return ended(job, tried, AttemptState.FAILED, problem, now, cost_usd=cost)
    wake_at = now + timing.backoff(tried.store_tries)
    return replace(job.with_attempt(tried), wake_at=wake_at)


def _last_try(attempt: Attempt, problem: Problem) -> datetime:
    until = attempt.store_until or attempt.deadline_at
    if problem.code is ErrorCode.PROVIDER_UNAVAILABLE:
        return until - timing.STORE_LIMIT + timing.FETCH_LIMIT
    return until


def output_missing(
    job: Job, attempt: Attempt, missing: OutputMissing, now: datetime
) -> Job:
    """Looked for until the attempt's own deadline, then written off.

    After a cancel it is looked for once, as a running task is polled once. A look from
    before that proves nothing, however late it is reported: its worker may have stood
    still while the file came.
    """
    until = min(attempt.deadline_at, job.cancel_requested_at or attempt.deadline_at)
    if missing.looked_at < until and not missing.is_final:
        return replace(job, wake_at=now + timing.LOOK_SPACING)
    return replace(job.with_attempt(replace(attempt, written_off=True)), wake_at=now)

"""Storing: a result exists; it is fetched until it is stored, never generated again."""

from datetime import datetime

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.outcomes import CheckStarted, OutputMissing, Stored, StoreFailed
from shared.domain.structs import replace
from shared.domain.transitions.attempt import ended


def storing(job: Job, attempt: Attempt, now: datetime) -> Job:
    found = replace(
        attempt,
        state=AttemptState.STORING,
        ended_at=None,
        problem=None,
        store_until=now + timing.STORE_LIMIT,
        gone_since=None,
    )
    return replace(job.with_attempt(found), progress=90, wake_at=now)


def check_started(job: Job, outcome: CheckStarted, now: datetime) -> Job:
    """Committed before the file is decoded, so that one worker at a time does.

    A file at its final name was decoded before, so later failures are not its fault.
    """
    attempt = job.known_attempt(outcome.attempt_id)
    checking = replace(attempt, checking_until=now + timing.CHECK_LIMIT)
    if outcome.is_kept:
        checking = replace(checking, bad_outputs=0, lost_checks=0)
    return job.with_attempt(checking)


def check_lost(job: Job, attempt: Attempt, now: datetime) -> Job:
    """A lost worker proves nothing about a file that was paid for, because a process
    works on several jobs. So it is retried much more often than a bad file.
    """
    detail = "its worker was lost while it decoded the video"
    problem = Problem(code=ErrorCode.STORAGE_FAILED, detail=detail)
    lost = replace(attempt, lost_checks=attempt.lost_checks + 1)
    return _failed(job, lost, problem, now, tried_at=now)


def stored(job: Job, attempt: Attempt, result: Stored, now: datetime) -> Job:
    done = replace(attempt, state=AttemptState.SUCCEEDED, ended_at=now)
    completed = job.with_attempt(done).with_urls(result.urls)
    return replace(completed, delivered=result.delivered, progress=100, wake_at=None)


def failed(job: Job, attempt: Attempt, report: StoreFailed, now: datetime) -> Job:
    """Unchanged if another try has failed, or is being checked, since this one began:
    a download that fails must not end what another worker is about to deliver.
    """
    seen = (report.store_tries, report.checking_until)
    if seen != (attempt.store_tries, attempt.checking_until):
        return job
    return _failed(job, attempt, report.problem, now, tried_at=report.tried_at)


def _failed(
    job: Job, attempt: Attempt, problem: Problem, now: datetime, *, tried_at: datetime
) -> Job:
    """Retried with exponential backoff, until one of its limits is reached.

    As with polls, it counts when the vendor was asked: after a minute in which its
    answer could not be committed, it may show the task again.
    """
    is_gone = problem.code is ErrorCode.PROVIDER_ERROR
    is_unserved = problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    tried = replace(
        attempt,
        store_tries=attempt.store_tries + 1,
        bad_outputs=attempt.bad_outputs + (problem.code is ErrorCode.BAD_OUTPUT),
        unserved_tries=attempt.unserved_tries + is_unserved,
        gone_since=(attempt.gone_since or now) if is_gone else None,
        checking_until=None,
    )
    if _is_too_often(tried) or tried_at >= _last_try(tried, problem):
        cost = attempt.cost_usd
        return ended(job, tried, AttemptState.FAILED, problem, now, cost_usd=cost)
    return _try_later(job, tried, now)


def resumed(job: Job, attempt: Attempt, now: datetime) -> Job:
    """No other provider is left, so the result that its vendor withheld is fetched
    again: it is paid for.
    """
    again = replace(attempt, state=AttemptState.STORING, ended_at=None, problem=None)
    return _try_later(job, again, now)


def _try_later(job: Job, attempt: Attempt, now: datetime) -> Job:
    wake_at = now + timing.backoff(attempt.store_tries)
    return replace(job.with_attempt(attempt), wake_at=wake_at)


def _is_too_often(attempt: Attempt) -> bool:
    return (
        attempt.bad_outputs >= timing.MAX_BAD_OUTPUTS
        or attempt.lost_checks >= timing.MAX_LOST_CHECKS
    )


def _last_try(attempt: Attempt, problem: Problem) -> datetime:
    """Our own storage gets more time than a vendor that doesn't hand out its file."""
    if attempt.gone_since is not None:
        return attempt.gone_since + timing.GONE_LIMIT
    until = attempt.store_until or attempt.deadline_at
    is_unserved = problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    if is_unserved and attempt.unserved_tries >= timing.MIN_FETCH_TRIES:
        return until - timing.STORE_LIMIT + timing.FETCH_LIMIT
    return until


def output_missing(
    job: Job, attempt: Attempt, missing: OutputMissing, now: datetime
) -> Job:
    """The file is looked for until the attempt's own deadline, then written off.

    After a cancel it is looked for once, as a running task is polled once. A look from
    before the cancel proves nothing, however late it is reported: the file may have
    arrived while its worker was stalled.
    """
    if missing.looked_at < (job.cancel_requested_at or attempt.deadline_at):
        # Never sooner than planned: by now, the job may be waiting for a vendor.
        return replace(job, wake_at=max(job.wake_at or now, now + timing.LOOK_SPACING))
    return replace(job.with_attempt(replace(attempt, written_off=True)), wake_at=now)

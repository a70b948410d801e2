"""Log events of jobs: what their owners did, and attempts and jobs that have ended."""

import structlog

from shared.domain import timing
from shared.domain.errors import ErrorCode
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.projection import Status, ai_model, status
from shared.ports.identity import Caller

log = structlog.get_logger()


def log_by_caller(event: str, caller: Caller, job_id: str) -> None:
    """For the audit log: who created, cancelled or deleted a job."""
    log.info(
        event,
        audit=True,
        job_id=job_id,
        user_id=caller.user_id,
        key_id=caller.key_id,
    )


def log_finished(before: Job, after: Job) -> None:
    """One event for the job if it ended since `before`, and one for each of its
    attempts: until then, an attempt that ended may be followed again.

    An unknown outcome is logged at once, and what a silent vendor may have made once
    nothing asks for it any more.
    """
    for attempt in after.attempts:
        known = before.attempt(attempt.attempt_id)
        if attempt.state is AttemptState.UNKNOWN and known and known.is_open:
            log.error(
                "submission_unknown",
                job_id=after.job_id,
                ai_model=attempt.provider_id.value,
            )
    if after.is_final and not before.is_final:
        for attempt in after.attempts:
            log_attempt_finished(after, attempt)
            if _has_silent_vendor(attempt):
                _log_silence(after, attempt)
        log_job_finished(after)


def _has_silent_vendor(attempt: Attempt) -> bool:
    """Whether its task is given up because the last polls failed, and no file was found
    either. One whose job was cancelled isn't missed by anyone.
    """
    return (
        attempt.state is AttemptState.FAILED
        and attempt.closing_polls >= timing.MAX_CLOSING_POLLS
        and attempt.store_until is None
    )


def _log_silence(job: Job, attempt: Attempt) -> None:
    log.error(
        "vendor_stayed_silent",
        job_id=job.job_id,
        ai_model=attempt.provider_id.value,
        task_id=attempt.task_id,
        delivered=job.delivered is not None,
    )


def log_abandoned(job_id: str) -> None:
    """The same event for a job that was ended without being parsed."""
    log.info(
        "job_finished",
        job_id=job_id,
        status=Status.FAILED.value,
        ai_model=None,
        code=ErrorCode.DEADLINE_EXCEEDED.value,
        cost_usd=None,
        duration_seconds=None,
        attempts=None,
    )


def log_attempt_finished(job: Job, attempt: Attempt) -> None:
    took = (attempt.ended_at or job.updated_at) - attempt.started_at
    log.info(
        "attempt_finished",
        job_id=job.job_id,
        ai_model=attempt.provider_id.value,
        outcome=attempt.state.value,
        code=attempt.problem.code.value if attempt.problem else None,
        cost_usd=str(attempt.cost_usd),
        duration_seconds=took.total_seconds(),
    )


def log_job_finished(job: Job) -> None:
    tried = [a for a in job.attempts if a.state is not AttemptState.SKIPPED]
    log.info(
        "job_finished",
        job_id=job.job_id,
        status=status(job).value,
        ai_model=ai_model(job),
        code=job.problem.code.value if job.problem else None,
        cost_usd=str(job.cost_usd),
        duration_seconds=(job.updated_at - job.created_at).total_seconds(),
        attempts=len(tried),
    )

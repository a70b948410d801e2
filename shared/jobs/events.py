"""Log events of jobs and attempts that ended: metrics count these lines."""

import structlog

from shared.domain.errors import ErrorCode
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.projection import Status, status

log = structlog.get_logger()


def log_finished(before: Job, after: Job) -> None:
    """One event for each attempt that ended since `before`, and one for the job."""
    for attempt in after.attempts:
        known = before.attempt(attempt.attempt_id)
        if not attempt.is_open and (known is None or known.is_open):
            log_attempt_finished(after, attempt)
    if after.is_final and not before.is_final:
        log_job_finished(after)


def log_abandoned(job_id: str) -> None:
    """The same event for a job that was ended without being read."""
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
    if attempt.state is AttemptState.UNKNOWN:
        log.error(
            "submission_unknown",
            job_id=job.job_id,
            ai_model=attempt.provider_id.value,
        )


def log_job_finished(job: Job) -> None:
    asked = [a for a in job.attempts if a.state is not AttemptState.SKIPPED]
    log.info(
        "job_finished",
        job_id=job.job_id,
        status=status(job).value,
        ai_model=asked[-1].provider_id.value if asked else None,
        code=job.problem.code.value if job.problem else None,
        cost_usd=str(job.cost_usd),
        duration_seconds=(job.updated_at - job.created_at).total_seconds(),
        attempts=len(asked),
    )

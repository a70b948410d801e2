"""Preparing: the image is fetched and checked before any provider is asked."""

from dataclasses import replace
from datetime import datetime

from shared.domain import timing
from shared.domain.errors import Problem
from shared.domain.job import Job
from shared.domain.outcomes import PreparedImage


def started(job: Job, now: datetime) -> Job:
    """Committed before foreign bytes are read: a try that kills its worker counts."""
    lost = job.preparing_until is not None
    return replace(
        job,
        prepare_tries=job.prepare_tries + lost,
        preparing_until=now + timing.PREPARE_LIMIT,
        wake_at=now + timing.PREPARE_LIMIT,
    )


def prepared(job: Job, image: PreparedImage, now: datetime) -> Job:
    """The first image that was checked stays; a second one changes nothing."""
    if job.image is not None:
        return job
    progress = max(job.progress, 5)
    return replace(
        job, image=image, preparing_until=None, progress=progress, wake_at=now
    )


def missed(job: Job, problem: Problem, now: datetime) -> Job:
    """Tried again with growing pauses, four times in all."""
    if job.image is not None:
        return job
    tries = job.prepare_tries + 1
    if tries >= timing.MOST_PREPARE_TRIES:
        return refused(job, problem, now)
    return replace(
        job,
        prepare_tries=tries,
        preparing_until=None,
        wake_at=now + timing.backoff(tries),
    )


def refused(job: Job, problem: Problem, now: datetime) -> Job:
    """The job is to end, unless an attempt that may be paid for is open."""
    if job.open_attempt:
        return job
    return replace(job, ending=problem, preparing_until=None, wake_at=now)

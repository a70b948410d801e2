"""Preparing: the image is fetched and checked before any provider is asked."""

from dataclasses import replace
from datetime import datetime

from shared.domain import timing
from shared.domain.errors import Problem
from shared.domain.job import Job
from shared.domain.outcomes import PreparedImage


def prepared(job: Job, image: PreparedImage, now: datetime) -> Job:
    """The first image that was checked stays; a second one changes nothing."""
    if job.image is not None:
        return job
    return replace(job, image=image, progress=max(job.progress, 5), wake_at=now)


def missed(job: Job, problem: Problem, now: datetime) -> Job:
    """Tried again with growing pauses, four times in all."""
    if job.image is not None:
        return job
    tries = job.prepare_tries + 1
    if tries >= timing.MOST_PREPARE_TRIES:
        return replace(job, ending=problem, wake_at=now)
    return replace(job, prepare_tries=tries, wake_at=now + timing.backoff(tries))


def refused(job: Job, problem: Problem, now: datetime) -> Job:
    """The job is to end, unless an attempt that may be paid for is open."""
    if job.open_attempt:
        return job
    return replace(job, ending=problem, wake_at=now)

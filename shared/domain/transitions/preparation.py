"""Preparation: the image is fetched and checked before any provider is tried."""

from datetime import datetime

from shared.domain import timing
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Job
from shared.domain.outcomes import PreparedImage
from shared.domain.request import Frame
from shared.domain.structs import replace


def started(job: Job, now: datetime) -> Job:
    """Committed before untrusted bytes are read, so that one worker at a time does.

    A worker that is lost meanwhile proves nothing about the image, because a process
    works on several jobs. The image is tried again until the job's deadline.
    """
    return replace(job, preparing_until=now + timing.PREPARE_LIMIT)


def prepared(job: Job, image: PreparedImage, frame: Frame, now: datetime) -> Job:
    """The image that was checked first is kept; later checks change nothing.

    Listeners see only its crop; `progress` rises with the intent.
    """
    if job.prepared_image(frame):
        return job
    after = (
        replace(job, image=image)
        if frame is Frame.FIRST
        else replace(job, last_image=image)
    )
    return replace(after, prepare_tries=0, preparing_until=None, wake_at=now)


def failed(job: Job, problem: Problem, frame: Frame, now: datetime) -> Job:
    """Retried with exponential backoff, four tries in all.

    Faults of our own don't count as tries: they are retried until the job's deadline.
    """
    if job.prepared_image(frame):
        return job
    if problem.code is ErrorCode.STORAGE_FAILED:
        wake_at = now + timing.OUTAGE_SPACING
        return replace(job, preparing_until=None, wake_at=wake_at)
    tries = job.prepare_tries + 1
    if tries >= timing.MAX_PREPARE_TRIES:
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

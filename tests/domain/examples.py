"""Jobs and attempts to begin with, all of them at noon."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain import fallback, limits
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, Link
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, Language, dearest_usd
from shared.domain.ledger import place
from shared.domain.outcomes import (
    Accepted,
    Delivered,
    Intended,
    Picture,
    Polled,
    Stored,
    Submission,
    Submitted,
    Succeeded,
)
from shared.domain.request import VideoRequest
from shared.domain.transitions import apply, settle
from tests.fakes.clock import NOON as NOON

PICTURE = Picture(object_name="images/job1", width=1280, height=720, size_bytes=9)
DELIVERED = Delivered(
    object_name="videos/ann/job1.mp4",
    duration_seconds=8.0,
    width=1280,
    height=720,
    has_audio=False,
    size_bytes=6,
    crc32c="AAAAAA==",
)
FAULT = Problem(code=ErrorCode.PROVIDER_ERROR, detail="boom")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def a_body(**fields: object) -> dict[str, object]:
    asked = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
    return {**asked, **fields}


def a_request(**fields: object) -> VideoRequest:
    return VideoRequest.parse(a_body(**fields))


def a_new_job(
    *,
    chain: Sequence[Link] = DEFAULT_CHAIN,
    stop_on_unknown: bool = False,
    job_id: str = "job1",
    at: datetime = NOON,
    **fields: object,
) -> Job:
    request = a_request(**fields)
    links = fallback.order(request, tuple(chain), DEFAULT_MODELS)
    return Job(
        job_id=job_id,
        user_id="ann",
        language=Language.ENGLISH,
        request=request,
        chain=links,
        hold_usd=dearest_usd(links),
        place=place("ann", at, UTC),
        stop_on_unknown=stop_on_unknown,
        created_at=at,
        updated_at=at,
        deadline_at=at + limits.JOB_LIMIT,
        expires_at=at + timedelta(days=30),
        wake_at=at,
        version=1,
        commit_id="first",
    )


def a_job(**how: Any) -> Job:
    """Its picture is checked; the first link may be started."""
    return replace(a_new_job(**how), picture=PICTURE, progress=5)


def started(job: Job, link: Link, at: datetime = NOON) -> Job:
    """The intent for `link` is committed; the attempt is named for the link."""
    intended = apply(job, Intended(attempt_id=str(link), link=link), at)
    assert intended.attempt(str(link)), f"{link} was not due"
    return intended


def answered(job: Job, link: Link, submission: Submission, at: datetime = NOON) -> Job:
    """`link` was started, and its POST came to `submission`."""
    outcome = Submitted(attempt_id=str(link), submission=submission)
    return settle(apply(started(job, link, at), outcome, at), at)


def running(job: Job, link: Link, at: datetime = NOON) -> Job:
    return answered(job, link, Accepted(task_id=f"task-{link}"), at)


def storing(job: Job, link: Link, at: datetime = NOON) -> Job:
    polled = Polled(attempt_id=str(link), poll=Succeeded())
    return apply(running(job, link, at), polled, at)


def stored(link: Link, at: datetime = NOON) -> Stored:
    return Stored(
        attempt_id=str(link),
        delivered=DELIVERED,
        video_url="https://storage.example/video",
        video_url_expires_at=at + timedelta(hours=24),
    )


def completed(job: Job, link: Link, at: datetime = NOON) -> Job:
    return apply(storing(job, link, at), stored(link, at), at)


def at_link(job: Job, link: Link) -> Attempt:
    attempt = job.attempt(str(link))
    assert attempt is not None
    return attempt


def state_of(job: Job, link: Link) -> AttemptState:
    return at_link(job, link).state


def states(job: Job) -> list[tuple[str, str]]:
    return [(a.link.value, a.state.value) for a in job.attempts]

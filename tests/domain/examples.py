"""Jobs and attempts to begin with, all of them at noon."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.domain import fallback, timing
from shared.domain.catalogue import DEFAULT_MODELS, AspectRatio, ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, Language
from shared.domain.ledger import Limits, ledger_key, nth_of
from shared.domain.outcomes import (
    Accepted,
    Delivered,
    Intended,
    Polled,
    PreparedImage,
    SignedUrls,
    Stored,
    Submission,
    Submitted,
    Succeeded,
)
from shared.domain.pricing import first_price_usd
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.fakes.clock import NOON as NOON

# The four that ship: what tests say of them stays true where another one is added.
CHAIN = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP, ProviderId.VEO, ProviderId.OMNI)
RUNWAY, HTTP, VEO, OMNI = CHAIN

IMAGE = PreparedImage(object_name="images/job1", width=1280, height=720, size_bytes=9)
DELIVERED = Delivered(
    object_name="videos/ann/job1.mp4",
    duration_seconds=8.0,
    width=1280,
    height=720,
    has_audio=False,
    size_bytes=6,
    crc32c="AAAAAA==",
    aspect_ratio=AspectRatio.LANDSCAPE,
    poster_name="videos/ann/job1.jpg",
)
URLS = SignedUrls(
    video_url="https://storage.example/video",
    download_url="https://storage.example/video?attachment",
    poster_url="https://storage.example/poster",
    expires_at=NOON + timedelta(hours=11),
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
    chain: Sequence[ProviderId] = CHAIN,
    stop_on_unknown: bool = False,
    job_id: str = "job1",
    at: datetime = NOON,
    **fields: object,
) -> Job:
    request = a_request(**fields)
    providers = fallback.plan_chain(request, tuple(chain), DEFAULT_MODELS)
    return Job(
        job_id=job_id,
        user_id="ann",
        language=Language.ENGLISH,
        request=request,
        chain=providers,
        hold_usd=first_price_usd(providers),
        ledger_key=ledger_key("ann", at, Limits(), nth_of(job_id)),
        stop_on_unknown=stop_on_unknown,
        created_at=at,
        updated_at=at,
        deadline_at=at + timing.JOB_LIMIT,
        expires_at=at + timedelta(days=30),
        wake_at=at,
        version=1,
        commit_id="first",
    )


def a_job(**how: Any) -> Job:
    """Its image is checked; the first provider may be started."""
    return replace(a_new_job(**how), image=IMAGE)


def started(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    """The intent for the provider is committed; the attempt is named for it."""
    intended = apply(
        job, Intended(attempt_id=str(provider_id), provider_id=provider_id), at
    )
    assert intended.attempt(str(provider_id)), f"{provider_id} was not due"
    return intended


def answered(
    job: Job, provider_id: ProviderId, submission: Submission, at: datetime = NOON
) -> Job:
    """The provider was started, and its POST came to `submission`."""
    outcome = Submitted(attempt_id=str(provider_id), submission=submission)
    return settle(apply(started(job, provider_id, at), outcome, at), at)


def running(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    return answered(job, provider_id, Accepted(task_id=f"task-{provider_id}"), at)


def storing(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    polled = Polled(attempt_id=str(provider_id), poll=Succeeded())
    return apply(running(job, provider_id, at), polled, at)


def stored(provider_id: ProviderId) -> Stored:
    return Stored(
        attempt_id=str(provider_id),
        delivered=DELIVERED,
        urls=URLS,
    )


def completed(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    return apply(storing(job, provider_id, at), stored(provider_id), at)


def at_provider(job: Job, provider_id: ProviderId) -> Attempt:
    attempt = job.attempt(str(provider_id))
    assert attempt is not None
    return attempt


def state_of(job: Job, provider_id: ProviderId) -> AttemptState:
    return at_provider(job, provider_id).state


def states(job: Job) -> list[tuple[str, str]]:
    return [(a.provider_id.value, a.state.value) for a in job.attempts]

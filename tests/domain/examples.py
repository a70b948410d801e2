"""Example jobs and attempts in each state, all of them at noon."""

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
    Poll,
    Polled,
    PreparedImage,
    Rejected,
    SignedUrls,
    Stored,
    StoreFailed,
    Submission,
    Submitted,
    Succeeded,
)
from shared.domain.pricing import first_price_usd
from shared.domain.request import VideoRequest
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.fakes.clock import NOON as NOON

# The four that ship: tests that use them stay true when a fifth is added.
CHAIN = (ProviderId.RUNWAY, ProviderId.RUNWAY_HTTP, ProviderId.VEO, ProviderId.OMNI)
RUNWAY, HTTP, VEO, OMNI = CHAIN

IMAGE = PreparedImage(object_name="images/job1", width=1280, height=720, size_bytes=9)
DELIVERED = Delivered(
    object_name="videos/ann/job1/runway.mp4",
    duration_seconds=8.0,
    width=1280,
    height=720,
    has_audio=False,
    size_bytes=6,
    crc32c="AAAAAA==",
    aspect_ratio=AspectRatio.LANDSCAPE,
    poster_name="videos/ann/job1/runway.jpg",
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
    defaults = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
    return {**defaults, **fields}


def rejected(
    code: ErrorCode,
    retry_after_seconds: float | None = None,
    *,
    ask_again: bool = False,
) -> Rejected:
    seconds = None if retry_after_seconds is None else float(retry_after_seconds)
    return Rejected(
        problem=Problem(code=code), retry_after_seconds=seconds, ask_again=ask_again
    )


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
    """A job whose image is checked, so that its first provider may be started."""
    return replace(a_new_job(**how), image=IMAGE)


def started(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    """The intent is committed; the attempt's ID is the provider's."""
    intended = apply(
        job, Intended(attempt_id=str(provider_id), provider_id=provider_id), at
    )
    assert intended.attempt(str(provider_id)), f"{provider_id} was not due"
    return intended


def answered(
    job: Job, provider_id: ProviderId, submission: Submission, at: datetime = NOON
) -> Job:
    """The provider was started, and its POST had the outcome `submission`."""
    outcome = Submitted(attempt_id=str(provider_id), submission=submission)
    return settle(apply(started(job, provider_id, at), outcome, at), at)


def running(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    return answered(job, provider_id, Accepted(task_id=f"task-{provider_id}"), at)


def polled(
    job: Job,
    poll: Poll,
    at: datetime = NOON,
    provider_id: ProviderId = RUNWAY,
    *,
    polled_at: datetime | None = None,
) -> Job:
    """`polled_at`: where the answer is reported later than it was given."""
    report = Polled(attempt_id=str(provider_id), poll=poll, polled_at=polled_at or at)
    return apply(job, report, at)


def storing(job: Job, provider_id: ProviderId, at: datetime = NOON) -> Job:
    return polled(running(job, provider_id, at), Succeeded(), at, provider_id)


def store_failed(
    attempt: Attempt, problem: Problem, at: datetime = NOON
) -> StoreFailed:
    """A try that began at `at` with the attempt as it is now."""
    return StoreFailed(
        attempt_id=attempt.attempt_id,
        problem=problem,
        tried_at=at,
        store_tries=attempt.store_tries,
        checking_until=attempt.checking_until,
    )


def stored(provider_id: ProviderId) -> Stored:
    return Stored(attempt_id=str(provider_id), delivered=DELIVERED, urls=URLS)


def due(job: Job) -> Job:
    """The job with a step due at noon, whatever it had scheduled."""
    return replace(job, wake_at=NOON)


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

"""Who is asked, in which order, and what bars a link: the chain's policy as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain import timing
from shared.domain.catalogue import (
    CATALOGUE,
    PROVIDERS,
    ProviderId,
    VideoModel,
    chosen_by,
)
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.request import VideoRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an attempt's error means for the rest of the job."""

    ends_job: bool = False
    same_vendor: bool = False


# Only what is listed lets the same vendor be asked again. A refusal of the input is
# charged and counted against the account: it is never offered to anybody else.
POLICIES: Mapping[ErrorCode, Policy] = {
    ErrorCode.PROMPT_REFUSED: Policy(ends_job=True),
    ErrorCode.IMAGE_REFUSED: Policy(ends_job=True),
    ErrorCode.STORAGE_FAILED: Policy(ends_job=True),
    ErrorCode.RATE_LIMITED: Policy(same_vendor=True),
    ErrorCode.PROVIDER_UNAVAILABLE: Policy(same_vendor=True),
    ErrorCode.UNSUPPORTED: Policy(same_vendor=True),
    ErrorCode.NOT_CONFIGURED: Policy(same_vendor=True),
    ErrorCode.CIRCUIT_OPEN: Policy(same_vendor=True),
}
_STRICT = Policy()


def policy(code: ErrorCode) -> Policy:
    return POLICIES.get(code, _STRICT)


def plan_chain(
    request: VideoRequest, chain: Sequence[ProviderId], models: Mapping[ProviderId, str]
) -> tuple[PlannedProvider, ...]:
    """The links of one job: the caller's choice first, each fitted to the request."""
    chosen = chosen_by(request.model)
    rest = tuple(provider_id for provider_id in chain if provider_id not in chosen)
    providers = chosen + rest if request.fallback or not chosen else chosen
    if not request.fallback and not chosen:
        providers = rest[:1]
    return tuple(
        _plan(provider_id, CATALOGUE[models[provider_id]], request)
        for provider_id in providers
    )


def _plan(
    provider_id: ProviderId, model: VideoModel, request: VideoRequest
) -> PlannedProvider:
    facts = PROVIDERS[provider_id]
    duration_seconds = model.fit(request.duration_seconds)
    unsupported = model.unsupported(
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        audio=request.audio,
        prompt=request.prompt,
    )
    price = (
        Decimal(0)
        if unsupported
        else model.price_usd(duration_seconds, request.resolution)
    )
    return PlannedProvider(
        provider_id=provider_id,
        vendor=facts.vendor,
        model_id=model.model_id,
        duration_seconds=duration_seconds,
        price_usd=price,
        unsupported=unsupported,
        writes_into_bucket=facts.writes_into_bucket,
        polls_through=facts.polls_through,
    )


def next_provider(job: Job) -> PlannedProvider | None:
    """The first link not yet asked; then those whose passing fault may have gone."""
    for planned in job.chain:
        if not job.attempts_at(planned.provider_id):
            return planned
    for planned in job.chain:
        asked = job.attempts_at(planned.provider_id)
        if asked[-1].ask_again and len(asked) < timing.MOST_ASKS:
            return planned
    return None


def barred(job: Job, planned: PlannedProvider) -> Problem | None:
    """Why this link must not be asked; None if it may."""
    if planned.unsupported:
        return Problem(code=ErrorCode.UNSUPPORTED, detail=planned.unsupported)
    for attempt in job.attempts:
        if attempt.vendor == planned.vendor and _bars_vendor(attempt):
            code = attempt.problem.code if attempt.problem else ErrorCode.PROVIDER_ERROR
            return Problem(
                code=code, detail=f"as {attempt.provider_id} was answered before"
            )
    return None


def _bars_vendor(attempt: Attempt) -> bool:
    """An unknown or accepted submission bars its vendor; so do most rejections."""
    if attempt.ask_again or attempt.state in (
        AttemptState.NOT_SENT,
        AttemptState.SKIPPED,
    ):
        return False
    if attempt.state is AttemptState.REJECTED and attempt.problem:
        return not policy(attempt.problem.code).same_vendor or _is_too_long(attempt)
    return True


def _is_too_long(rejected: Attempt) -> bool:
    """The vendor wants to be left alone for longer than a job waits."""
    if rejected.not_before is None or rejected.ended_at is None:
        return False
    return rejected.not_before - rejected.ended_at > timing.LONGEST_VENDOR_DELAY


def not_before(job: Job, planned: PlannedProvider) -> datetime | None:
    """When this link may be asked, after what its vendor answered; None: at once."""
    waits = (
        a.not_before
        for a in job.attempts
        if a.vendor == planned.vendor and a.not_before is not None
    )
    return max(waits, default=None)

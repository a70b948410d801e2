"""Which provider is asked next, and what bars one: the policy of the chain."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from shared.domain import timing
from shared.domain.catalogue import (
    CATALOGUE,
    PROVIDERS,
    AspectRatio,
    ProviderId,
    VideoModel,
    chosen_by,
)
from shared.domain.errors import SKIPPED_AFTER, ErrorCode, Problem
from shared.domain.framing import nearest_ratio
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.request import Frame, VideoRequest


class Policy(Struct, frozen=True, kw_only=True):
    """What an attempt's error means for the rest of the job."""

    ends_job: bool = False
    same_vendor: bool = False


# Only what is listed lets the same vendor be asked again. Refused inputs are charged
# and counted against the account, so no other vendor is asked with them either.
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
    """A job's providers: the caller's choice first, each fitted to the request."""
    chosen = chosen_by(request.model)
    rest = tuple(provider_id for provider_id in chain if provider_id not in chosen)
    providers = chosen + rest if request.fallback or not chosen else chosen
    if not request.fallback and not chosen:
        providers = rest[:1]
    return tuple(
        _plan(provider_id, CATALOGUE[models[provider_id]], request)
        for provider_id in providers
    )


def within(
    providers: Sequence[PlannedProvider], chain: Collection[ProviderId]
) -> tuple[PlannedProvider, ...]:
    """Those that may be asked at all: a caller may have chosen one beyond `chain`."""
    return tuple(p for p in providers if p.provider_id in chain)


def _plan(
    provider_id: ProviderId, model: VideoModel, request: VideoRequest
) -> PlannedProvider:
    facts = PROVIDERS[provider_id]
    duration_seconds = model.fit(request.duration_seconds)
    has_image = request.source(Frame.FIRST) is not None
    unsupported = model.unsupported(
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        audio=request.audio,
        prompt=request.prompt,
        has_image=has_image,
        has_last_image=request.source(Frame.LAST) is not None,
    )
    ratios = model.ratios(has_image=has_image)
    if request.aspect_ratio or not has_image:
        ratios = (request.aspect_ratio or AspectRatio.LANDSCAPE,)
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
        aspect_ratios=ratios,
        unsupported=unsupported,
        writes_into_bucket=facts.writes_into_bucket,
        polls_through=facts.polls_through,
    )


def ratio_of(job: Job, planned: PlannedProvider) -> AspectRatio:
    """The ratio to ask this provider for, once the job's images are prepared."""
    if job.request.aspect_ratio or job.image is None:
        return job.request.aspect_ratio or AspectRatio.LANDSCAPE
    return nearest_ratio(*job.image.source_size, planned.aspect_ratios)


def next_provider(job: Job) -> PlannedProvider | None:
    """The first provider not yet asked; then those that may be asked again."""
    for planned in job.chain:
        if not job.attempts_at(planned.provider_id):
            return planned
    for planned in job.chain:
        asked = job.attempts_at(planned.provider_id)
        if asked[-1].ask_again and len(asked) < timing.MOST_ASKS:
            return planned
    return None


def barred(job: Job, planned: PlannedProvider) -> Problem | None:
    """Why this provider must not be asked between attempts; None if it may."""
    if planned.unsupported:
        return Problem(code=ErrorCode.UNSUPPORTED, detail=planned.unsupported)
    for attempt in job.attempts:
        problem = attempt.problem
        if attempt.vendor == planned.vendor and problem and _bars(attempt, problem):
            detail = f"{SKIPPED_AFTER}{attempt.provider_id}"
            return Problem(code=problem.code, detail=detail)
    return None


def _bars(attempt: Attempt, problem: Problem) -> bool:
    """An unknown or accepted submission bars its vendor; so do most rejections."""
    if attempt.ask_again:
        return False
    match attempt.state:
        case AttemptState.NOT_SENT | AttemptState.SKIPPED:
            return False
        case AttemptState.REJECTED:
            return not policy(problem.code).same_vendor or _is_too_long(attempt)
        case _:
            return True


def _is_too_long(rejected: Attempt) -> bool:
    """The vendor asked for a longer pause than a job can wait."""
    if rejected.not_before is None or rejected.ended_at is None:
        return False
    return rejected.not_before - rejected.ended_at > timing.LONGEST_VENDOR_DELAY


def not_before(job: Job, planned: PlannedProvider) -> datetime | None:
    """When this provider's vendor may be asked again; None: at once."""
    waits = (
        a.not_before
        for a in job.attempts
        if a.vendor == planned.vendor and a.not_before is not None
    )
    return max(waits, default=None)

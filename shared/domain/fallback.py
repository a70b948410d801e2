"""The fallback policy: which provider of a job's chain is tried next or skipped."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from shared.domain import timing
from shared.domain.catalogue import (
    CATALOGUE,
    PROVIDERS,
    AspectRatio,
    Audio,
    ProviderId,
    Unsupported,
    VideoModel,
    chosen_by,
)
from shared.domain.errors import SKIPPED_AFTER, ErrorCode, Problem
from shared.domain.framing import nearest_ratio
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.request import Frame, VideoRequest
from shared.domain.specs import utf16_units

# Refused inputs are charged and count against the account, so they aren't offered to
# other vendors either.
ENDS_JOB = frozenset(
    {ErrorCode.PROMPT_REFUSED, ErrorCode.IMAGE_REFUSED, ErrorCode.STORAGE_FAILED}
)
# After a rejection with one of these codes, the same vendor may be tried again.
_TEMPORARY = frozenset({ErrorCode.RATE_LIMITED, ErrorCode.PROVIDER_UNAVAILABLE})


def plan_chain(
    request: VideoRequest, chain: Sequence[ProviderId], models: Mapping[ProviderId, str]
) -> tuple[PlannedProvider, ...]:
    """A new job's providers: the caller's choice first, each fitted to the request."""
    chosen = chosen_by(request.model)
    providers = chosen + tuple(p for p in chain if p not in chosen)
    if not request.fallback:
        providers = chosen or providers[:1]
    return tuple(
        _plan(provider_id, CATALOGUE[models[provider_id]], request)
        for provider_id in providers
    )


def in_chain(
    providers: Sequence[PlannedProvider], chain: Collection[ProviderId]
) -> tuple[PlannedProvider, ...]:
    """The providers in the configured `chain`: a caller may have chosen another one."""
    return tuple(p for p in providers if p.provider_id in chain)


def _plan(
    provider_id: ProviderId, model: VideoModel, request: VideoRequest
) -> PlannedProvider:
    facts = PROVIDERS[provider_id]
    duration_seconds = model.fit(request.duration_seconds)
    has_image = request.source(Frame.FIRST) is not None
    reason = unsupported(model, request)
    ratios = model.ratios(has_image=has_image)
    if request.aspect_ratio or not has_image:
        ratios = (request.aspect_ratio or AspectRatio.LANDSCAPE,)
    price = (
        Decimal(0) if reason else model.price_usd(duration_seconds, request.resolution)
    )
    return PlannedProvider(
        provider_id=provider_id,
        vendor=facts.vendor,
        model_id=model.model_id,
        duration_seconds=duration_seconds,
        price_usd=price,
        aspect_ratios=ratios,
        unsupported=reason,
        writes_into_bucket=facts.writes_into_bucket,
        polls_through=facts.polls_through,
    )


def unsupported(model: VideoModel, request: VideoRequest) -> Unsupported | None:
    """Why this model can't fulfil the request, or None if it can."""
    if request.resolution not in model.usd_per_second:
        return Unsupported.RESOLUTION
    ratios = model.ratios(has_image=request.source(Frame.FIRST) is not None)
    if not ratios:
        return Unsupported.NEEDS_IMAGE
    if request.aspect_ratio is not None and request.aspect_ratio not in ratios:
        return Unsupported.ASPECT_RATIO
    if request.source(Frame.LAST) and not model.takes_last_image:
        return Unsupported.LAST_IMAGE
    if request.audio is True and model.audio is Audio.NEVER:
        return Unsupported.NO_SOUND
    if request.audio is False and model.audio is Audio.ALWAYS:
        return Unsupported.ALWAYS_SOUND
    if utf16_units(request.prompt) > model.max_prompt_units:
        return Unsupported.PROMPT_TOO_LONG
    return None


def ratio_of(job: Job, planned: PlannedProvider) -> AspectRatio:
    """The ratio to ask this provider for, once the job's images are prepared."""
    if job.request.aspect_ratio or job.image is None:
        return job.request.aspect_ratio or AspectRatio.LANDSCAPE
    return nearest_ratio(*job.image.source_size, planned.aspect_ratios)


def next_provider(job: Job) -> PlannedProvider | None:
    """The first provider without an attempt; else the first that may be tried again."""
    for planned in job.chain:
        if not job.attempts_at(planned.provider_id):
            return planned
    for planned in job.chain:
        attempts = job.attempts_at(planned.provider_id)
        if attempts[-1].ask_again and len(attempts) < timing.MAX_TRIES_PER_PROVIDER:
            return planned
    return None


def reason_to_skip(job: Job, planned: PlannedProvider) -> Problem | None:
    """Why the provider must be skipped, given the attempts so far; None: try it."""
    if planned.unsupported:
        return Problem(code=ErrorCode.UNSUPPORTED, detail=planned.unsupported)
    for attempt in job.attempts:
        problem = attempt.problem
        if (
            attempt.vendor == planned.vendor
            and problem
            and _rules_out_vendor(attempt, problem)
        ):
            detail = f"{SKIPPED_AFTER}{attempt.provider_id}"
            return Problem(code=problem.code, detail=detail)
    return None


def _rules_out_vendor(attempt: Attempt, problem: Problem) -> bool:
    """Whether the attempt rules out its vendor for the rest of the job.

    An unknown or accepted submission does, and so do most rejections.
    """
    if attempt.ask_again:
        return False
    match attempt.state:
        case AttemptState.NOT_SENT | AttemptState.SKIPPED:
            return False
        case AttemptState.REJECTED:
            return problem.code not in _TEMPORARY or _is_too_long(attempt)
        case _:
            return True


def _is_too_long(rejected: Attempt) -> bool:
    """Whether the vendor asked for a longer pause than a job may wait."""
    if rejected.not_before is None or rejected.ended_at is None:
        return False
    return rejected.not_before - rejected.ended_at > timing.MAX_VENDOR_DELAY


def not_before(job: Job, planned: PlannedProvider) -> datetime | None:
    """When this provider's vendor may be tried again; None: now."""
    waits = (
        a.not_before
        for a in job.attempts
        if a.vendor == planned.vendor and a.not_before is not None
    )
    return max(waits, default=None)

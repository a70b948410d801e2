"""What each commit of a job changes in the ledger and the usage counters."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from shared.domain.durations import bucket
from shared.domain.errors import ErrorCode
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.ledger import ZERO, Booking, Totals, in_micros
from shared.domain.projection import ai_model
from shared.domain.usage import NO_PROVIDER, Counts

# Why a provider is skipped, if it would be skipped at any other time, too.
_LASTING = {ErrorCode.UNSUPPORTED, ErrorCode.NOT_CONFIGURED}
# Why a provider refuses a request for what it asks, or its video for what it shows.
_REFUSALS = {
    ErrorCode.PROMPT_REFUSED,
    ErrorCode.IMAGE_REFUSED,
    ErrorCode.INPUT_NOT_ACCEPTED,
    ErrorCode.OUTPUT_FILTERED,
}


def booking(before: Job | None, after: Job) -> Booking:
    """`before` is None for a new job. Only the commit that ends a job settles it.

    Only a new job, a translation or a new attempt must fit the caps. Any other increase
    of the hold is what a vendor charges, or may charge, for a task that it accepted.
    """
    held_before = in_micros(before.hold_usd) if before else ZERO
    held, cost = in_micros(after.hold_usd), in_micros(after.cost_usd)
    ends = after.is_final and (before is None or not before.is_final)
    return Booking(
        totals=Totals(
            held_usd=held - held_before,
            settled_usd=cost if ends else ZERO,
            released_usd=held - cost if ends else ZERO,
        ),
        open_jobs=(before is None) - ends,
        needs_room=held > held_before and _begins(before, after),
        unpaid_at=after.updated_at if ends and _is_unpaid(after) else None,
        usage=usage(after) if ends else {},
    )


def _is_unpaid(job: Job) -> bool:
    """Ended by what its user asked or did, at no cost, whatever its translation cost:
    that would pay for thousands of images or refusals a day.
    """
    if job.has_tried_provider:
        return _was_refused(job)
    is_cancelled = job.problem and job.problem.code is ErrorCode.CANCELLED
    return (
        bool(is_cancelled) or job.frame_to_prepare is not None or _cannot_be_made(job)
    )


def _was_refused(job: Job) -> bool:
    codes = {attempt.problem.code for attempt in job.attempts if attempt.problem}
    is_free = not any(attempt.cost_usd for attempt in job.attempts)
    return is_free and job.problem is not None and not codes.isdisjoint(_REFUSALS)


def _cannot_be_made(job: Job) -> bool:
    """Whether it asked only for providers that can't make it, today or tomorrow."""
    codes = {attempt.problem.code for attempt in job.attempts if attempt.problem}
    return bool(codes) and codes <= _LASTING


def _begins(before: Job | None, after: Job) -> bool:
    if before is None or (before.translation is None and after.translation):
        return True
    attempt = after.open_attempt
    return attempt is not None and before.attempt(attempt.attempt_id) is None


def booking_of_unreadable(held_usd: Decimal, cost_usd: Decimal = ZERO) -> Booking:
    """For ending a job that can't be parsed: everything it holds counts as spent.

    `cost_usd`: what its attempts cost; a cost above the hold is booked in full.
    """
    held = in_micros(held_usd)
    spent = max(held, in_micros(cost_usd))
    return Booking(
        totals=Totals(held_usd=spent - held, settled_usd=spent),
        open_jobs=-1,
        usage={NO_PROVIDER: Counts(jobs=1, failed=1, cost_usd=spent)},
    )


def usage(job: Job) -> Mapping[str, Counts]:
    """What an ended job adds to the usage counters, by `ai_model`.

    The job counts under the `ai_model` that its owner sees, each attempt and its cost
    under the attempt's own, and the cost of the translation under `NO_PROVIDER`. The
    costs sum to what is settled.
    """
    delivered = job.delivered
    by_model = {
        ai_model(job) or NO_PROVIDER: Counts(
            jobs=1,
            completed=int(delivered is not None),
            failed=int(delivered is None),
            milliseconds=round(delivered.duration_seconds * 1000) if delivered else 0,
        )
    }
    tried = [(a.provider_id.value, _tried(a)) for a in job.attempts]
    paid = [(model, Counts(cost_usd=usd)) for model, usd in _costs(job)]
    for model, more in (*tried, *paid):
        if more != Counts():
            by_model[model] = by_model.get(model, Counts()) + more
    return by_model


def _tried(attempt: Attempt) -> Counts:
    """A cancelled attempt isn't counted: it says nothing about its provider."""
    if attempt.state in (AttemptState.SKIPPED, AttemptState.CANCELLED):
        return Counts()
    if attempt.state is not AttemptState.SUCCEEDED or attempt.ended_at is None:
        return Counts(attempts=1)
    took = (attempt.ended_at - attempt.started_at).total_seconds()
    return Counts(attempts=1, made_in={bucket(took): 1})


def _costs(job: Job) -> Iterator[tuple[str, Decimal]]:
    """What each cost adds to the rounded total, so that rounding loses nothing."""
    costs = [(a.provider_id.value, a.cost_usd) for a in job.attempts]
    if job.translation:
        costs.append((NO_PROVIDER, job.translation.cost_usd))
    total = ZERO
    for model, cost_usd in costs:
        before, total = total, total + cost_usd
        yield model, in_micros(total) - in_micros(before)

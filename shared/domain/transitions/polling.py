"""Polling: a vendor's word about its task, and how waiting for it ends."""

from datetime import datetime
from typing import assert_never

from shared.domain import timing
from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.next_action import poller
from shared.domain.outcomes import Failed, Gone, Poll, PollFailed, Succeeded, Working
from shared.domain.pricing import charged_usd
from shared.domain.structs import replace
from shared.domain.transitions.attempt import ended
from shared.domain.transitions.storing import storing

# Where neither the vendor nor the catalogue says how long a generation takes.
TYPICAL_SECONDS = 120


def cancel_requested(job: Job, now: datetime) -> Job:
    """On record, and due now where that may bring the end closer.

    A POST is left to be answered, and a cancel or a store to its own pace.
    """
    if job.cancel_requested_at is not None:
        return job
    marked = replace(job, cancel_requested_at=now)
    attempt = job.open_attempt
    if attempt is None or attempt.state is AttemptState.RUNNING:
        return replace(marked, wake_at=now)
    return marked


def polled(job: Job, attempt: Attempt, poll: Poll, now: datetime) -> Job:
    seen = replace(attempt, polled_at=now)
    match poll:
        case Working():
            return _working(job, seen, poll, now)
        case Succeeded(cost_usd=cost_usd, gs_uri=gs_uri):
            cost = charged_usd(cost_usd, attempt.full_price_usd)
            return storing(job, replace(seen, cost_usd=cost, gs_uri=gs_uri), now)
        case Failed():
            return _failed(job, seen, poll, now)
        case PollFailed():
            return _missed(job, seen, now)
        case Gone(detail=detail):
            return _gone(job, seen, detail, now)
        case _:
            assert_never(poll)


def _working(job: Job, attempt: Attempt, working: Working, now: datetime) -> Job:
    # Once another provider has taken over the polls, it keeps them.
    took_over = poller(attempt) is not attempt.provider_id
    missed_polls = attempt.missed_polls if took_over else 0
    seen = replace(
        attempt,
        missed_polls=missed_polls,
        gone_polls=0,
        queued_at_vendor=working.queued,
    )
    if _is_closing(job, attempt, now):
        return _cancelling(job, seen, now)
    progress = max(job.progress, _progress(attempt, working, now))
    return replace(_poll_later(job, seen, now), progress=progress)


def _progress(attempt: Attempt, working: Working, now: datetime) -> int:
    """10 to 88 while a vendor works; by the clock where the vendor reports nothing."""
    if working.queued:
        return 10
    fraction = working.progress
    if fraction is None:
        model = CATALOGUE.get(attempt.model_id)
        typical_seconds = model.typical_seconds if model else TYPICAL_SECONDS
        fraction = (now - attempt.started_at).total_seconds() / typical_seconds
    return 10 + int(78 * min(max(fraction, 0.0), 1.0))


def _failed(job: Job, attempt: Attempt, failed: Failed, now: datetime) -> Job:
    cost = charged_usd(failed.cost_usd, attempt.full_price_usd)
    # A vendor that charges for a failure is not asked to fail again.
    ask_again = failed.ask_again and cost == 0
    not_before = now + timing.ASK_AGAIN_DELAY if ask_again else None
    over = replace(attempt, ask_again=ask_again, not_before=not_before)
    return ended(job, over, AttemptState.FAILED, failed.problem, now, cost_usd=cost)


def _missed(job: Job, attempt: Attempt, now: datetime) -> Job:
    """A poll that failed never fails the job; while closing, the third one cancels."""
    closing_polls = attempt.closing_polls + _is_closing(job, attempt, now)
    missed = replace(
        attempt,
        missed_polls=attempt.missed_polls + 1,
        closing_polls=closing_polls,
        gone_polls=0,
    )
    if closing_polls >= timing.MOST_CLOSING_POLLS:
        return _cancelling(job, missed, now)
    return _poll_later(job, missed, now)


def _gone(job: Job, attempt: Attempt, detail: str, now: datetime) -> Job:
    """Believed when it is said twice in a row, of a task that is no longer new: a
    deleted one never delivers.

    What the vendor took for it stays booked.
    """
    if now < attempt.started_at + timing.TASK_IS_NEW:
        return _poll_later(job, attempt, now)
    gone = replace(attempt, gone_polls=attempt.gone_polls + 1)
    if gone.gone_polls < timing.GONE_POLLS_TO_END:
        return _poll_later(job, gone, now)
    problem = Problem(code=ErrorCode.PROVIDER_ERROR, detail=detail)
    cost = attempt.full_price_usd
    return ended(job, gone, AttemptState.FAILED, problem, now, cost_usd=cost)


def _poll_later(job: Job, attempt: Attempt, now: datetime) -> Job:
    wake_at = timing.next_poll_at(attempt, now)
    return replace(job.with_attempt(attempt), wake_at=wake_at)


def _is_closing(job: Job, attempt: Attempt, now: datetime) -> bool:
    """The next word of the vendor is the last one that is waited for."""
    return job.cancel_requested_at is not None or now >= attempt.deadline_at


def _cancelling(job: Job, attempt: Attempt, now: datetime) -> Job:
    closing = replace(attempt, state=AttemptState.CANCELLING)
    return replace(job.with_attempt(closing), wake_at=now)


def cancel_missed(job: Job, attempt: Attempt, now: datetime) -> Job:
    missed = replace(attempt, cancel_tries=attempt.cancel_tries + 1)
    if missed.cancel_tries >= timing.MOST_CANCEL_TRIES:
        return closed(job, missed, now)
    return replace(job.with_attempt(missed), wake_at=now + timing.RETRY_SPACING)


def closed(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Cancelled at the vendor, or no longer waited for; its full price stays spent."""
    state, code = AttemptState.FAILED, ErrorCode.DEADLINE_EXCEEDED
    if job.cancel_requested_at is not None:
        state, code = AttemptState.CANCELLED, ErrorCode.CANCELLED
    elif attempt.queued_at_vendor:
        code = ErrorCode.RATE_LIMITED
    problem = Problem(code=code)
    return ended(job, attempt, state, problem, now, cost_usd=attempt.full_price_usd)

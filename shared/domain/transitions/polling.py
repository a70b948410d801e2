"""Polling: applies the vendor's answers about its task, cancels and the deadline.

What ends an attempt is judged by when the vendor was asked, and not by when its answer
is committed: a worker may stand still in between, and the task may succeed meanwhile.
"""

from datetime import datetime
from typing import assert_never

from shared.domain import timing
from shared.domain.catalogue import CATALOGUE
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.next_action import poller
from shared.domain.outcomes import Failed, Gone, Polled, PollFailed, Succeeded, Working
from shared.domain.pricing import charged_usd
from shared.domain.structs import replace
from shared.domain.transitions.attempt import ended
from shared.domain.transitions.storing import storing

# Where neither the vendor nor the catalogue says how long a generation takes.
TYPICAL_SECONDS = 120


def cancel_requested(job: Job, now: datetime) -> Job:
    """Record the request; the job is due now if that can end it sooner.

    An open POST still gets its answer, and a cancel or a store keeps its own schedule.
    """
    if job.cancel_requested_at is not None:
        return job
    marked = replace(job, cancel_requested_at=now)
    attempt = job.open_attempt
    if attempt is None or attempt.state is AttemptState.RUNNING:
        return replace(marked, wake_at=now)
    return marked


def polled(job: Job, attempt: Attempt, report: Polled, now: datetime) -> Job:
    """Unchanged if another poll was recorded since the vendor was asked, unless the
    task has ended: two workers that ask at the same moment count once.
    """
    seen, polled_at = replace(attempt, polled_at=now), report.polled_at
    has_ended = isinstance(report.poll, Succeeded | Failed)
    if attempt.polled_at and polled_at < attempt.polled_at and not has_ended:
        return job
    match poll := report.poll:
        case Working():
            return _working(job, seen, poll, polled_at, now)
        case Succeeded(cost_usd=cost_usd, gs_uri=gs_uri):
            cost = charged_usd(cost_usd, attempt)
            return storing(job, replace(seen, cost_usd=cost, gs_uri=gs_uri), now)
        case Failed():
            return _failed(job, seen, poll, polled_at, now)
        case PollFailed():
            return _poll_failed(job, seen, polled_at, now)
        case Gone(detail=detail):
            return _gone(job, seen, detail, polled_at, now)
        case _:
            assert_never(poll)


def _working(
    job: Job, attempt: Attempt, working: Working, polled_at: datetime, now: datetime
) -> Job:
    # Once another provider has taken over polling, it keeps the task.
    took_over = poller(attempt) is not attempt.provider_id
    missed_polls = attempt.missed_polls if took_over else 0
    seen = replace(
        attempt,
        missed_polls=missed_polls,
        gone_since=None,
        queued_at_vendor=working.queued,
    )
    if _is_closing(job, attempt, polled_at):
        return _cancelling(job, seen, now)
    progress = max(job.progress, _progress(attempt, working, now))
    return replace(_poll_later(job, seen, now), progress=progress)


def _progress(attempt: Attempt, working: Working, now: datetime) -> int:
    """10 to 88 while a vendor works, estimated by time if the vendor reports none."""
    if working.queued:
        return 10
    fraction = working.progress
    if fraction is None:
        model = CATALOGUE.get(attempt.model_id)
        typical_seconds = model.typical_seconds if model else TYPICAL_SECONDS
        fraction = (now - attempt.started_at).total_seconds() / typical_seconds
    return 10 + int(78 * min(fraction, 1.0))


def _failed(
    job: Job, attempt: Attempt, failed: Failed, polled_at: datetime, now: datetime
) -> Job:
    if failed.may_come_yet and _is_polled_again(job, attempt, polled_at):
        # By the fixed plan, because the learned one was for a task under way.
        since = attempt.empty_since or polled_at
        waiting = replace(attempt, empty_since=since, poll_plan=())
        return _working(job, waiting, Working(), polled_at, now)
    cost = charged_usd(failed.cost_usd, attempt)
    # A vendor that charges for a failure is not tried again.
    ask_again = failed.ask_again and cost == 0
    not_before = now + timing.ASK_AGAIN_DELAY if ask_again else None
    over = replace(
        attempt,
        ask_again=ask_again,
        not_before=not_before,
        closing_polls=0,  # the vendor was not silent after all
    )
    return ended(job, over, AttemptState.FAILED, failed.problem, now, cost_usd=cost)


def _is_polled_again(job: Job, attempt: Attempt, polled_at: datetime) -> bool:
    """Whether a success without a video is still too recent to be believed.

    Measured in time, because a count would be used up by tasks that arrive twice.
    """
    if _is_closing(job, attempt, polled_at):
        return False
    since = attempt.empty_since
    return since is None or polled_at < since + timing.LATE_RESULT_LIMIT


def _poll_failed(job: Job, attempt: Attempt, polled_at: datetime, now: datetime) -> Job:
    """A failed poll never fails the job. While closing, the third is followed by the
    cancel; one that fails right before the cancel counts as a failed cancel.
    """
    closing_polls = attempt.closing_polls + _is_closing(job, attempt, polled_at)
    failed = replace(
        attempt,
        missed_polls=attempt.missed_polls + 1,
        closing_polls=closing_polls,
        gone_since=None,
    )
    if attempt.state is AttemptState.CANCELLING:
        silent = replace(failed, closing_polls=timing.MAX_CLOSING_POLLS)
        return cancel_failed(job, silent, now)
    if closing_polls >= timing.MAX_CLOSING_POLLS:
        return _cancelling(job, failed, now)
    return _poll_later(job, failed, now)


def _gone(
    job: Job, attempt: Attempt, detail: str, polled_at: datetime, now: datetime
) -> Job:
    """Ends the attempt once the vendor has said for a minute that the task doesn't
    exist. A deleted task never delivers; its full price stays booked as spent.
    """
    since = attempt.gone_since or now
    gone = replace(attempt, gone_since=since)
    if polled_at < since + timing.GONE_LIMIT:
        return _poll_later(job, gone, now)
    problem = Problem(code=ErrorCode.PROVIDER_ERROR, detail=detail)
    cost = attempt.full_price_usd
    return ended(job, gone, AttemptState.FAILED, problem, now, cost_usd=cost)


def _poll_later(job: Job, attempt: Attempt, now: datetime) -> Job:
    wake_at = timing.next_poll_at(attempt, now)
    return replace(job.with_attempt(attempt), wake_at=wake_at)


def _is_closing(job: Job, attempt: Attempt, polled_at: datetime) -> bool:
    """Whether the task is cancelled unless this poll says that it has ended."""
    return polled_at >= (job.cancel_requested_at or attempt.deadline_at)


def _cancelling(job: Job, attempt: Attempt, now: datetime) -> Job:
    closing = replace(attempt, state=AttemptState.CANCELLING)
    return replace(job.with_attempt(closing), wake_at=now)


def cancel_failed(job: Job, attempt: Attempt, now: datetime) -> Job:
    failed = replace(attempt, cancel_tries=attempt.cancel_tries + 1)
    if failed.cancel_tries >= timing.MAX_CANCEL_TRIES:
        return closed(job, failed, now)
    return replace(job.with_attempt(failed), wake_at=now + timing.RETRY_SPACING)


def closed(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Cancelled at the vendor, or abandoned; its full price stays booked as spent."""
    state, code = AttemptState.FAILED, ErrorCode.DEADLINE_EXCEEDED
    if job.cancel_requested_at is not None:
        state, code = AttemptState.CANCELLED, ErrorCode.CANCELLED
    elif attempt.queued_at_vendor:
        code = ErrorCode.RATE_LIMITED
    problem = Problem(code=code)
    return ended(job, attempt, state, problem, now, cost_usd=attempt.full_price_usd)

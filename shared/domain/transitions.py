"""What each outcome makes of a job. Pure: `apply(job, outcome, now)`.

Whoever loses a race reads again and applies again: an outcome that no longer fits
leaves the job as it is, and what a paid POST answered always fits.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from shared.domain import (
    fallback,
    timing,
)
from shared.domain.catalogue import CATALOGUE, ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.next_action import (
    Start,
    Wait,
    between_attempts,
    next_action,
    poller,
)
from shared.domain.outcomes import (
    Accepted,
    CancelMissed,
    CancelRequested,
    CancelSent,
    Decision,
    Failed,
    GaveUp,
    ImageRefused,
    Intended,
    LeaseExpired,
    NotSent,
    Outcome,
    OutputFound,
    OutputMissing,
    Parked,
    Poll,
    Polled,
    PollFailed,
    Prepared,
    PrepareMissed,
    Rejected,
    Revived,
    Skipped,
    Stored,
    StoreMissed,
    Submission,
    Submitted,
    Succeeded,
    Unaffordable,
    Unknown,
    Working,
)


def apply(job: Job, outcome: Outcome, now: datetime) -> Job:
    """The job after `outcome`; the very same job where the outcome no longer fits."""
    if job.is_final and not isinstance(outcome, Submitted):
        return job
    changed = _apply(job, outcome, now)
    return job if changed is job else replace(_scheduled(changed, now), updated_at=now)


def settle(job: Job, now: datetime) -> Job:
    """The job after every decision that follows from it alone."""
    while isinstance(action := next_action(job, now), Decision):
        decided = apply(job, action, now)
        if decided is job:
            break
        job = decided
    return job


def _apply(job: Job, outcome: Outcome, now: datetime) -> Job:
    match outcome:
        case Prepared(image=image):
            if job.image is not None:
                return job
            return replace(job, image=image, progress=max(job.progress, 5), wake_at=now)
        case ImageRefused(problem=problem):
            if job.open_attempt:
                return job
            return job.ended(problem.code, problem.detail)
        case PrepareMissed(problem=problem):
            return _prepare_missed(job, problem, now)
        case Intended(attempt_id=attempt_id, provider_id=provider_id):
            return _intended(job, attempt_id, provider_id, now)
        case Skipped(provider_id=provider_id, problem=problem):
            return _skipped(job, provider_id, problem, now)
        case CancelRequested():
            return _cancel_requested(job, now)
        case Parked():
            return _parked(job, now)
        case Unaffordable(code=code):
            is_due = isinstance(next_action(job, now), Start)
            return job.ended(code) if is_due else job
        case GaveUp():
            # Decided on what stood then: where that changed, it is decided again.
            return job.ended(outcome.code) if next_action(job, now) == outcome else job
        case _:
            return _apply_to_attempt(job, outcome, now)


AttemptOutcome = (
    Submitted
    | Polled
    | CancelSent
    | CancelMissed
    | Stored
    | StoreMissed
    | OutputFound
    | OutputMissing
    | LeaseExpired
    | Revived
)


def _apply_to_attempt(job: Job, outcome: AttemptOutcome, now: datetime) -> Job:
    attempt = job.attempt(outcome.attempt_id)
    if attempt is None:
        return job
    match outcome:
        case Submitted(submission=submission):
            return _submitted(job, attempt, submission, now)
        case LeaseExpired() if attempt.state is AttemptState.STARTING:
            return _unknown(
                job, attempt, "nobody reported before the lease ran out", now
            )
        case Polled(poll=poll) if attempt.state is AttemptState.RUNNING:
            return _polled(job, attempt, poll, now)
        case Polled(poll=Succeeded() | Failed()) if (
            attempt.state is AttemptState.CANCELLING
        ):
            return _polled(job, attempt, outcome.poll, now)
        case CancelSent() if attempt.state is AttemptState.CANCELLING:
            return _closed(job, attempt, now)
        case CancelMissed() if attempt.state is AttemptState.CANCELLING:
            return _cancel_missed(job, attempt, now)
        case Stored() if attempt.state is AttemptState.STORING:
            return _stored(job, attempt, outcome, now)
        case StoreMissed(problem=problem) if attempt.state is AttemptState.STORING:
            return _store_missed(job, attempt, problem, now)
        case _ if job.open_attempt is not None:
            return job
        case OutputFound(gs_uri=gs_uri) if attempt.may_have_written:
            return _storing(job, replace(attempt, gs_uri=gs_uri), now)
        case OutputMissing() if attempt.may_have_written:
            return _output_missing(job, attempt, now)
        case Revived() if attempt.has_late_answer:
            return _running(job, attempt, now)
        case _:
            return job


def _prepare_missed(job: Job, problem: Problem, now: datetime) -> Job:
    if job.image is not None:
        return job
    tries = job.prepare_tries + 1
    if tries >= timing.MOST_PREPARE_TRIES:
        return job.ended(problem.code, problem.detail)
    return replace(job, prepare_tries=tries, wake_at=now + _backoff(tries))


def _intended(job: Job, attempt_id: str, provider_id: ProviderId, now: datetime) -> Job:
    """The intent, only where `next_action` still wants exactly this start."""
    action = next_action(job, now)
    is_due = isinstance(action, Start) and action.planned.provider_id is provider_id
    if not isinstance(action, Start) or not is_due or job.attempt(attempt_id):
        return job
    attempt = replace(
        _new_attempt(action.planned, attempt_id, now, job.deadline_at),
        state=AttemptState.STARTING,
        cost_usd=action.planned.price_usd,
    )
    started = replace(job, attempts=(*job.attempts, attempt))
    hold_usd = max(job.hold_usd, started.cost_usd)
    wake_at = attempt.lease_until + timing.CLOCK_SKEW
    return replace(started, hold_usd=hold_usd, wake_at=wake_at, is_parked=False)


def _parked(job: Job, now: datetime) -> Job:
    if not isinstance(next_action(job, now), Start):
        return job
    wake_at = min(now + timing.PARK_SPACING, job.deadline_at) + timing.CLOCK_SKEW
    return replace(job, is_parked=True, wake_at=wake_at)


def _skipped(job: Job, provider_id: ProviderId, problem: Problem, now: datetime) -> Job:
    planned = fallback.next_provider(job)
    if job.open_attempt or planned is None or planned.provider_id is not provider_id:
        return job
    attempt = replace(
        _new_attempt(planned, f"skip{len(job.attempts)}", now, job.deadline_at),
        state=AttemptState.SKIPPED,
        problem=problem,
        ended_at=now,
    )
    return replace(job, attempts=(*job.attempts, attempt), wake_at=now)


def _new_attempt(
    planned: PlannedProvider, attempt_id: str, now: datetime, job_deadline_at: datetime
) -> Attempt:
    return Attempt(
        attempt_id=attempt_id,
        provider_id=planned.provider_id,
        vendor=planned.vendor,
        model_id=planned.model_id,
        duration_seconds=planned.duration_seconds,
        price_usd=planned.price_usd,
        state=AttemptState.STARTING,
        started_at=now,
        deadline_at=min(now + timing.ATTEMPT_LIMIT, job_deadline_at),
        lease_until=now + timing.LEASE,
    )


def _cancel_requested(job: Job, now: datetime) -> Job:
    """Ends at once what costs nothing yet; only marks what may already be paid for."""
    if job.cancel_requested_at is not None:
        return job
    attempt = job.open_attempt
    marked = replace(job, cancel_requested_at=now)
    if attempt is None:
        return marked.ended(ErrorCode.CANCELLED)
    if attempt.state is AttemptState.RUNNING:
        return replace(marked, wake_at=_next_look(attempt, now))
    return marked


def _next_look(attempt: Attempt, now: datetime) -> datetime:
    """As soon as the spacing of polls allows: a task before that would be used up."""
    if attempt.polled_at is None:
        return now
    spaced = attempt.polled_at + timing.POLL_SPACING + timing.CLOCK_SKEW
    return max(now, spaced)


def _submitted(
    job: Job, attempt: Attempt, submission: Submission, now: datetime
) -> Job:
    """What a POST answered is never dropped, however late it comes."""
    match attempt.state, submission:
        case AttemptState.STARTING, Accepted(task_id=task_id):
            return _running(job, replace(attempt, task_id=task_id), now)
        case AttemptState.UNKNOWN, Accepted(task_id=task_id) if not attempt.task_id:
            late = job.with_attempt(replace(attempt, task_id=task_id))
            return (
                late if job.is_final or job.open_attempt else replace(late, wake_at=now)
            )
        case AttemptState.STARTING, Unknown(detail=detail):
            return _unknown(job, attempt, detail, now)
        case _ if job.is_final:
            # Its money is settled, once: what was kept as spent stays so.
            return job
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), Rejected()):
            return _rejected(job, attempt, submission, now)
        case ((AttemptState.STARTING | AttemptState.UNKNOWN), NotSent(problem=problem)):
            state = AttemptState.NOT_SENT
            return _ended(job, attempt, state, problem, now, cost_usd=Decimal(0))
        case _:
            return job


def _rejected(job: Job, attempt: Attempt, rejected: Rejected, now: datetime) -> Job:
    waited = replace(attempt, not_before=_vendor_delay(rejected, now))
    waited = replace(waited, ask_again=rejected.ask_again)
    state = AttemptState.REJECTED
    return _ended(job, waited, state, rejected.problem, now, cost_usd=Decimal(0))


def _vendor_delay(rejected: Rejected, now: datetime) -> datetime:
    if rejected.ask_again:
        return now + timing.ASK_AGAIN_DELAY
    if rejected.retry_after_seconds is None:
        return now + timing.SAME_VENDOR_DELAY
    asked = timedelta(seconds=max(0.0, rejected.retry_after_seconds))
    return now + min(asked, timing.LONGEST_VENDOR_DELAY)


def _running(job: Job, attempt: Attempt, now: datetime) -> Job:
    deadline_at = attempt.deadline_at
    if attempt.state is AttemptState.UNKNOWN:
        deadline_at = min(now + timing.ATTEMPT_LIMIT, job.deadline_at)
    running = replace(
        attempt,
        state=AttemptState.RUNNING,
        deadline_at=deadline_at,
        ended_at=None,
        problem=None,
        cost_usd=attempt.price_usd,
    )
    wake_at = now if job.cancel_requested_at else now + timing.SHORTEST_POLL
    started = job.with_attempt(running)
    return replace(started, progress=max(job.progress, 10), wake_at=wake_at)


def _unknown(job: Job, attempt: Attempt, detail: str, now: datetime) -> Job:
    problem = Problem(code=ErrorCode.SUBMISSION_UNKNOWN, detail=detail)
    state, price = AttemptState.UNKNOWN, attempt.price_usd
    return _ended(job, attempt, state, problem, now, cost_usd=price)


def _ended(
    job: Job,
    attempt: Attempt,
    state: AttemptState,
    problem: Problem,
    now: datetime,
    *,
    cost_usd: Decimal,
) -> Job:
    """The attempt is over without a video; what the job does next is due now."""
    over = replace(
        attempt, state=state, problem=problem, ended_at=now, cost_usd=cost_usd
    )
    after = job.with_attempt(over)
    return (
        after if after.is_final or after.open_attempt else replace(after, wake_at=now)
    )


def _polled(job: Job, attempt: Attempt, poll: Poll, now: datetime) -> Job:
    own = poller(attempt) is attempt.provider_id
    looked = replace(attempt, polled_at=now)
    match poll:
        case Working():
            if own:
                looked = replace(looked, missed_polls=0)
            looked = replace(looked, queued_at_vendor=poll.queued)
            if _is_closing(job, attempt, now):
                return _cancelling(job, looked, now)
            after = _paced(job, looked, now)
            progress = max(job.progress, _progress(attempt, poll, now))
            return replace(after, progress=progress)
        case Succeeded(cost_usd=cost_usd, gs_uri=gs_uri):
            cost = attempt.price_usd if cost_usd is None else cost_usd
            return _storing(job, replace(looked, cost_usd=cost, gs_uri=gs_uri), now)
        case Failed(problem=problem, cost_usd=cost_usd, ask_again=ask_again):
            cost = attempt.price_usd if cost_usd is None else cost_usd
            again = now + timing.ASK_AGAIN_DELAY if ask_again else None
            looked = replace(looked, ask_again=ask_again, not_before=again)
            state = AttemptState.FAILED
            return _ended(job, looked, state, problem, now, cost_usd=cost)
        case PollFailed():
            return _missed(job, looked, now)
        case _:
            assert_never(poll)


def _missed(job: Job, attempt: Attempt, now: datetime) -> Job:
    missed = replace(attempt, missed_polls=attempt.missed_polls + 1)
    if not _is_closing(job, attempt, now):
        return _paced(job, missed, now)
    missed = replace(missed, closing_polls=missed.closing_polls + 1)
    if missed.closing_polls >= timing.MOST_CLOSING_POLLS:
        return _cancelling(job, missed, now)
    return _paced(job, missed, now)


def _paced(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Still running: when to look next, at the latest when its time is up."""
    elapsed = now - attempt.started_at
    wake_at = now + min(timing.LONGEST_POLL, max(timing.SHORTEST_POLL, elapsed / 10))
    if now < attempt.deadline_at:
        wake_at = min(wake_at, max(attempt.deadline_at, now + timing.SHORTEST_POLL))
    return replace(job.with_attempt(attempt), wake_at=wake_at)


def _progress(attempt: Attempt, working: Working, now: datetime) -> int:
    """10 to 88 while a vendor works; by the clock where the vendor tells none."""
    if working.queued:
        return 10
    fraction = working.progress
    if fraction is None:
        elapsed_seconds = (now - attempt.started_at).total_seconds()
        model = CATALOGUE.get(attempt.model_id)
        fraction = elapsed_seconds / (model.typical_seconds if model else 120)
    return 10 + int(78 * min(max(fraction, 0.0), 1.0))


def _is_closing(job: Job, attempt: Attempt, now: datetime) -> bool:
    return job.cancel_requested_at is not None or now >= attempt.deadline_at


def _cancelling(job: Job, attempt: Attempt, now: datetime) -> Job:
    closing = replace(attempt, state=AttemptState.CANCELLING)
    return replace(job.with_attempt(closing), wake_at=now)


def _cancel_missed(job: Job, attempt: Attempt, now: datetime) -> Job:
    missed = replace(attempt, cancel_tries=attempt.cancel_tries + 1)
    if missed.cancel_tries >= timing.MOST_CANCEL_TRIES:
        return _closed(job, missed, now)
    return replace(job.with_attempt(missed), wake_at=now + timing.RETRY_SPACING)


def _closed(job: Job, attempt: Attempt, now: datetime) -> Job:
    """Cancelled at the vendor or given up on; its full price stays booked as spent."""
    if job.cancel_requested_at is not None:
        state, code = AttemptState.CANCELLED, ErrorCode.CANCELLED
    elif attempt.queued_at_vendor:
        state, code = AttemptState.FAILED, ErrorCode.RATE_LIMITED
    else:
        state, code = AttemptState.FAILED, ErrorCode.DEADLINE_EXCEEDED
    problem = Problem(code=code)
    return _ended(job, attempt, state, problem, now, cost_usd=attempt.price_usd)


def _storing(job: Job, attempt: Attempt, now: datetime) -> Job:
    storing = replace(
        attempt,
        state=AttemptState.STORING,
        ended_at=None,
        problem=None,
        store_until=now + timing.STORE_LIMIT,
    )
    after = job.with_attempt(storing)
    return replace(after, progress=max(job.progress, 90), wake_at=now)


def _stored(job: Job, attempt: Attempt, stored: Stored, now: datetime) -> Job:
    done = replace(attempt, state=AttemptState.SUCCEEDED, ended_at=now)
    return replace(
        job.with_attempt(done),
        delivered=stored.delivered,
        video_url=stored.video_url,
        video_url_expires_at=stored.video_url_expires_at,
        progress=100,
        wake_at=None,
    )


def _store_missed(job: Job, attempt: Attempt, problem: Problem, now: datetime) -> Job:
    is_bad = problem.code is ErrorCode.BAD_OUTPUT
    missed = replace(
        attempt,
        store_tries=attempt.store_tries + 1,
        bad_outputs=attempt.bad_outputs + is_bad,
    )
    is_late = attempt.store_until is not None and now >= attempt.store_until
    if is_late or missed.bad_outputs >= timing.MOST_BAD_OUTPUTS:
        state, cost = AttemptState.FAILED, attempt.cost_usd
        return _ended(job, missed, state, problem, now, cost_usd=cost)
    wake_at = now + _backoff(missed.store_tries)
    return replace(job.with_attempt(missed), wake_at=wake_at)


def _output_missing(job: Job, attempt: Attempt, now: datetime) -> Job:
    if now >= attempt.deadline_at:
        return replace(
            job.with_attempt(replace(attempt, written_off=True)), wake_at=now
        )
    return replace(job, wake_at=now + timing.LOOK_SPACING)


def _backoff(tries: int) -> timedelta:
    longer: timedelta = timing.RETRY_SPACING * 2 ** (tries - 1)
    return min(longer, timing.LONGEST_RETRY)


def _scheduled(job: Job, now: datetime) -> Job:
    """Where the next start has to wait for its vendor, the job wakes up then."""
    if job.is_final:
        # A charge above the hold is booked in full.
        return replace(job, wake_at=None, hold_usd=max(job.hold_usd, job.cost_usd))
    if job.open_attempt is None and job.wake_at is not None and job.wake_at <= now:
        action = between_attempts(job, now)
        if isinstance(action, Wait):
            until = min(action.until, job.deadline_at)
            return replace(job, wake_at=until + timing.CLOCK_SKEW)
    return job

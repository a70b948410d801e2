"""Dispatches each outcome to the phase that applies it.

A worker that loses a race reads the job again and applies its outcome again. An
outcome that no longer applies leaves the job unchanged; the answer to a paid POST
always applies.
"""

from datetime import datetime
from typing import assert_never

from shared.domain import timing
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.next_action import (
    Action,
    Prepare,
    Spending,
    Store,
    Translate,
    Wait,
    next_action,
)
from shared.domain.outcomes import (
    AttemptReport,
    CancelFailed,
    CancelRequested,
    CancelSent,
    CheckStarted,
    Decision,
    Failed,
    GaveUp,
    ImageRefused,
    Intended,
    LeaseExpired,
    Outcome,
    OutputFound,
    OutputMissing,
    Parked,
    Polled,
    PollFailed,
    Prepared,
    PrepareFailed,
    PrepareStarted,
    Reply,
    Report,
    Revived,
    Skipped,
    Stored,
    StoreFailed,
    Submitted,
    Succeeded,
    Translated,
    TranslationSkipped,
    TranslationStarted,
    WebhookAnswered,
    WebhookStarted,
)
from shared.domain.structs import replace
from shared.domain.transitions import (
    polling,
    preparation,
    storing,
    submission,
    translation,
    webhook,
)
from shared.domain.transitions.attempt import running, unknown


def apply(job: Job, outcome: Outcome, now: datetime) -> Job:
    """The job after `outcome`; the very same object if it no longer applies."""
    if isinstance(outcome, WebhookStarted | WebhookAnswered):
        return webhook.sent(job, outcome, now)
    if job.is_final and not isinstance(outcome, Submitted):
        return job
    if isinstance(outcome, Reply):
        after = _replied(job, outcome, next_action(job, now), now)
    else:
        after = _reported(job, outcome, now)
    return job if after is job else _booked(after, now)


def settle(job: Job, now: datetime) -> Job:
    """The job after everything that follows from it alone.

    Decisions are applied; if the next step has to wait, `wake_at` moves to its time;
    the webhook of a job that has ended becomes due.
    """
    while isinstance(action := next_action(job, now), Decision):
        job = _booked(_decided(job, action, now), now)
    if isinstance(action, Wait) and job.wake_at and job.wake_at < action.until:
        return replace(job, wake_at=action.until + timing.CLOCK_SKEW)
    return webhook.scheduled(job, now)


def _booked(job: Job, now: datetime) -> Job:
    """The hold covers everything that was or may be spent.

    For a new attempt the difference must fit the caps; a vendor's charge is owed.
    """
    hold_usd = max(job.hold_usd, job.cost_usd)
    # Clients tell states apart by their times, and another worker's clock may be ahead.
    return replace(job, hold_usd=hold_usd, updated_at=max(job.updated_at, now))


def _replied(job: Job, reply: Reply, needed: Action, now: datetime) -> Job:
    if isinstance(reply, Decision) and reply == needed:
        return _decided(job, reply, now)
    if isinstance(reply, PrepareStarted) and isinstance(needed, Prepare):
        is_its_own = reply.frame is needed.frame
        return preparation.started(job, now) if is_its_own else job
    if isinstance(reply, CheckStarted) and isinstance(needed, Store):
        is_its_own = reply.attempt_id == needed.attempt.attempt_id
        return storing.check_started(job, reply, now) if is_its_own else job
    if isinstance(reply, TranslationStarted) and isinstance(needed, Translate):
        return translation.started(job, reply, now)
    if isinstance(reply, TranslationSkipped) and isinstance(needed, Translate):
        return translation.skipped(job, now)
    if not isinstance(needed, Spending):
        return job
    planned = needed.planned
    match reply:
        case Intended(provider_id=planned.provider_id):
            # Possible where a translation is needed, too: its worker went straight to
            # the start because it had found a reason to skip the provider.
            return submission.intended(job, planned, reply, now)
        case Skipped(provider_id=planned.provider_id, problem=problem):
            return submission.skipped(job, planned, problem, now)
        case Parked():
            return submission.parked(job, now)
        case _:
            return job


def _decided(job: Job, decision: Decision, now: datetime) -> Job:
    match decision:
        case Skipped(provider_id=provider_id, problem=problem):
            planned = next(p for p in job.chain if p.provider_id is provider_id)
            return submission.skipped(job, planned, problem, now)
        case LeaseExpired(attempt_id=attempt_id):
            return _lease_expired(job, job.known_attempt(attempt_id), now)
        case Revived(attempt_id=attempt_id):
            attempt = job.known_attempt(attempt_id)
            follow = storing.resumed if attempt.store_until else running
            return follow(job, attempt, now)
        case GaveUp(problem=problem):
            return replace(job, problem=problem, wake_at=None)
        case _:
            assert_never(decision)


def _lease_expired(job: Job, attempt: Attempt, now: datetime) -> Job:
    """A step this late is one after an outage, in which the answer may have been kept
    in tasks: they get a turn before another provider is asked, or the job ends.
    """
    if attempt.state is AttemptState.STORING:
        return storing.check_lost(job, attempt, now)
    if attempt.state is AttemptState.UNKNOWN:
        return replace(job, wake_at=now + timing.ANSWER_WAIT)
    detail = "no answer was recorded before the lease expired"
    after = unknown(job, attempt, detail, now)
    is_late = now > attempt.lease_until + timing.WAKE_TOLERANCE
    if is_late and job.cancel_requested_at is None:
        return replace(after, wake_at=now + timing.ANSWER_WAIT)
    return after


def _reported(job: Job, outcome: Report, now: datetime) -> Job:
    match outcome:
        case Prepared(image=image, frame=frame):
            return preparation.prepared(job, image, frame, now)
        case PrepareFailed(problem=problem, frame=frame):
            return preparation.failed(job, problem, frame, now)
        case ImageRefused(problem=problem):
            return preparation.refused(job, problem, now)
        case Translated():
            return translation.ended(job, outcome, now)
        case CancelRequested():
            return polling.cancel_requested(job, now)
        case _:
            attempt = job.attempt(outcome.attempt_id)
            return _of_attempt(job, attempt, outcome, now) if attempt else job


def _of_attempt(
    job: Job, attempt: Attempt, report: AttemptReport, now: datetime
) -> Job:
    match attempt.state, report:
        case _, Submitted(submission=answer, poll_plan=poll_plan):
            planned = replace(attempt, poll_plan=poll_plan)
            return submission.submitted(job, planned, answer, now)
        case AttemptState.RUNNING, Polled():
            return polling.polled(job, attempt, report, now)
        case (
            AttemptState.CANCELLING,
            Polled(poll=Succeeded() | Failed() | PollFailed()),
        ):
            return polling.polled(job, attempt, report, now)
        case AttemptState.CANCELLING, CancelSent():
            # At the deadline, only after the vendor has answered a poll.
            return polling.closed(job, replace(attempt, closing_polls=0), now)
        case AttemptState.CANCELLING, CancelFailed(polled_at=polled_at):
            seen = replace(attempt, polled_at=polled_at or attempt.polled_at)
            return polling.cancel_failed(job, seen, now)
        case AttemptState.STORING, Stored():
            return storing.stored(job, attempt, report, now)
        case AttemptState.STORING, StoreFailed():
            return storing.failed(job, attempt, report, now)
        case _ if job.open_attempt or not attempt.may_have_written:
            return job
        case _, OutputFound(gs_uri=gs_uri):
            return storing.storing(job, replace(attempt, gs_uri=gs_uri), now)
        case _, OutputMissing():
            return storing.output_missing(job, attempt, report, now)
        case _:
            return job

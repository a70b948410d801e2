"""Dispatches each outcome to its phase.

A worker that loses a race reads the job again and applies its outcome again. An
outcome that no longer fits leaves the job as it is; the answer of a paid POST always
fits.
"""

from datetime import datetime
from typing import assert_never

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
    CancelMissed,
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
    Prepared,
    PrepareMissed,
    PrepareStarted,
    Revived,
    Skipped,
    Stored,
    StoreMissed,
    Submitted,
    Succeeded,
    Translated,
    TranslationSkipped,
    TranslationStarted,
    WebhookAnswered,
    WebhookStarted,
)
from shared.domain.structs import replace
from shared.domain.timing import CLOCK_SKEW
from shared.domain.transitions import (
    polling,
    preparation,
    storing,
    submission,
    translation,
    webhook,
)
from shared.domain.transitions.attempt import running, unknown

# What answers an action: it holds only while the job still needs that action.
Reply = (
    PrepareStarted
    | TranslationStarted
    | TranslationSkipped
    | CheckStarted
    | Intended
    | Parked
    | Decision
)
# What became of one attempt; it fits by that attempt's state.
AttemptReport = (
    Submitted
    | Polled
    | CancelSent
    | CancelMissed
    | Stored
    | StoreMissed
    | OutputFound
    | OutputMissing
)
Report = (
    AttemptReport
    | Prepared
    | PrepareMissed
    | ImageRefused
    | Translated
    | CancelRequested
)


def apply(job: Job, outcome: Outcome, now: datetime) -> Job:
    """The job after `outcome`; the very same object if the outcome no longer fits."""
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
    """The job after all that follows from it alone.

    Decisions are applied; a step that must not be taken before some time moves
    `wake_at` there; a job that has ended is due to say so.
    """
    while isinstance(action := next_action(job, now), Decision):
        job = _booked(_decided(job, action, now), now)
    if isinstance(action, Wait) and job.wake_at and job.wake_at < action.until:
        return replace(job, wake_at=action.until + CLOCK_SKEW)
    return webhook.armed(job, now)


def _booked(job: Job, now: datetime) -> Job:
    """The hold is never less than what was spent or may be.

    For a new attempt the ledger asks the caps for the difference; a charge is owed.
    """
    return replace(job, hold_usd=max(job.hold_usd, job.cost_usd), updated_at=now)


def _replied(job: Job, reply: Reply, needed: Action, now: datetime) -> Job:
    if isinstance(reply, Decision) and reply == needed:
        return _decided(job, reply, now)
    if isinstance(reply, PrepareStarted) and isinstance(needed, Prepare):
        return preparation.started(job, now)
    if isinstance(reply, CheckStarted) and isinstance(needed, Store):
        return storing.check_started(job, reply, now)
    if isinstance(reply, TranslationStarted) and isinstance(needed, Translate):
        return translation.started(job, reply, now)
    if isinstance(reply, TranslationSkipped) and isinstance(needed, Translate):
        return translation.skipped(job, now)
    if not isinstance(needed, Spending):
        return job
    planned = needed.planned
    match reply:
        case Intended(provider_id=planned.provider_id):
            # Where a translation is still wanted, its worker saw the provider barred.
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
            return running(job, job.known_attempt(attempt_id), now)
        case GaveUp(problem=problem):
            return replace(job, problem=problem, wake_at=None)
        case _:
            assert_never(decision)


def _lease_expired(job: Job, attempt: Attempt, now: datetime) -> Job:
    if attempt.state is AttemptState.STORING:
        return storing.check_lost(job, attempt, now)
    return unknown(job, attempt, "no answer was recorded before the lease expired", now)


def _reported(job: Job, outcome: Report, now: datetime) -> Job:
    match outcome:
        case Prepared(image=image, frame=frame):
            return preparation.prepared(job, image, frame, now)
        case PrepareMissed(problem=problem, frame=frame):
            return preparation.missed(job, problem, frame, now)
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
        case AttemptState.RUNNING, Polled(poll=poll):
            return polling.polled(job, attempt, poll, now)
        case AttemptState.CANCELLING, Polled(poll=Succeeded() | Failed() as poll):
            return polling.polled(job, attempt, poll, now)
        case AttemptState.CANCELLING, CancelSent():
            return polling.closed(job, attempt, now)
        case AttemptState.CANCELLING, CancelMissed():
            return polling.cancel_missed(job, attempt, now)
        case AttemptState.STORING, Stored():
            return storing.stored(job, attempt, report, now)
        case AttemptState.STORING, StoreMissed(problem=problem):
            return storing.missed(job, attempt, problem, now)
        case _ if job.open_attempt or not attempt.may_have_written:
            return job
        case _, OutputFound(gs_uri=gs_uri):
            return storing.storing(job, replace(attempt, gs_uri=gs_uri), now)
        case _, OutputMissing():
            return storing.output_missing(job, attempt, report, now)
        case _:
            return job

"""Decides what a job needs next. Its counterpart is `transitions.apply`."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from shared.domain import fallback, prompt_translation, timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ALL_UNSUPPORTED, CAPS_REACHED, ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.outcomes import Decision, GaveUp, LeaseExpired, Revived, Skipped
from shared.domain.request import Frame


class Prepare(Struct, frozen=True, kw_only=True):
    """Fetch and check the image of this frame."""

    frame: Frame


class Start(Struct, frozen=True, kw_only=True):
    """Commit the intent, then send the one paid POST."""

    planned: PlannedProvider


class Translate(Struct, frozen=True, kw_only=True):
    """Translate the prompt, before `planned` is tried."""

    planned: PlannedProvider


class PollTask(Struct, frozen=True, kw_only=True):
    """Poll the vendor's task, through the provider `by`."""

    attempt: Attempt
    by: ProviderId


class Cancel(Struct, frozen=True, kw_only=True):
    attempt: Attempt
    by: ProviderId


class Store(Struct, frozen=True, kw_only=True):
    """Fetch the result through `by`, check it and store it."""

    attempt: Attempt
    by: ProviderId


class LookForOutput(Struct, frozen=True, kw_only=True):
    """Check whether the vendor of an unknown or late attempt wrote its file."""

    attempt: Attempt


class Wait(Struct, frozen=True, kw_only=True):
    """Nothing may be done before `until`, but the current version needs its task."""

    until: datetime


class Finished(Struct, frozen=True, kw_only=True):
    """The job has ended."""


Action = (
    Prepare
    | Translate
    | Start
    | PollTask
    | Cancel
    | Store
    | LookForOutput
    | Wait
    | Finished
    | Decision
)
# Both may spend, and are only done for a task of the starts queue.
Spending = Translate | Start


def next_action(job: Job, now: datetime) -> Action:
    """What the job needs now. A Decision needs no work, only to be applied."""
    if job.wake_at is None:
        return Finished()
    if job.wake_at > now + timing.WAKE_TOLERANCE:
        return Wait(until=job.wake_at)
    attempt = job.open_attempt
    return _on_attempt(attempt, now) if attempt else _between_attempts(job, now)


def _on_attempt(attempt: Attempt, now: datetime) -> Action:
    by = poller(attempt)
    match attempt.state:
        case AttemptState.STARTING if now < attempt.lease_until:
            return Wait(until=attempt.lease_until)
        case AttemptState.STARTING:
            return LeaseExpired(attempt_id=attempt.attempt_id)
        case AttemptState.RUNNING:
            earliest = timing.earliest_poll(attempt)
            if now < earliest:
                return Wait(until=earliest)
            return PollTask(attempt=attempt, by=by)
        case AttemptState.CANCELLING:
            # Of a silent vendor, not before the task may be polled once more.
            is_silent = attempt.closing_polls >= timing.MAX_CLOSING_POLLS
            earliest = timing.earliest_poll(attempt)
            if is_silent and now < earliest:
                return Wait(until=earliest)
            return Cancel(attempt=attempt, by=by)
        case _ if attempt.checking_until is None:
            return Store(attempt=attempt, by=by)
        case _ if now < attempt.checking_until:
            return Wait(until=attempt.checking_until)
        case _:
            return LeaseExpired(attempt_id=attempt.attempt_id)


def _between_attempts(job: Job, now: datetime) -> Action:
    """What was paid for comes first: no job ends while some of it may still arrive."""
    if late := next((a for a in job.attempts if a.has_late_answer), None):
        return Revived(attempt_id=late.attempt_id)
    if unheard := _unheard_attempt(job, now):
        return LeaseExpired(attempt_id=unheard.attempt_id)
    action = _continue_chain(job, now)
    if isinstance(action, GaveUp):
        for attempt in job.attempts:
            if attempt.may_have_written:
                return LookForOutput(attempt=attempt)
        if left := (*unanswered_tasks(job), *withheld_results(job)):
            return Revived(attempt_id=left[0].attempt_id)
    return action


def _unheard_attempt(job: Job, now: datetime) -> Attempt | None:
    """The attempt for whose answer the job waited after its lease, if this step is late
    as well: in a second outage, a kept answer had no turn. It gets one more.
    """
    last = job.attempts[-1] if job.attempts else None
    if last is None or last.state is not AttemptState.UNKNOWN:
        return None
    if last.ended_at is None or job.wake_at != last.ended_at + timing.ANSWER_WAIT:
        return None
    return last if now > job.wake_at + timing.WAKE_TOLERANCE else None


def unanswered_tasks(job: Job) -> Sequence[Attempt]:
    """The attempts whose vendors answered neither the last polls nor a cancel, if one
    was sent: the task may have succeeded. They are followed until they were polled once
    more at the job's deadline or later.
    """
    if job.cancel_requested_at is not None:
        return ()
    return [
        attempt
        for attempt in job.attempts
        if attempt.state is AttemptState.FAILED
        and attempt.store_until is None
        and (attempt.polled_at or attempt.started_at) < job.deadline_at
        and attempt.closing_polls >= timing.MAX_CLOSING_POLLS
        and attempt.cancel_tries >= timing.MAX_CANCEL_TRIES
    ]


def withheld_results(job: Job) -> Sequence[Attempt]:
    """The attempts whose result their vendors did not hand out, so that another
    provider was asked, but may do so yet; the one that was tried least comes first.
    """
    if job.cancel_requested_at is not None:
        return ()
    withheld = (
        attempt
        for attempt in job.attempts
        if attempt.state is AttemptState.FAILED
        and attempt.problem is not None
        and attempt.problem.code is ErrorCode.PROVIDER_UNAVAILABLE
        and 0 < attempt.unserved_tries < timing.MAX_FETCH_TRIES
    )
    return sorted(withheld, key=lambda attempt: attempt.unserved_tries)


def _continue_chain(job: Job, now: datetime) -> Action:
    translating_until = job.translation and job.translation.until
    busy_until = job.preparing_until or translating_until
    if busy_until and now < busy_until:
        # Even a cancelled job waits until its running step is over.
        return Wait(until=busy_until)
    if problem := _ending(job):
        return GaveUp(problem=problem)
    if frame := job.frame_to_prepare:
        return Prepare(frame=frame) if now < job.deadline_at else _out_of_time(job)
    return _next_start(job, now)


def _next_start(job: Job, now: datetime) -> Action:
    planned = fallback.next_provider(job)
    if planned is None:
        return GaveUp(problem=_chain_ended(job))
    if problem := fallback.reason_to_skip(job, planned):
        return Skipped(provider_id=planned.provider_id, problem=problem)
    if job.deadline_at - now < timing.MIN_TIME_FOR_AN_ATTEMPT:
        return _out_of_time(job)
    earliest = fallback.not_before(job, planned)
    if earliest is not None and now < earliest:
        return Wait(until=min(earliest, job.deadline_at))
    if _needs_translation(job, now):
        return Translate(planned=planned)
    return Start(planned=planned)


def _needs_translation(job: Job, now: datetime) -> bool:
    """Once per job, before anything is sent, and only with time left to send it."""
    left = job.deadline_at - now - timing.MIN_TIME_FOR_AN_ATTEMPT
    return (
        job.translation is None
        and not job.has_tried_provider
        and left > timing.TRANSLATION_LIMIT
        and prompt_translation.is_wanted(job.request)
    )


def _out_of_time(job: Job) -> GaveUp:
    late = ErrorCode.DEADLINE_EXCEEDED
    code = ErrorCode.GENERATION_PAUSED if job.is_parked else late
    return GaveUp(problem=Problem(code=code))


def _ending(job: Job) -> Problem | None:
    """Why no further provider is tried, even if some of the chain is left."""
    if job.cancel_requested_at is not None:
        return Problem(code=ErrorCode.CANCELLED)
    if job.ending is not None:
        return job.ending
    for attempt in job.attempts:
        if attempt.state is AttemptState.SKIPPED or attempt.problem is None:
            continue
        if attempt.problem.code in fallback.ENDS_JOB:
            return Problem(code=attempt.problem.code)
        if attempt.state is AttemptState.UNKNOWN and job.stop_on_unknown:
            return Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
    return None


def _chain_ended(job: Job) -> Problem:
    """A full cap, if one is among the reasons why the end of the chain was skipped."""
    for attempt in reversed(job.attempts):
        if attempt.state is not AttemptState.SKIPPED:
            break
        if attempt.problem and attempt.problem.code in CAPS_REACHED:
            return attempt.problem
    codes = {attempt.problem.code for attempt in job.attempts if attempt.problem}
    detail = ALL_UNSUPPORTED if codes == {ErrorCode.UNSUPPORTED} else ""
    return Problem(code=ErrorCode.ALL_PROVIDERS_FAILED, detail=detail)


def poller(attempt: Attempt) -> ProviderId:
    """The provider that polls the task: after three failed polls the one that can take
    over, if there is one.

    It keeps the task: only a poll by the attempt's own provider resets the count.
    """
    if attempt.polls_through and attempt.missed_polls >= timing.MISSES_TO_TAKE_OVER:
        return attempt.polls_through
    return attempt.provider_id

"""What a job needs next; `transitions.apply(job, outcome, now)` is its counterpart."""

from datetime import datetime

from msgspec import Struct

from shared.domain import fallback, prompt_translation, timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ALL_UNSUPPORTED, ErrorCode, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.outcomes import Decision, GaveUp, LeaseExpired, Revived, Skipped

LIMITS = (ErrorCode.DAILY_LIMIT_REACHED, ErrorCode.MONTHLY_LIMIT_REACHED)


class Prepare(Struct, frozen=True, kw_only=True):
    """Fetch and check the image."""


class Start(Struct, frozen=True, kw_only=True):
    """Commit the intent, then send the one paid POST."""

    planned: PlannedProvider


class Translate(Struct, frozen=True, kw_only=True):
    """Translate the prompt, before `planned` is asked."""

    planned: PlannedProvider


class Ask(Struct, frozen=True, kw_only=True):
    """Poll the vendor's task, through the provider `by`."""

    attempt: Attempt
    by: ProviderId


class Cancel(Struct, frozen=True, kw_only=True):
    attempt: Attempt
    by: ProviderId


class Store(Struct, frozen=True, kw_only=True):
    """Fetch the result through `by`, check it, keep it."""

    attempt: Attempt
    by: ProviderId


class LookForOutput(Struct, frozen=True, kw_only=True):
    """See whether an unknown attempt wrote its file."""

    attempt: Attempt


class Wait(Struct, frozen=True, kw_only=True):
    """Nothing may be done before `until`; the current version's task must exist."""

    until: datetime


class Nothing(Struct, frozen=True, kw_only=True):
    """The job has ended."""


Action = (
    Prepare
    | Translate
    | Start
    | Ask
    | Cancel
    | Store
    | LookForOutput
    | Wait
    | Nothing
    | Decision
)
# Both may spend, and come by the starts queue.
Spending = Translate | Start


def next_action(job: Job, now: datetime) -> Action:
    """What the job needs now; a Decision needs nothing but to be applied."""
    if job.wake_at is None:
        return Nothing()
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
            return Ask(attempt=attempt, by=by)
        case AttemptState.CANCELLING:
            return Cancel(attempt=attempt, by=by)
        case _ if attempt.checking_until is None:
            return Store(attempt=attempt, by=by)
        case _ if now < attempt.checking_until:
            return Wait(until=attempt.checking_until)
        case _:
            return LeaseExpired(attempt_id=attempt.attempt_id)


def _between_attempts(job: Job, now: datetime) -> Action:
    """What was paid for comes first: no job ends while some of it may still come."""
    if late := next((a for a in job.attempts if a.has_late_answer), None):
        return Revived(attempt_id=late.attempt_id)
    action = _onwards(job, now)
    if isinstance(action, GaveUp):
        for attempt in job.attempts:
            if attempt.may_have_written:
                return LookForOutput(attempt=attempt)
    return action


def _onwards(job: Job, now: datetime) -> Action:
    translating_until = job.translation and job.translation.until
    busy_until = job.preparing_until or translating_until
    if busy_until and now < busy_until:
        # A cancelled job, too, keeps its place until its running step is over.
        return Wait(until=busy_until)
    if problem := _ending(job):
        return GaveUp(problem=problem)
    if now >= job.deadline_at:
        return _gave_up(_out_of_time(job))
    if job.frame_to_prepare is not None:
        return Prepare()
    return _next_start(job, now)


def _next_start(job: Job, now: datetime) -> Action:
    planned = fallback.next_provider(job)
    if planned is None:
        return GaveUp(problem=_chain_ended(job))
    if problem := fallback.barred(job, planned):
        return Skipped(provider_id=planned.provider_id, problem=problem)
    if job.deadline_at - now < timing.LEAST_TIME_FOR_AN_ATTEMPT:
        return _gave_up(_out_of_time(job))
    earliest = fallback.not_before(job, planned)
    if earliest is not None and now < earliest:
        return Wait(until=min(earliest, job.deadline_at))
    if _is_to_be_translated(job, now):
        return Translate(planned=planned)
    return Start(planned=planned)


def _gave_up(code: ErrorCode, detail: str = "") -> GaveUp:
    return GaveUp(problem=Problem(code=code, detail=detail))


def _is_to_be_translated(job: Job, now: datetime) -> bool:
    """Once for each job, before anything is sent, and with time left to send it."""
    left = job.deadline_at - now - timing.LEAST_TIME_FOR_AN_ATTEMPT
    return (
        job.translation is None
        and not job.has_asked
        and left > timing.TRANSLATION_LIMIT
        and prompt_translation.is_wanted(job.request)
    )


def _out_of_time(job: Job) -> ErrorCode:
    if job.is_parked:
        return ErrorCode.GENERATION_PAUSED
    return ErrorCode.DEADLINE_EXCEEDED


def _ending(job: Job) -> Problem | None:
    """Why no further provider is asked, whatever else is left of the chain."""
    if job.cancel_requested_at is not None:
        return Problem(code=ErrorCode.CANCELLED)
    if job.ending is not None:
        return job.ending
    for attempt in job.attempts:
        if attempt.state is AttemptState.SKIPPED or attempt.problem is None:
            continue
        if fallback.policy(attempt.problem.code).ends_job:
            return Problem(code=attempt.problem.code)
        if attempt.state is AttemptState.UNKNOWN and job.stop_on_unknown:
            return Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
    return None


def _chain_ended(job: Job) -> Problem:
    """A limit, if that is why no provider was asked after the last one that was."""
    for attempt in reversed(job.attempts):
        if attempt.state is not AttemptState.SKIPPED:
            break
        if attempt.problem and attempt.problem.code in LIMITS:
            return attempt.problem
    codes = {attempt.problem.code for attempt in job.attempts if attempt.problem}
    detail = ALL_UNSUPPORTED if codes == {ErrorCode.UNSUPPORTED} else ""
    return Problem(code=ErrorCode.ALL_PROVIDERS_FAILED, detail=detail)


def poller(attempt: Attempt) -> ProviderId:
    """Who polls the task: after three failed polls another provider, if there is one.

    Once it has taken over, it stays: only the attempt's own provider resets the count.
    """
    if attempt.polls_through and attempt.missed_polls >= timing.MISSES_TO_TAKE_OVER:
        return attempt.polls_through
    return attempt.provider_id

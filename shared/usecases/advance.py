"""Advance one job by one step: look, act, record what came, wake it for the next."""

from dataclasses import dataclass
from typing import assert_never

import structlog

from shared.domain import limits
from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, LimitReached, Problem
from shared.domain.job import Attempt, AttemptState, Job, PlannedLink
from shared.domain.lifecycle import (
    Ask,
    Cancel,
    LookForOutput,
    Nothing,
    Prepare,
    Start,
    Store,
    Wait,
    next_action,
)
from shared.domain.naming import incoming_folder
from shared.domain.outcomes import (
    CancelMissed,
    CancelSent,
    GaveUp,
    Intended,
    LeaseExpired,
    Missed,
    NotSent,
    OutputFound,
    OutputMissing,
    PictureRefused,
    Polled,
    Revived,
    Skipped,
    Submission,
    Submitted,
    Unaffordable,
)
from shared.ports import (
    Bucket,
    Clock,
    Ids,
    Jobs,
    Order,
    Provider,
    Providers,
    Snapshot,
    TaskRef,
)
from shared.usecases.prepare import Preparation
from shared.usecases.record import STUBBORNLY, Recorder
from shared.usecases.store import Storing
from shared.usecases.wake import Waker, nth_wake

log = structlog.get_logger()

LARGEST_PICTURE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    jobs: Jobs
    providers: Providers
    bucket: Bucket
    clock: Clock
    ids: Ids
    recorder: Recorder
    waker: Waker
    preparation: Preparation
    storing: Storing

    def __call__(self, job_id: str, *, from_starts_queue: bool) -> None:
        """One step, committed and its successor enqueued; else Unreachable."""
        before = self.jobs.read(job_id)
        if before is None:
            log.info("job_was_gone", job_id=job_id)
            return
        action = next_action(before.job, self.clock.now())
        match action:
            case Nothing():
                return
            case Wait(until=until):
                self.waker.wake(before.job, until)
                return
            case Start() if not from_starts_queue:
                self._hand_over(before.job)
                return
            case Start(planned=planned):
                after = self._start(before, planned)
            case Prepare():
                prepared = self.preparation.prepare(before.job)
                after = self.recorder.record(before, prepared)
            case Ask(attempt=attempt, by=by):
                after = self._ask(before, attempt, by)
            case Cancel(attempt=attempt, by=by):
                after = self._cancel(before, attempt, by)
            case Store(attempt=attempt, by=by):
                provider = self.providers.get(by)
                stored = self.storing.store(before.job, attempt, provider)
                after = self.recorder.record(before, stored)
            case LookForOutput(attempt=attempt):
                after = self._look_for_output(before, attempt)
            case Skipped() | LeaseExpired() | Revived() | GaveUp():
                after = self.recorder.record(before, action)
            case _:
                assert_never(action)
        if after is not None:
            self._log(action, after.job)
            self.waker.wake(after.job)

    def _hand_over(self, job: Job) -> None:
        """To the starts queue, which may have used up this version's first name."""
        overdue_by = self.clock.now() - (job.wake_at or self.clock.now())
        self.waker.wake(job, nth=nth_wake(overdue_by))

    def _start(self, before: Snapshot, planned: PlannedLink) -> Snapshot | None:
        """Intent, POST, answer. Dying between any two costs at most one POST."""
        provider = self.providers.get(planned.link)
        if provider is None:
            problem = Problem(code=ErrorCode.NOT_CONFIGURED)
            skipped = Skipped(link=planned.link, problem=problem)
            return self.recorder.record(before, skipped)
        attempt_id = self.ids.new()
        order = self._order(before.job, planned, attempt_id)
        if order is None:
            problem = Problem(code=ErrorCode.IMAGE_UNREACHABLE, detail="it is gone")
            return self.recorder.record(before, PictureRefused(problem=problem))
        intent = Intended(attempt_id=attempt_id, link=planned.link)
        try:
            intended = self.recorder.record(before, intent)
        except LimitReached as limit:
            return self.recorder.record(before, Unaffordable(code=limit.limit))
        attempt = intended.job.attempt(attempt_id) if intended else None
        if not intended or not attempt or attempt.state is not AttemptState.STARTING:
            return intended
        submission = self._submit(provider, order, attempt)
        answered = self.recorder.record(
            intended,
            Submitted(attempt_id=attempt_id, submission=submission),
            pauses=STUBBORNLY,
        )
        self._clear_away(provider, answered, attempt_id)
        return answered

    def _submit(self, provider: Provider, order: Order, attempt: Attempt) -> Submission:
        """The paid POST, never begun with less than its limit left of the lease."""
        if attempt.lease_until - self.clock.now() < limits.POST_LIMIT:
            code = ErrorCode.PROVIDER_UNAVAILABLE
            return NotSent(problem=Problem(code=code, detail="too late to send"))
        return provider.start(order)

    def _clear_away(
        self, provider: Provider, answered: Snapshot | None, attempt_id: str
    ) -> None:
        """A task that a job learns of after its end is of no use: stop it if we can."""
        attempt = answered.job.attempt(attempt_id) if answered else None
        if not answered or not attempt or not answered.job.is_final:
            return
        if attempt.has_late_answer:
            cancelled = provider.cancel(_task(attempt))
            job_id = answered.job.job_id
            log.error("answer_came_after_the_end", job_id=job_id, cancelled=cancelled)

    def _order(self, job: Job, planned: PlannedLink, attempt_id: str) -> Order | None:
        if job.picture is None:
            return None
        name = job.picture.object_name
        jpeg = self.bucket.read(name, most_bytes=LARGEST_PICTURE_BYTES)
        if jpeg is None:
            return None
        return Order(
            model_id=planned.model_id,
            prompt=job.request.prompt,
            jpeg=jpeg,
            picture_uri=self.bucket.uri(name),
            duration_seconds=planned.duration_seconds,
            resolution=job.request.resolution,
            aspect_ratio=job.request.aspect_ratio,
            audio=job.request.audio,
            seed=job.request.seed,
            output_uri=self.bucket.uri(incoming_folder(job.job_id, attempt_id)),
        )

    def _ask(self, before: Snapshot, attempt: Attempt, by: Link) -> Snapshot | None:
        provider = self.providers.get(by)
        poll = (
            provider.poll(_task(attempt))
            if provider
            else Missed(detail=f"{by} is not configured")
        )
        polled = Polled(attempt_id=attempt.attempt_id, poll=poll)
        return self.recorder.record(before, polled)

    def _cancel(self, before: Snapshot, attempt: Attempt, by: Link) -> Snapshot | None:
        provider = self.providers.get(by)
        outcome: CancelSent | CancelMissed = CancelMissed(attempt_id=attempt.attempt_id)
        if provider and provider.cancel(_task(attempt)):
            outcome = CancelSent(attempt_id=attempt.attempt_id)
        return self.recorder.record(before, outcome)

    def _look_for_output(self, before: Snapshot, attempt: Attempt) -> Snapshot | None:
        folder = incoming_folder(before.job.job_id, attempt.attempt_id)
        files = [f for f in self.bucket.list(folder) if f.name.endswith(".mp4")]
        outcome: OutputFound | OutputMissing = OutputMissing(
            attempt_id=attempt.attempt_id
        )
        if files:
            gs_uri = self.bucket.uri(files[0].name)
            outcome = OutputFound(attempt_id=attempt.attempt_id, gs_uri=gs_uri)
        return self.recorder.record(before, outcome)

    def _log(self, action: object, job: Job) -> None:
        attempt = job.attempts[-1] if job.attempts else None
        log.info(
            "step_taken",
            step=type(action).__name__,
            job_id=job.job_id,
            version=job.version,
            ai_model=attempt.link.value if attempt else None,
            attempt_state=attempt.state.value if attempt else None,
            code=attempt.problem.code.value if attempt and attempt.problem else None,
            detail=attempt.problem.detail if attempt and attempt.problem else None,
        )
        if job.is_final:
            code = job.problem.code.value if job.problem else None
            cost_usd = str(job.cost_usd)
            log.info("job_ended", job_id=job.job_id, code=code, cost_usd=cost_usd)
        is_news = isinstance(action, Start | LeaseExpired)
        if is_news and attempt and attempt.state is AttemptState.UNKNOWN:
            log.error("submission_unknown", job_id=job.job_id, ai_model=attempt.link)


def _task(attempt: Attempt) -> TaskRef:
    return TaskRef(
        task_id=attempt.task_id or "",
        model_id=attempt.model_id,
        gs_uri=attempt.gs_uri,
    )

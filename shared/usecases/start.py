"""Start: the one step that spends. Intent, one paid POST, its answer on record."""

from dataclasses import dataclass, replace

import structlog

from shared.domain import limits
from shared.domain.errors import ErrorCode, LimitReached, Problem, Unreachable
from shared.domain.job import Attempt, AttemptState, Job, PlannedLink
from shared.domain.naming import incoming_folder
from shared.domain.outcomes import (
    Accepted,
    Intended,
    NotSent,
    PictureRefused,
    Skipped,
    Submission,
    Submitted,
    Unaffordable,
)
from shared.ports import (
    Bucket,
    Clock,
    Ids,
    Order,
    Provider,
    Providers,
    Snapshot,
    TaskRef,
)
from shared.usecases.breaker import Breaker
from shared.usecases.gate import Gate
from shared.usecases.record import STUBBORNLY, Recorder

log = structlog.get_logger()

LARGEST_PICTURE_BYTES = 4_000_000
# Our own doing: the breaker is not told, nobody was asked.
TOO_LATE = NotSent(
    problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="too late to send")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Starting:
    providers: Providers
    bucket: Bucket
    clock: Clock
    ids: Ids
    recorder: Recorder
    gate: Gate
    breaker: Breaker

    def start(self, before: Snapshot, planned: PlannedLink) -> Snapshot | None:
        """Intent, POST, answer. Dying between any two costs at most one POST."""
        provider = self.providers.get(planned.link)
        if provider is None:
            problem = Problem(code=ErrorCode.NOT_CONFIGURED)
            skipped = Skipped(link=planned.link, problem=problem)
            return self.recorder.record(before, skipped)
        if (instead := self.gate.instead(planned)) is not None:
            return self.recorder.record(before, instead)
        attempt_id = self.ids.new()
        order = self._order(before.job, planned, attempt_id)
        if order is None:
            problem = Problem(code=ErrorCode.IMAGE_UNREACHABLE, detail="it is gone")
            return self.recorder.record(before, PictureRefused(problem=problem))
        if (stopped := self.breaker.admit(planned)) is not None:
            skipped = Skipped(link=planned.link, problem=stopped)
            return self.recorder.record(before, skipped)
        intent = Intended(attempt_id=attempt_id, link=planned.link)
        try:
            intended = self.recorder.record(before, intent)
        except LimitReached as limit:
            return self.recorder.record(before, Unaffordable(code=limit.limit))
        attempt = intended.job.attempt(attempt_id) if intended else None
        if not intended or not attempt or attempt.state is not AttemptState.STARTING:
            return intended
        submission = self._submit(provider, order, attempt)
        answered = self._record(intended, attempt, submission)
        if submission is not TOO_LATE:
            self.breaker.report(planned, submission)
        if isinstance(submission, Accepted):
            late = replace(attempt, task_id=submission.task_id)
            self._clear_away(provider, answered, late, intended.job.job_id)
        return answered

    def _record(
        self, intended: Snapshot, attempt: Attempt, submission: Submission
    ) -> Snapshot | None:
        submitted = Submitted(attempt_id=attempt.attempt_id, submission=submission)
        try:
            return self.recorder.record(intended, submitted, pauses=STUBBORNLY)
        except Unreachable:
            # Nowhere but here the vendor's task can still be found by its id.
            log.error(
                "answer_not_recorded",
                job_id=intended.job.job_id,
                ai_model=attempt.link.value,
                answer=type(submission).__name__,
                task_id=getattr(submission, "task_id", None),
            )
            raise

    def _submit(self, provider: Provider, order: Order, attempt: Attempt) -> Submission:
        """The paid POST, never begun with less than its limit left of the lease."""
        if attempt.lease_until - self.clock.now() < limits.POST_LIMIT:
            return TOO_LATE
        return provider.start(order)

    def _clear_away(
        self,
        provider: Provider,
        answered: Snapshot | None,
        late: Attempt,
        job_id: str,
    ) -> None:
        """A task that a job learns of after its end is of no use: stop it if we can.

        None: the job was deleted meanwhile.
        """
        if answered is not None:
            known = answered.job.attempt(late.attempt_id)
            if not answered.job.is_final or not known or not known.has_late_answer:
                return
        cancelled = provider.cancel(task_of(late))
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


def task_of(attempt: Attempt) -> TaskRef:
    return TaskRef(
        task_id=attempt.task_id or "",
        model_id=attempt.model_id,
        gs_uri=attempt.gs_uri,
    )

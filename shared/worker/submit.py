"""Submit: the step that pays for videos. Intent, one paid POST, answer committed."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ABOVE_CAP,
    ErrorCode,
    LimitReached,
    Problem,
    Unreachable,
    Unreadable,
)
from shared.domain.fallback import ratio_of
from shared.domain.job import Attempt, AttemptState, Job, PlannedProvider
from shared.domain.ledger import Limits
from shared.domain.naming import incoming_folder
from shared.domain.outcomes import (
    Accepted,
    ImageRefused,
    Intended,
    NotSent,
    Skipped,
    Submission,
    Submitted,
)
from shared.domain.pricing import over_limit
from shared.domain.request import Frame
from shared.guards.availability import Availability
from shared.guards.circuit_breaker import CircuitBreaker
from shared.guards.price_watch import PriceWatch
from shared.jobs.commit import LONG_BACKOFF, SHORT_BACKOFF, JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.providers import (
    GenerationRequest,
    ImageFile,
    Provider,
    Providers,
    TaskRef,
)
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Ids, PendingAnswer, Versioned
from shared.tracing import span
from shared.worker.follow import cancel_task
from shared.worker.poll_planner import PollPlanner

log = structlog.get_logger()

MAX_JPEG_BYTES = 4_000_000
# Not reported to the circuit breaker, and not the provider's fault: it was not called.
TOO_LATE = NotSent(
    problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail="too late to send"),
    ask_again=True,
)


class _Begun(Struct, frozen=True, kw_only=True):
    """An attempt whose intent is committed: its POST is due now."""

    intended: Versioned[Job]
    attempt: Attempt
    images: Mapping[Frame, ImageFile | None]
    poll_plan: tuple[int, ...]


class SubmitStep(Struct, frozen=True, kw_only=True):
    providers: Providers
    bucket: Bucket
    clock: Clock
    ids: Ids
    committer: JobCommitter
    availability: Availability
    limits: Limits
    breaker: CircuitBreaker
    price_watch: PriceWatch
    poll_planner: PollPlanner
    scheduler: TaskScheduler

    def start(
        self, before: Versioned[Job], planned: PlannedProvider
    ) -> Versioned[Job] | None:
        """Intent, POST, answer. A crash between any two costs at most one POST."""
        job, began = before.value, self.clock.now()
        (planned,) = self.price_watch.plan(
            (planned,), job.request.resolution, max_age=timedelta(0)
        )
        provider = self.providers.get(planned.provider_id)
        instead = self.availability.check(planned, is_configured=provider is not None)
        if instead is not None:
            return self.committer.commit(before, instead)
        assert provider is not None, "checked above"
        begun: _Begun | Versioned[Job] | None = None
        try:
            begun = self._begin(before, planned, provider)
        finally:
            if not isinstance(begun, _Begun):
                self.breaker.withdraw(planned, began_at=began)
        if not isinstance(begun, _Begun):
            return begun
        intended, attempt = begun.intended, begun.attempt
        # As committed with the intent: a translation may have arrived since `before`.
        request = self._generation_request(
            intended.value, planned, attempt.attempt_id, begun.images
        )
        submission = self._submit(provider, request, attempt, began)
        answered = self._record(intended, attempt, submission, begun.poll_plan)
        if submission is TOO_LATE:
            self.breaker.withdraw(planned, began_at=began)
        else:
            self.breaker.report(planned, submission, began_at=attempt.started_at)
        if isinstance(submission, Accepted):
            self.price_watch.report(job, attempt, submission.max_cost_usd)
            if _is_too_late(answered, attempt.attempt_id):
                self._cancel(planned.provider_id, submission, job.job_id)
        return answered

    def _begin(
        self, before: Versioned[Job], planned: PlannedProvider, provider: Provider
    ) -> _Begun | Versioned[Job] | None:
        """Everything before the POST; the job as it is instead if none may be sent."""
        job = before.value
        images = {f: self._read_image(job, f) for f in Frame if job.request.source(f)}
        if None in images.values():
            problem = Problem(code=ErrorCode.IMAGE_UNREACHABLE, detail="it is gone")
            return self.committer.commit(before, ImageRefused(problem=problem))
        # Before the POST, so that nothing delays the commit of its answer.
        poll_plan = self.poll_planner.plan(planned.model_id, planned.duration_seconds)
        attempt_id = self.ids.new()
        intent = Intended(
            attempt_id=attempt_id,
            provider_id=planned.provider_id,
            price_usd=planned.price_usd,
            writes_into_bucket=provider.writes_into_bucket,
        )
        intended = self._intend(before, planned, intent)
        attempt = intended and intended.value.attempt(attempt_id)
        if not intended or not attempt or attempt.state is not AttemptState.STARTING:
            return intended
        return _Begun(
            intended=intended, attempt=attempt, images=images, poll_plan=poll_plan
        )

    def _intend(
        self, before: Versioned[Job], planned: PlannedProvider, intent: Intended
    ) -> Versioned[Job] | None:
        """Commit the intent with its money held, or a skip if a cap has no room."""
        try:
            return self.committer.commit(before, intent)
        except LimitReached as limit:
            never_fits = over_limit(planned.price_usd, self.limits)
            detail = ABOVE_CAP if never_fits else ""
            problem = Problem(code=never_fits or limit.limit, detail=detail)
            skipped = Skipped(provider_id=planned.provider_id, problem=problem)
            return self.committer.commit(before, skipped)

    def _record(
        self,
        intended: Versioned[Job],
        attempt: Attempt,
        submission: Submission,
        poll_plan: tuple[int, ...],
    ) -> Versioned[Job] | None:
        submitted = Submitted(
            attempt_id=attempt.attempt_id, submission=submission, poll_plan=poll_plan
        )
        if isinstance(submission, Accepted):
            with suppress(Unreachable, Unreadable):
                return self.committer.commit(
                    intended, submitted, backoff=SHORT_BACKOFF[:1]
                )
            # Before more tries, which take minutes: this process may end meanwhile.
            with suppress(Unreachable):
                self._keep_answer(intended.value, attempt, submission)
        try:
            return self.committer.commit(intended, submitted, backoff=LONG_BACKOFF)
        except (Unreachable, Unreadable):
            log.error(
                "answer_not_recorded",
                job_id=intended.value.job_id,
                ai_model=attempt.provider_id.value,
                answer=type(submission).__name__,
                task_id=getattr(submission, "task_id", None),
            )
            if isinstance(submission, Accepted):
                self._keep_answer(intended.value, attempt, submission)
            raise

    def _keep_answer(self, job: Job, attempt: Attempt, accepted: Accepted) -> None:
        """In tasks, which don't depend on the store."""
        now = self.clock.now()
        answer = PendingAnswer(
            attempt_id=attempt.attempt_id,
            provider_id=attempt.provider_id,
            accepted=accepted,
            kept_at=now,
        )
        self.scheduler.schedule_answer(job.job_id, answer, now)

    def record_answer(
        self, job_id: str, before: Versioned[Job] | None, answer: PendingAnswer
    ) -> Versioned[Job] | None:
        """Record an answer that was kept in a task; once, however often it arrives."""
        attempt_id, accepted = answer.attempt_id, answer.accepted
        recorded: list[Job] = []
        after = before and self.committer.commit(
            before,
            Submitted(attempt_id=attempt_id, submission=accepted),
            then=recorded.append,
        )
        for job in recorded:
            log.info("answer_recorded", job_id=job_id, task_id=accepted.task_id)
            attempt = job.known_attempt(attempt_id)
            self.price_watch.report(job, attempt, accepted.max_cost_usd)
        if after is None or (recorded and _is_too_late(after, attempt_id)):
            self._cancel(answer.provider_id, accepted, job_id)
        return after

    def _submit(
        self,
        provider: Provider,
        request: GenerationRequest,
        attempt: Attempt,
        began: datetime,
    ) -> Submission:
        """The paid POST, sent only if the lease lasts for as long as it may take.

        Nor is it sent if the worker might have too little time to commit the answer.
        """
        now = self.clock.now()
        is_late = now - began > timing.MAX_TIME_BEFORE_POST
        if is_late or attempt.lease_until - now < timing.POST_LIMIT:
            return TOO_LATE
        with span("provider start", ai_model=attempt.provider_id):
            return provider.start(request)

    def _cancel(self, by: ProviderId, accepted: Accepted, job_id: str) -> None:
        """The job has ended or was deleted: the task is useless, but still paid for."""
        task = TaskRef(task_id=accepted.task_id, platform=accepted.platform)
        cancelled = cancel_task(self.providers.get(by), by, task)
        log.error(
            "accepted_after_job_ended",
            job_id=job_id,
            ai_model=by.value,
            task_id=accepted.task_id,
            cancelled=cancelled,
        )

    def _generation_request(
        self,
        job: Job,
        planned: PlannedProvider,
        attempt_id: str,
        images: Mapping[Frame, ImageFile | None],
    ) -> GenerationRequest:
        return GenerationRequest(
            model_id=planned.model_id,
            prompt=job.prompt_to_send,
            image=images.get(Frame.FIRST),
            last_image=images.get(Frame.LAST),
            duration_seconds=planned.duration_seconds,
            resolution=job.request.resolution,
            aspect_ratio=ratio_of(job, planned),
            audio=job.request.audio,
            seed=job.request.seed,
            output_uri=self.bucket.uri(incoming_folder(job.job_id, attempt_id)),
        )

    def _read_image(self, job: Job, frame: Frame) -> ImageFile | None:
        """None if it no longer exists."""
        prepared = job.prepared_image(frame)
        if prepared is None:
            return None
        name = prepared.object_name
        jpeg = self.bucket.read(name, max_bytes=MAX_JPEG_BYTES)
        if jpeg is None:
            return None
        return ImageFile(jpeg=jpeg, uri=self.bucket.uri(name))


def _is_too_late(answered: Versioned[Job] | None, attempt_id: str) -> bool:
    """Whether the job ended or was deleted before the answer was committed."""
    if answered is None:
        return True
    job = answered.value
    return job.is_final and job.known_attempt(attempt_id).has_late_answer

"""Advance one job by one step: look, act, record what came, wake it for the next."""

from dataclasses import dataclass
from typing import assert_never

import structlog

from shared.domain.catalogue import ProviderId
from shared.domain.job import Attempt, AttemptState, Job
from shared.domain.naming import incoming_folder
from shared.domain.next_action import (
    Ask,
    Cancel,
    LookForOutput,
    Nothing,
    Prepare,
    Start,
    Store,
    Wait,
    next_action,
    poller,
)
from shared.domain.outcomes import (
    CancelMissed,
    CancelSent,
    Failed,
    GaveUp,
    LeaseExpired,
    OutputFound,
    OutputMissing,
    Poll,
    Polled,
    PollFailed,
    PrepareStarted,
    Revived,
    Skipped,
    Succeeded,
)
from shared.domain.pricing import charged_usd
from shared.guards.price_watch import PriceWatch
from shared.jobs.cleanup import delete_job_objects
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import (
    TaskScheduler,
    nth_retry,
)
from shared.ports.providers import Providers
from shared.ports.storage import Bucket
from shared.ports.store import (
    Clock,
    Jobs,
    Versioned,
)
from shared.worker.prepare import Preparation
from shared.worker.store import Storing
from shared.worker.submit import (
    Starting,
    task_of,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    jobs: Jobs
    providers: Providers
    bucket: Bucket
    clock: Clock
    committer: JobCommitter
    scheduler: TaskScheduler
    preparation: Preparation
    starting: Starting
    storing: Storing
    price_watch: PriceWatch

    def __call__(
        self, job_id: str, *, from_starts_queue: bool, task: str | None = None
    ) -> None:
        """One step, committed and its successor enqueued; else Unreachable.

        `task`: the name of the task that brought the job, if it is known.
        """
        before = self.jobs.read(job_id)
        if before is None:
            log.info("job_was_gone", job_id=job_id)
            return
        now = self.clock.now()
        action = next_action(before.value, now)
        match action:
            case Nothing():
                return
            case Wait(until=until):
                self.scheduler.schedule_return(before.value, until, now, task)
                return
            case Start() if not from_starts_queue:
                self._hand_over(before.value)
                return
            case Start(planned=planned):
                after = self.starting.start(before, planned)
            case Prepare():
                after = self._prepare(before)
            case Ask(attempt=attempt, by=by):
                after = self._ask(before, attempt, by)
            case Cancel(attempt=attempt, by=by):
                after = self._cancel(before, attempt, by)
            case Store(attempt=attempt, by=by):
                after = self._store(before, attempt, by)
            case LookForOutput(attempt=attempt):
                after = self._look_for_output(before, attempt)
            case Skipped() | LeaseExpired() | Revived() | GaveUp():
                after = self.committer.commit(before, action)
            case _:
                assert_never(action)
        if after is None:
            # Deleted under this step: what the step wrote is nobody's.
            delete_job_objects(self.bucket, before.value)
        else:
            self._log(action, after.value)
            self.scheduler.schedule_step(after.value)

    def _hand_over(self, job: Job) -> None:
        """To the starts queue, which may have used up this version's first name."""
        overdue_by = self.clock.now() - (job.wake_at or self.clock.now())
        self.scheduler.schedule_step(job, nth=nth_retry(overdue_by))

    def _prepare(self, before: Versioned[Job]) -> Versioned[Job] | None:
        """The sweep finds the job if this process ends while it has the image."""
        mine: list[Job] = []
        started = self.committer.commit(before, PrepareStarted(), then=mine.append)
        if started is None or not mine:
            return started
        outcome = self.preparation.prepare(started.value)
        return self.committer.commit(started, outcome)

    def _ask(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        provider = self.providers.get(by)
        poll = (
            provider.poll(task_of(attempt))
            if provider
            else PollFailed(detail=f"{by} is not configured")
        )
        polled = Polled(attempt_id=attempt.attempt_id, poll=poll)
        return self.committer.commit(
            before, polled, then=lambda job: self._report_charge(job, attempt, poll)
        )

    def _report_charge(self, job: Job, attempt: Attempt, poll: Poll) -> None:
        """Where a vendor's figure is neither as expected nor as it had announced.

        A failure that costs less than a video is no price.
        """
        if not isinstance(poll, Succeeded | Failed) or poll.cost_usd is None:
            return
        charged = charged_usd(poll.cost_usd, attempt.full_price_usd)
        is_less = charged < attempt.full_price_usd
        if is_less and (isinstance(poll, Failed) or attempt.vendor_max_usd is not None):
            return
        self.price_watch.report(job, attempt, charged)

    def _cancel(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        provider = self.providers.get(by)
        outcome: CancelSent | CancelMissed = CancelMissed(attempt_id=attempt.attempt_id)
        if provider and provider.cancel(task_of(attempt)):
            outcome = CancelSent(attempt_id=attempt.attempt_id)
        return self.committer.commit(before, outcome)

    def _store(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        stored = self.storing.store(before.value, attempt, self.providers.get(by))
        return self.committer.commit(before, stored, then=self._clear_away)

    def _clear_away(self, job: Job) -> None:
        """What a late answer named is no use any more: only here it was not followed.

        Tried once; it stays booked as spent, whatever comes of it.
        """
        late = [a for a in job.attempts if a.has_late_answer] if job.is_final else []
        for attempt in late:
            provider = self.providers.get(poller(attempt))
            cancelled = provider is not None and provider.cancel(task_of(attempt))
            log.warning(
                "late_task_cleared_away",
                job_id=job.job_id,
                ai_model=attempt.provider_id.value,
                cancelled=cancelled,
            )

    def _look_for_output(
        self, before: Versioned[Job], attempt: Attempt
    ) -> Versioned[Job] | None:
        folder = incoming_folder(before.value.job_id, attempt.attempt_id)
        files = [f for f in self.bucket.list(folder) if f.name.endswith(".mp4")]
        outcome: OutputFound | OutputMissing = OutputMissing(
            attempt_id=attempt.attempt_id
        )
        if files:
            gs_uri = self.bucket.uri(files[0].name)
            outcome = OutputFound(attempt_id=attempt.attempt_id, gs_uri=gs_uri)
        return self.committer.commit(before, outcome)

    def _log(self, action: object, job: Job) -> None:
        attempt = job.attempts[-1] if job.attempts else None
        log.info(
            "step_taken",
            step=type(action).__name__,
            job_id=job.job_id,
            version=job.version,
            ai_model=attempt.provider_id.value if attempt else None,
            attempt_state=attempt.state.value if attempt else None,
            code=attempt.problem.code.value if attempt and attempt.problem else None,
        )
        is_news = isinstance(action, Start | LeaseExpired)
        if is_news and attempt and attempt.state is AttemptState.UNKNOWN:
            log.error(
                "submission_unknown", job_id=job.job_id, ai_model=attempt.provider_id
            )

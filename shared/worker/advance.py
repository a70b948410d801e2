"""Advances one job by one step: read, act, commit, and enqueue the next step."""

import tempfile
from datetime import datetime
from typing import assert_never

import structlog
from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable, WrittenLater
from shared.domain.job import Attempt, Job
from shared.domain.naming import video_object
from shared.domain.next_action import (
    Cancel,
    Finished,
    LookForOutput,
    PollTask,
    Prepare,
    Start,
    Store,
    Translate,
    Wait,
    next_action,
)
from shared.domain.outcomes import (
    CheckStarted,
    Decision,
    GaveUp,
    LeaseExpired,
    PrepareStarted,
    Revived,
    Skipped,
    StoreFailed,
)
from shared.jobs.cleanup import delete_job_objects
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler, nth_after_early_task, nth_retry
from shared.ports.providers import Providers
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Jobs, PendingAnswer, Versioned
from shared.tracing import span
from shared.worker.follow import FollowStep
from shared.worker.prepare import PrepareStep
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import StoreStep
from shared.worker.submit import SubmitStep
from shared.worker.translate import TranslateStep

log = structlog.get_logger()

Step = (
    Translate | Start | Prepare | PollTask | Cancel | Store | LookForOutput | Decision
)


class Advance(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    providers: Providers
    bucket: Bucket
    clock: Clock
    committer: JobCommitter
    scheduler: TaskScheduler
    prepare_step: PrepareStep
    submit_step: SubmitStep
    translate_step: TranslateStep
    follow_step: FollowStep
    store_step: StoreStep
    recent: RecentJobs

    def __call__(
        self, job_id: str, *, from_starts_queue: bool, task: str | None = None
    ) -> None:
        """Take one step, commit it and enqueue the next one; else Unreachable.

        `task`: the name of the task that is being handled; None if there is none.
        """
        before = self._recent(job_id, task) or self.jobs.read(job_id)
        if before is None:
            log.info("job_not_found", job_id=job_id)
            return
        now = self.clock.now()
        match next_action(before.value, now):
            case Finished():
                # The process that ended it may have died before enqueueing its webhook.
                self.scheduler.schedule_step(before.value)
            case Wait(until=until):
                self.scheduler.schedule_after_early_task(before.value, until, now, task)
            case Translate() | Start() if not from_starts_queue:
                self._hand_over(before.value, now, task)
            case step:
                self._run_step(before, step)

    def record_answer(self, job_id: str, answer: PendingAnswer) -> None:
        """Record it and enqueue the job's next step; else Unreachable.

        An answer that can't be recorded is kept in further tasks.
        """
        try:
            before = self.jobs.read(job_id)
            after = self.submit_step.record_answer(job_id, before, answer)
        except (Unreachable, WrittenLater):
            self.scheduler.schedule_answer(job_id, answer, self.clock.now())
            raise
        if after is None:
            log.info("job_not_found", job_id=job_id)
            return
        self.scheduler.schedule_step(after.value)

    def _recent(self, job_id: str, task: str | None) -> Versioned[Job] | None:
        """The job as this process last committed it, if its step is safe when stale.

        Such a step commits on this very version before it spends or decodes; a poll and
        a download only read, and a start may be handed over. A cancel is not safe: it
        might take away the result that another worker is storing.
        """
        known = self.recent.take(job_id, task)
        if known is None:
            return None
        step = next_action(known.value, self.clock.now())
        return known if isinstance(step, Prepare | PollTask | Store | Start) else None

    def _hand_over(self, job: Job, now: datetime, task: str | None) -> None:
        """To the starts queue, where this version's first task name may be used up.

        The queue is chosen for the step that is needed now: a task that came early may
        want a start for which it will be too late at the task's own time.
        """
        late = nth_retry(now - (job.wake_at or now))
        nth = late or nth_after_early_task(job, task)
        self.scheduler.schedule_step(job, now, nth=nth)

    def _run_step(self, before: Versioned[Job], step: Step) -> None:
        with span(type(step).__name__):
            after = self._act(before, step)
        if after is None:
            # The job was deleted meanwhile, and nothing else cleans up after this step.
            delete_job_objects(self.bucket, before.value)
            return
        _log(step, after.value)
        # A poll that lost a race leaves a second task, which another process handles.
        # Only if both read the job again do they find that one is enough.
        raced = after.value.version != before.value.version + 1
        if not (isinstance(step, PollTask) and raced):
            self.recent.keep(after)
        self.scheduler.schedule_step(after.value)

    def _act(self, before: Versioned[Job], step: Step) -> Versioned[Job] | None:
        match step:
            case Translate(planned=planned):
                return self.translate_step.translate(before, planned)
            case Start(planned=planned):
                return self.submit_step.start(before, planned)
            case Prepare(frame=frame):
                return self.committer.commit_around(
                    before,
                    PrepareStarted(frame=frame),
                    lambda job: self.prepare_step.prepare(job, frame),
                )
            case PollTask(attempt=attempt, by=by):
                return self.follow_step.poll(before, attempt, by)
            case Cancel(attempt=attempt, by=by):
                return self.follow_step.cancel(before, attempt, by)
            case Store(attempt=attempt, by=by):
                return self._store(before, attempt, by)
            case LookForOutput(attempt=attempt):
                return self.follow_step.look_for_output(before, attempt)
            case Skipped() | LeaseExpired() | Revived() | GaveUp():
                return self.committer.commit(before, step)
            case _:
                assert_never(step)

    def _store(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        job, provider = before.value, self.providers.get(by)
        attempt_id = attempt.attempt_id
        with tempfile.TemporaryFile() as copy:
            found = self.store_step.fetch_result(job, attempt, provider, copy)
            if isinstance(found, StoreFailed):
                return self.committer.commit(before, found)
            is_kept = found.name == video_object(job.user_id, job.job_id, attempt_id)
            return self.committer.commit_around(
                before,
                CheckStarted(attempt_id=attempt_id, is_kept=is_kept),
                lambda held: self.store_step.check_and_store(
                    held, held.known_attempt(attempt_id), found, copy
                ),
                then=self.follow_step.cancel_late_tasks,
            )


def _log(step: Step, job: Job) -> None:
    attempt = _attempt_of(step, job)
    log.info(
        "step_taken",
        step=type(step).__name__,
        job_id=job.job_id,
        version=job.version,
        ai_model=attempt.provider_id.value if attempt else None,
        attempt_state=attempt.state.value if attempt else None,
        code=attempt.problem.code.value if attempt and attempt.problem else None,
        store_tries=attempt.store_tries if attempt else None,
    )


def _attempt_of(step: Step, job: Job) -> Attempt | None:
    """The attempt that the step worked on: an earlier one may be followed again."""
    match step:
        case PollTask() | Cancel() | Store() | LookForOutput():
            return job.attempt(step.attempt.attempt_id)
        case Start(planned=planned):
            tried = job.attempts_at(planned.provider_id)
        case _:
            tried = job.attempts
    return tried[-1] if tried else None

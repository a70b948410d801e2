"""Advance one job by one step: look, act, commit, and enqueue the next step."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import assert_never

import structlog
from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.job import Attempt, Job
from shared.domain.naming import video_object
from shared.domain.next_action import (
    Ask,
    Cancel,
    LookForOutput,
    Nothing,
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
    Outcome,
    PrepareStarted,
    Revived,
    Skipped,
    StoreMissed,
)
from shared.jobs.cleanup import delete_job_objects
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler, nth_retry, nth_return
from shared.ports.providers import Providers
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Jobs, Versioned
from shared.worker.follow import Following
from shared.worker.prepare import Preparation
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import Storing
from shared.worker.submit import Starting
from shared.worker.translate import Translating

log = structlog.get_logger()

Step = Translate | Start | Prepare | Ask | Cancel | Store | LookForOutput | Decision


class Advance(Struct, frozen=True, kw_only=True):
    jobs: Jobs
    providers: Providers
    bucket: Bucket
    clock: Clock
    committer: JobCommitter
    scheduler: TaskScheduler
    preparation: Preparation
    starting: Starting
    translating: Translating
    following: Following
    storing: Storing
    recent: RecentJobs
    span: Callable[[str], AbstractContextManager[None]] = lambda _step: nullcontext()

    def __call__(
        self, job_id: str, *, from_starts_queue: bool, task: str | None = None
    ) -> None:
        """One step, committed and its successor enqueued; else Unreachable.

        `task`: the name of the task that brought the job, if it is known.
        """
        before = self._recent(
            job_id, task, from_starts_queue=from_starts_queue
        ) or self.jobs.read(job_id)
        if before is None:
            log.info("job_was_gone", job_id=job_id)
            return
        now = self.clock.now()
        match next_action(before.value, now):
            case Nothing():
                # The process that ended it may not have got to enqueue its webhook.
                self.scheduler.schedule_step(before.value)
            case Wait(until=until):
                self.scheduler.schedule_return(before.value, until, now, task)
            case Translate() | Start() if not from_starts_queue:
                self._hand_over(before.value, now, task)
            case step:
                self._take(before, step)

    def _recent(
        self, job_id: str, task: str | None, *, from_starts_queue: bool
    ) -> Versioned[Job] | None:
        """The job as this process left it, for a step that a race can't spoil.

        Such a step commits on this very version before it spends or decodes; a poll
        and a download only look. A cancel might take from a rival what it stores.
        """
        known = self.recent.take(job_id, task)
        if known is None:
            return None
        match next_action(known.value, self.clock.now()):
            case Prepare() | Ask() | Store():
                return known
            case Start() if from_starts_queue:
                return known
            case _:
                return None

    def _hand_over(self, job: Job, now: datetime, task: str | None) -> None:
        """To the starts queue, where this version's first name may be used up.

        What it needs is judged by now: a task that came early wants to start what at
        its own time will be too late to start.
        """
        nth = nth_retry(now - (job.wake_at or now)) or nth_return(job, now, task)
        self.scheduler.schedule_step(job, now, nth=nth)

    def _take(self, before: Versioned[Job], step: Step) -> None:
        with self.span(type(step).__name__):
            after = self._act(before, step)
        if after is None:
            # The job was deleted meanwhile, and nobody else cleans up after this step.
            delete_job_objects(self.bucket, before.value)
            return
        _log(step, after.value)
        # A poll that lost a race leaves a second task behind, which another process
        # follows. Once both read the job again, they find that one is enough.
        raced = after.value.version != before.value.version + 1
        if not (isinstance(step, Ask) and raced):
            self.recent.keep(after)
        self.scheduler.schedule_step(after.value)

    def _act(self, before: Versioned[Job], step: Step) -> Versioned[Job] | None:
        match step:
            case Translate(planned=planned):
                return self.translating.translate(before, planned)
            case Start(planned=planned):
                return self.starting.start(before, planned)
            case Prepare():
                prepare = partial(self.preparation.prepare, before.value)
                return self._decode(before, PrepareStarted(), prepare)
            case Ask(attempt=attempt, by=by):
                return self.following.poll(before, attempt, by)
            case Cancel(attempt=attempt, by=by):
                return self.following.cancel(before, attempt, by)
            case Store(attempt=attempt, by=by):
                return self._store(before, attempt, by)
            case LookForOutput(attempt=attempt):
                return self.following.look_for_output(before, attempt)
            case Skipped() | LeaseExpired() | Revived() | GaveUp():
                return self.committer.commit(before, step)
            case _:
                assert_never(step)

    def _store(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        job, provider = before.value, self.providers.get(by)
        with tempfile.TemporaryFile() as copy:
            found = self.storing.bring_in(job, attempt, provider, copy)
            if isinstance(found, StoreMissed):
                return self.committer.commit(before, found)
            is_kept = found.name == video_object(job.user_id, job.job_id)
            return self._decode(
                before,
                CheckStarted(attempt_id=attempt.attempt_id, is_kept=is_kept),
                lambda: self.storing.keep(job, attempt, found, copy),
                then=self.following.cancel_late_tasks,
            )

    def _decode(
        self,
        before: Versioned[Job],
        started: PrepareStarted | CheckStarted,
        decode: Callable[[], Outcome],
        then: Callable[[Job], None] = lambda _job: None,
    ) -> Versioned[Job] | None:
        """`started`, and what came of it if this commit of it is the one that holds.

        If this process ends with the foreign bytes in hand, the sweep finds the job.
        """
        mine: list[Job] = []
        held = self.committer.commit(before, started, then=mine.append)
        if held is None or not mine:
            return held
        return self.committer.commit(held, decode(), then=then)


def _log(step: Step, job: Job) -> None:
    attempt = job.attempts[-1] if job.attempts else None
    log.info(
        "step_taken",
        step=type(step).__name__,
        job_id=job.job_id,
        version=job.version,
        ai_model=attempt.provider_id.value if attempt else None,
        attempt_state=attempt.state.value if attempt else None,
        code=attempt.problem.code.value if attempt and attempt.problem else None,
    )

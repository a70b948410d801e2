"""Wakes jobs and webhooks whose task was lost, ends jobs past every limit, audits the
ledger.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.errors import (
    CommitUncertain,
    LostRace,
    Unreachable,
    Unreadable,
    WrittenLater,
)
from shared.domain.naming import task_name, webhook_task_name
from shared.jobs.events import log_abandoned
from shared.jobs.schedule import nth_retry
from shared.ports.store import Clock, JobQueries, Jobs, Overdue, Queue, Task, TaskQueue

log = structlog.get_logger()

PAGE_SIZE = MAX_WEBHOOKS = 500
WAKE_WORKERS = 32
# Cloud Scheduler calls every minute, but never concurrently.
ROUND_LIMIT = timedelta(seconds=50)
# A burst of starts takes a while to pass the queue: a job that waits there isn't stuck.
MAX_START_WAIT = 2 * timing.FIRST_RETRY_AFTER
AUDIT_INTERVAL = timedelta(hours=1)
# A failed audit is retried every minute, and alerts once it has failed for this long.
AUDIT_RETRY_LIMIT = timedelta(minutes=10)


class Sweep(Struct, kw_only=True):
    """One per process: it remembers where the last round stopped, and the last audit.

    If a sweep dies, the next one finds the same jobs and gives their tasks the same
    names, so nothing is lost or doubled.
    """

    jobs: Jobs
    queries: JobQueries
    queue: Queue
    clock: Clock
    audit_ledger: Callable[[], int]
    report_silence: Callable[[datetime], None]
    _resume_after: Overdue | None = None
    _audited_at: datetime | None = None
    _audit_fails_since: datetime | None = None

    def __call__(self) -> int:
        """The number of jobs woken; Unreachable, at the end, if anything failed."""
        now = self.clock.now()
        woken = ended = 0
        failures: list[Exception] = []
        with ThreadPoolExecutor(WAKE_WORKERS) as pool:
            for batch in self._batches(now, now + ROUND_LIMIT, failures):
                outcomes = self._handle(pool, batch, now)
                woken += outcomes.count("woken")
                ended += outcomes.count("ended")
                failures += [o for o in outcomes if isinstance(o, Exception)]
        try:
            # Last, so that a failure here doesn't keep any job waiting.
            self._wake_webhooks(now)
        except Unreachable as error:
            failures.append(error)
        log.info("sweep_ran", woken=woken, ended=ended, failed=len(failures))
        self._audit(now)
        if failures:
            raise Unreachable(f"{len(failures)} failures in a round") from failures[0]
        return woken

    def _batches(
        self, now: datetime, until: datetime, failures: list[Exception]
    ) -> Iterator[Sequence[Overdue]]:
        """First the jobs that may have a paid task, then starts that are stuck."""
        starts: list[Overdue] = []
        for page in self._pages(now, until, failures):
            starts += [j for j in page if j.awaits_start and not _is_queued(j, now)]
            yield [job for job in page if not job.awaits_start]
        for first in range(0, len(starts), PAGE_SIZE):
            if self.clock.now() >= until:
                return
            yield starts[first : first + PAGE_SIZE]

    def _pages(
        self, now: datetime, until: datetime, failures: list[Exception]
    ) -> Iterator[Sequence[Overdue]]:
        """If a round runs out of time, the next one continues after its last page.

        A page that can't be read ends the reading, but not the round.
        """
        after, self._resume_after = self._resume_after, None
        overdue_since = now - timing.FIRST_RETRY_AFTER
        while True:
            try:
                page = self.queries.overdue(overdue_since, after=after, limit=PAGE_SIZE)
            except Unreachable as error:
                log.error("overdue_jobs_not_read", why=str(error))
                failures.append(error)
                return
            yield page
            if len(page) < PAGE_SIZE:
                return
            after = page[-1]
            if self.clock.now() >= until:
                self._resume_after = after
                return

    def _handle(
        self, pool: Executor, batch: Sequence[Overdue], now: datetime
    ) -> list[str | Exception]:
        """The outcome of each job; one that fails does not hold up the others."""
        futures = [pool.submit(self._wake_or_end, job, now) for job in batch]
        outcomes: list[str | Exception] = []
        for job, future in zip(batch, futures, strict=True):
            try:
                outcomes.append(future.result())
            except Exception as error:  # noqa: BLE001 - raised at the end of the round
                log.error("job_not_woken", job_id=job.job_id, why=repr(error))
                outcomes.append(error)
        return outcomes

    def _wake_or_end(self, job: Overdue, now: datetime) -> str:
        if self._is_expired(job, now):
            return self._abandon(job, now)
        nth = nth_retry(now - job.wake_at)
        log.warning("overdue_job_woken", job_id=job.job_id, nth=nth)
        name = task_name(job.job_id, job.version, nth)
        self.queue.enqueue(
            Task(job_id=job.job_id, name=name, at=now, queue=TaskQueue.STEPS)
        )
        return "woken"

    def _is_expired(self, job: Overdue, now: datetime) -> bool:
        """Past every limit, or past its deadline and unreadable by any release.

        A job that a later release wrote is kept: after a rollback, it may have a video
        that was paid for.
        """
        if now < job.deadline_at:
            return False
        if now >= job.deadline_at + timing.STORE_LIMIT + timing.ATTEMPT_LIMIT:
            return True
        try:
            self.jobs.read(job.job_id)
        except (WrittenLater, Unreachable):
            return False
        except Unreadable:
            return True
        return False

    def _abandon(self, job: Overdue, now: datetime) -> str:
        """Uses only raw fields, so that it works even on a malformed record."""
        log.error("job_abandoned", job_id=job.job_id, overdue_since=job.wake_at)
        try:
            self.jobs.abandon(job.job_id, job.version, now)
        except (LostRace, CommitUncertain, Unreachable) as error:
            log.warning("job_not_abandoned", job_id=job.job_id, why=str(error))
            return "not ended"
        log_abandoned(job.job_id)
        return "ended"

    def _wake_webhooks(self, now: datetime) -> None:
        """The longest overdue first. Raises Unreachable."""
        for webhook in self.queries.overdue_webhooks(
            now - timing.FIRST_RETRY_AFTER, limit=MAX_WEBHOOKS
        ):
            nth = nth_retry(now - webhook.due_at)
            log.warning("overdue_webhook_woken", job_id=webhook.job_id, nth=nth)
            name = webhook_task_name(webhook.job_id, webhook.attempts, nth)
            self.queue.enqueue(
                Task(job_id=webhook.job_id, name=name, at=now, queue=TaskQueue.WEBHOOKS)
            )

    def _audit(self, now: datetime) -> None:
        """In a process's first sweep and then hourly; a failed audit is retried."""
        if self._audited_at is not None and now - self._audited_at < AUDIT_INTERVAL:
            return
        try:
            self.audit_ledger()
        except Unreachable as error:
            since = self._audit_fails_since = self._audit_fails_since or now
            is_skipped = now - since >= AUDIT_RETRY_LIMIT
            event = "ledger_not_checked" if is_skipped else "ledger_audit_failed"
            log.warning(event, why=str(error))
            return
        self._audited_at, self._audit_fails_since = now, None
        with suppress(Unreachable):
            self.report_silence(now)


def _is_queued(job: Overdue, now: datetime) -> bool:
    """Whether, before its deadline, its task may still wait in the starts queue."""
    return now < job.deadline_at and now - job.wake_at < MAX_START_WAIT

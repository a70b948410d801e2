"""Follows a paid task: polls, cancels, looks for its file. Nothing here spends."""

from datetime import datetime
from typing import TypeGuard

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.catalogue import ProviderId
from shared.domain.job import Attempt, Job
from shared.domain.naming import incoming_folder
from shared.domain.next_action import poller
from shared.domain.outcomes import (
    CancelFailed,
    CancelSent,
    Failed,
    Gone,
    OutputFound,
    OutputMissing,
    Poll,
    Polled,
    PollFailed,
    Succeeded,
)
from shared.domain.pricing import charged_usd
from shared.guards.price_watch import PriceWatch
from shared.jobs.commit import JobCommitter
from shared.ports.providers import Provider, Providers, TaskRef
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Versioned
from shared.tracing import span
from shared.worker.poll_planner import PollPlanner

log = structlog.get_logger()


class FollowStep(Struct, frozen=True, kw_only=True):
    """Each method commits what a vendor answers; None: the job was deleted."""

    providers: Providers
    bucket: Bucket
    committer: JobCommitter
    clock: Clock
    price_watch: PriceWatch
    poll_planner: PollPlanner

    def poll(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        polled_at = self.clock.now()
        poll = self._poll(before.value, attempt, by)
        return self._record(before, attempt, poll, polled_at)

    def _record(
        self, before: Versioned[Job], attempt: Attempt, poll: Poll, polled_at: datetime
    ) -> Versioned[Job] | None:
        polled = Polled(attempt_id=attempt.attempt_id, poll=poll, polled_at=polled_at)
        return self.committer.commit(
            before, polled, then=lambda job: self._report(job, attempt, poll)
        )

    def _poll(self, job: Job, attempt: Attempt, by: ProviderId) -> Poll:
        """The vendor's answer; if it shows no video of a success, or says that the task
        is gone, also look for the file that the vendor may have written.
        """
        provider = self.providers.get(by)
        if provider is None:
            return PollFailed(detail=f"{by} is not configured")
        with span("provider poll", ai_model=by):
            poll = provider.poll(task_of(attempt))
        if _is_empty_success(poll):
            log.warning(
                "empty_success_received",
                job_id=job.job_id,
                ai_model=attempt.provider_id.value,
            )
        elif not isinstance(poll, Gone):
            return poll
        gs_uri = self._written(job, attempt) if attempt.writes_into_bucket else None
        cost_usd = poll.cost_usd if isinstance(poll, Failed) else None
        return Succeeded(cost_usd=cost_usd, gs_uri=gs_uri) if gs_uri else poll

    def _report(self, job: Job, attempt: Attempt, poll: Poll) -> None:
        self._report_charge(job, attempt, poll)
        match poll:
            case Succeeded():
                self.poll_planner.succeeded(attempt)
            case PollFailed() | Gone():
                log.warning(
                    "task_gone" if isinstance(poll, Gone) else "poll_failed",
                    job_id=job.job_id,
                    ai_model=attempt.provider_id.value,
                    why=poll.detail,
                )

    def _report_charge(self, job: Job, attempt: Attempt, poll: Poll) -> None:
        """Report an unexpected charge, unless the vendor's own maximum covers it.

        A failure that costs less than a video is a refund, not a price. The charge of a
        success without a video is reported at its first poll.
        """
        if not isinstance(poll, Succeeded | Failed) or poll.cost_usd is None:
            return
        if attempt.empty_since and _is_empty_success(poll):
            return
        charged = charged_usd(poll.cost_usd, attempt)
        is_less = charged < attempt.full_price_usd
        if is_less and (isinstance(poll, Failed) or attempt.vendor_max_usd is not None):
            return
        self.price_watch.report(job, attempt, poll.cost_usd)

    def cancel(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        """Unless it has, or may have, ended since its last poll, because we or its
        vendor were down: to cancel a task that has succeeded deletes its video. That
        of a cancelled job is cancelled even if its vendor doesn't answer.
        """
        attempt_id, now = attempt.attempt_id, self.clock.now()
        polled_at = now if now >= timing.earliest_poll(attempt) else None
        if polled_at:
            poll = self._poll(before.value, attempt, by)
            is_wanted = before.value.cancel_requested_at is None
            may_have_ended = isinstance(poll, PollFailed) and is_wanted
            if may_have_ended or isinstance(poll, Succeeded | Failed):
                return self._record(before, attempt, poll, polled_at)
        if cancel_task(self.providers.get(by), by, task_of(attempt)):
            return self.committer.commit(before, CancelSent(attempt_id=attempt_id))
        failed = CancelFailed(attempt_id=attempt_id, polled_at=polled_at)
        return self.committer.commit(before, failed)

    def look_for_output(
        self, before: Versioned[Job], attempt: Attempt
    ) -> Versioned[Job] | None:
        attempt_id = attempt.attempt_id
        looked_at = self.clock.now()
        gs_uri = self._written(before.value, attempt)
        if gs_uri is None:
            missing = OutputMissing(attempt_id=attempt_id, looked_at=looked_at)
            return self.committer.commit(before, missing)
        found = OutputFound(attempt_id=attempt_id, gs_uri=gs_uri)
        return self.committer.commit(before, found)

    def _written(self, job: Job, attempt: Attempt) -> str | None:
        """Where the vendor wrote the attempt's file; None if it did not."""
        folder = incoming_folder(job.job_id, attempt.attempt_id)
        names = (f.name for f in self.bucket.list(folder))
        return next((self.bucket.uri(n) for n in names if n.endswith(".mp4")), None)

    def cancel_late_tasks(self, job: Job) -> None:
        """Cancel the tasks of late answers: another attempt has delivered the video.

        Tried once; the tasks stay booked as spent in any case.
        """
        late = [a for a in job.attempts if a.has_late_answer] if job.is_final else []
        for attempt in late:
            by = poller(attempt)
            cancelled = cancel_task(self.providers.get(by), by, task_of(attempt))
            log.warning(
                "late_task_cancelled",
                job_id=job.job_id,
                ai_model=attempt.provider_id.value,
                cancelled=cancelled,
            )


def _is_empty_success(poll: Poll) -> TypeGuard[Failed]:
    return isinstance(poll, Failed) and poll.may_come_yet


def cancel_task(provider: Provider | None, by: ProviderId, task: TaskRef) -> bool:
    """True if nothing is left to cancel; `by`: the name of `provider`."""
    if provider is None:
        return False
    with span("provider cancel", ai_model=by):
        return provider.cancel(task)


def task_of(attempt: Attempt) -> TaskRef:
    """For an attempt whose `task_id` is known."""
    return TaskRef(task_id=attempt.task_id or "", platform=attempt.platform)

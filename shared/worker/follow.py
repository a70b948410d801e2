"""Follow what was paid for: poll, cancel, look for the file. Nothing here spends."""

import structlog
from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.job import Attempt, Job
from shared.domain.naming import incoming_folder
from shared.domain.next_action import poller
from shared.domain.outcomes import (
    CancelMissed,
    CancelSent,
    Failed,
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
from shared.ports.providers import Providers, TaskRef
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Versioned
from shared.worker.poll_planner import PollPlanner

log = structlog.get_logger()


class Following(Struct, frozen=True, kw_only=True):
    """Each verb asks once and commits what came of it; None: the job was deleted."""

    providers: Providers
    bucket: Bucket
    committer: JobCommitter
    clock: Clock
    price_watch: PriceWatch
    poll_planner: PollPlanner

    def poll(
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
            before, polled, then=lambda job: self._report(job, attempt, poll)
        )

    def _report(self, job: Job, attempt: Attempt, poll: Poll) -> None:
        self._report_charge(job, attempt, poll)
        if isinstance(poll, Succeeded):
            self.poll_planner.succeeded(attempt)

    def _report_charge(self, job: Job, attempt: Attempt, poll: Poll) -> None:
        """If the vendor's figure is neither as expected nor covered by its own maximum.

        A failure that costs less than a video is a refund, not a price.
        """
        if not isinstance(poll, Succeeded | Failed) or poll.cost_usd is None:
            return
        charged = charged_usd(poll.cost_usd, attempt.full_price_usd)
        is_less = charged < attempt.full_price_usd
        if is_less and (isinstance(poll, Failed) or attempt.vendor_max_usd is not None):
            return
        self.price_watch.report(job, attempt, charged)

    def cancel(
        self, before: Versioned[Job], attempt: Attempt, by: ProviderId
    ) -> Versioned[Job] | None:
        provider = self.providers.get(by)
        is_sent = provider is not None and provider.cancel(task_of(attempt))
        outcome = CancelSent if is_sent else CancelMissed
        return self.committer.commit(before, outcome(attempt_id=attempt.attempt_id))

    def look_for_output(
        self, before: Versioned[Job], attempt: Attempt
    ) -> Versioned[Job] | None:
        attempt_id = attempt.attempt_id
        folder = incoming_folder(before.value.job_id, attempt_id)
        looked_at = self.clock.now()
        files = [f for f in self.bucket.list(folder) if f.name.endswith(".mp4")]
        if not files:
            provider = self.providers.get(attempt.provider_id)
            is_final = provider is not None and not provider.writes_into_bucket
            missing = OutputMissing(
                attempt_id=attempt_id, looked_at=looked_at, is_final=is_final
            )
            return self.committer.commit(before, missing)
        gs_uri = self.bucket.uri(files[0].name)
        found = OutputFound(attempt_id=attempt_id, gs_uri=gs_uri)
        return self.committer.commit(before, found)

    def cancel_late_tasks(self, job: Job) -> None:
        """Once another attempt delivered, the task of a late answer is of no use.

        Tried once; it stays booked as spent, whatever comes of it.
        """
        late = [a for a in job.attempts if a.has_late_answer] if job.is_final else []
        for attempt in late:
            provider = self.providers.get(poller(attempt))
            cancelled = provider is not None and provider.cancel(task_of(attempt))
            log.warning(
                "late_task_cancelled",
                job_id=job.job_id,
                ai_model=attempt.provider_id.value,
                cancelled=cancelled,
            )


def task_of(attempt: Attempt) -> TaskRef:
    """For an attempt whose task is known."""
    return TaskRef(
        task_id=attempt.task_id or "",
        model_id=attempt.model_id,
        gs_uri=attempt.gs_uri,
    )

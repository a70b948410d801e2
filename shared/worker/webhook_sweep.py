"""Enqueues webhooks whose task was lost, or whose sender died."""

from datetime import datetime

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.naming import webhook_task_name
from shared.jobs.schedule import nth_retry
from shared.ports.store import JobQueries, Queue, WebhookTask

log = structlog.get_logger()

MOST_AT_ONCE = 500


class WebhookSweep(Struct, frozen=True, kw_only=True):
    queries: JobQueries
    queue: Queue

    def __call__(self, now: datetime) -> None:
        """The longest overdue first; Unreachable."""
        for webhook in self.queries.overdue_webhooks(
            now - timing.FIRST_RETRY_AFTER, most=MOST_AT_ONCE
        ):
            nth = nth_retry(now - webhook.due_at)
            log.warning("overdue_webhook_woken", job_id=webhook.job_id, nth=nth)
            name = webhook_task_name(webhook.job_id, webhook.attempts, nth)
            self.queue.enqueue_webhook(
                WebhookTask(job_id=webhook.job_id, name=name, at=now)
            )

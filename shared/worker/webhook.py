"""Send a job's webhook: once for each task, until it is taken or a day has passed."""

from datetime import timedelta

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.errors import BadContent, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import WebhookAnswered, WebhookStarted
from shared.domain.webhook import (
    MOST_ATTEMPTS,
    ReceiverAnswer,
    Verdict,
    Webhook,
    signed_headers,
    verdict_of,
)
from shared.domain.webhook_event import event_body, message_id
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.jobs.video_urls import with_fresh_urls
from shared.ports.identity import ApiKeys
from shared.ports.storage import Bucket, Receivers
from shared.ports.store import Clock, Ids, Jobs, Versioned

log = structlog.get_logger()


class SendWebhook(Struct, frozen=True, kw_only=True):
    """The attempt is committed before the message is sent, and what came of it after.

    If the process dies in between, the message is sent again, under the same id: it is
    delivered at least once, and nearly always exactly once. `signing_secret` None: it
    was taken away after the job was created; the message waits for its return.
    """

    jobs: Jobs
    keys: ApiKeys
    bucket: Bucket
    receivers: Receivers
    clock: Clock
    ids: Ids
    committer: JobCommitter
    scheduler: TaskScheduler
    signing_secret: str | None

    def __call__(self, job_id: str) -> None:
        """One attempt, committed, and the next one's task enqueued; else Unreachable.

        A task that comes twice or too early sends nothing.
        """
        before = self.jobs.read(job_id)
        if before is None:
            log.info("job_was_gone", job_id=job_id)
            return
        webhook = before.value.webhook
        if webhook is None or webhook.due_at is None:
            return
        after: Versioned[Job] | None = before
        if webhook.due_at <= self.clock.now() + timing.WAKE_TOLERANCE:
            after = self._take(before, webhook)
        if after is not None:
            self.scheduler.schedule_webhook(after.value)

    def _take(self, before: Versioned[Job], webhook: Webhook) -> Versioned[Job] | None:
        if webhook.attempts >= MOST_ATTEMPTS or not self._is_key_good(webhook):
            # The last attempt took its process along, or nobody may get the message.
            return self._commit(before, webhook.attempts, Verdict.UNWANTED, None)
        shown = with_fresh_urls(
            before, jobs=self.jobs, bucket=self.bucket, clock=self.clock, ids=self.ids
        )
        attempt, mine = webhook.attempts + 1, list[Job]()
        held = self.committer.commit(
            before, WebhookStarted(attempt=attempt), then=mine.append
        )
        if held is None or not mine:
            return held
        answer = self._send(shown, webhook)
        return self._commit(held, attempt, verdict_of(answer), answer)

    def _is_key_good(self, webhook: Webhook) -> bool:
        """What a revoked key asked for isn't done: others may have had it."""
        key = self.keys.with_id(webhook.key_id)
        return key is not None and key.revoked_at is None

    def _send(self, job: Job, webhook: Webhook) -> ReceiverAnswer | None:
        """None if there was no answer."""
        url, body = job.request.webhook_url, event_body(job)
        if self.signing_secret is None or url is None:
            log.error("webhook_not_signed", job_id=job.job_id)
            return None
        headers = signed_headers(
            body,
            message_id=message_id(job),
            at=self.clock.now(),
            signing_secret=self.signing_secret,
            key_id=webhook.key_id,
        )
        try:
            return self.receivers.post(url, body, headers)
        except (BadContent, Unreachable) as error:
            log.warning("webhook_unanswered", job_id=job.job_id, why=str(error))
            return None

    def _commit(
        self,
        held: Versioned[Job],
        attempt: int,
        verdict: Verdict,
        answer: ReceiverAnswer | None,
    ) -> Versioned[Job] | None:
        log.info(
            "webhook_sent",
            job_id=held.value.job_id,
            attempt=attempt,
            http_status=answer and answer.status,
            verdict=verdict.value,
        )
        asked = (answer and answer.retry_after_seconds) or 0.0
        outcome = WebhookAnswered(
            attempt=attempt, verdict=verdict, asked_pause=timedelta(seconds=asked)
        )
        return self.committer.commit(held, outcome)

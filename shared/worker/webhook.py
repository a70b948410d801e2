"""Sends a job's webhook, once per task, until it is delivered or a day has passed."""

from datetime import timedelta

import structlog
from msgspec import Struct

from shared.domain import timing
from shared.domain.errors import BadContent, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import WebhookAnswered, WebhookStarted
from shared.domain.webhook import (
    MAX_ATTEMPTS,
    DeliveryResult,
    ReceiverResponse,
    Webhook,
    result_of,
    signed_headers,
)
from shared.domain.webhook_event import event_body, message_id
from shared.guards.receiver_breaker import ReceiverBreaker
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.jobs.video_urls import with_fresh_urls
from shared.ports.identity import ApiKeys
from shared.ports.storage import Bucket, Receivers
from shared.ports.store import Clock, Ids, Jobs, Versioned

log = structlog.get_logger()


class SendWebhook(Struct, frozen=True, kw_only=True):
    """Each attempt is committed before the message is sent, and its result afterwards.

    If the process dies in between, the message is sent again under the same id: it is
    delivered at least once, and nearly always exactly once. `signing_secret` None: it
    was removed after the job was created; the message waits until it is set again.
    """

    jobs: Jobs
    keys: ApiKeys
    bucket: Bucket
    receivers: Receivers
    breaker: ReceiverBreaker
    clock: Clock
    ids: Ids
    committer: JobCommitter
    scheduler: TaskScheduler
    signing_secret: str | None

    def __call__(self, job_id: str) -> None:
        """Make one attempt, commit it and enqueue the next one; else Unreachable.

        A task that is delivered twice or too early sends nothing.
        """
        before = self.jobs.read(job_id)
        if before is None:
            log.info("job_not_found", job_id=job_id)
            return
        webhook = before.value.webhook
        if webhook is None or webhook.due_at is None:
            return
        after: Versioned[Job] | None = before
        if webhook.due_at <= self.clock.now() + timing.WAKE_TOLERANCE:
            after = self._make_attempt(before, webhook)
        if after is not None:
            self.scheduler.schedule_webhook(after.value)

    def _make_attempt(
        self, before: Versioned[Job], webhook: Webhook
    ) -> Versioned[Job] | None:
        if webhook.attempts >= MAX_ATTEMPTS or not self._is_key_valid(webhook):
            # The last attempt's process died, or the key was revoked or is gone.
            given_up = _answered(before.value, webhook.attempts, DeliveryResult.GIVE_UP)
            return self.committer.commit(before, given_up)
        shown = with_fresh_urls(before, self.jobs, self.bucket, self.clock, self.ids)
        attempt = webhook.attempts + 1
        return self.committer.commit_around(
            before,
            WebhookStarted(attempt=attempt),
            lambda _: self._send_or_skip(shown, webhook, attempt),
        )

    def _send_or_skip(
        self, shown: Job, webhook: Webhook, attempt: int
    ) -> WebhookAnswered:
        """A skipped attempt counts as failed, so that its task needs no other name."""
        skipped_for = self.breaker.skipped_for(webhook.key_id)
        if skipped_for and attempt < MAX_ATTEMPTS:
            log.info("webhook_skipped", job_id=shown.job_id, attempt=attempt)
            return WebhookAnswered(
                attempt=attempt,
                result=DeliveryResult.RETRY,
                requested_pause=skipped_for,
            )
        answer = self._send(shown, webhook)
        return _answered(shown, attempt, result_of(answer), answer)

    def _is_key_valid(self, webhook: Webhook) -> bool:
        """A revoked key's webhooks aren't sent: somebody else may have had the key."""
        key = self.keys.with_id(webhook.key_id)
        return key is not None and key.revoked_at is None

    def _send(self, job: Job, webhook: Webhook) -> ReceiverResponse | None:
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
        began, answer = self.clock.now(), None
        try:
            answer = self.receivers.post(url, body, headers)
        except (BadContent, Unreachable) as error:
            log.warning("webhook_unanswered", job_id=job.job_id, why=str(error))
        finally:
            self.breaker.report(
                webhook.key_id,
                self.clock.now() - began,
                is_delivered=result_of(answer) is DeliveryResult.DELIVERED,
            )
        return answer


def _answered(
    job: Job,
    attempt: int,
    result: DeliveryResult,
    answer: ReceiverResponse | None = None,
) -> WebhookAnswered:
    log.info(
        "webhook_sent",
        job_id=job.job_id,
        attempt=attempt,
        http_status=answer and answer.status,
        result=result.value,
    )
    pause = (answer and answer.retry_after_seconds) or 0.0
    return WebhookAnswered(
        attempt=attempt, result=result, requested_pause=timedelta(seconds=pause)
    )

"""A job's webhook: its delivery state, its retries and its signature.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from shared.domain.structs import replace

# After the first, second, … failure: in all, a message is tried for a day.
RETRY_DELAYS: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
)
MAX_ATTEMPTS = len(RETRY_DELAYS) + 1
# A receiver may ask for longer pauses, but not for much more than a day in all.
MAX_REQUESTED_PAUSE = timedelta(hours=1)
# Longer than sending takes: until then, no other worker sends the message.
SENDING_LIMIT = timedelta(seconds=30)
MIN_SIGNING_SECRET_LENGTH = 32
HTTP_GONE = 410


class WebhookStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryResult(StrEnum):
    """The result of sending the message once."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GIVE_UP = "give_up"  # never sent again


class ReceiverResponse(Struct, frozen=True, kw_only=True):
    """The response of a webhook's receiver. `retry_after_seconds`: its Retry-After."""

    status: int
    retry_after_seconds: float | None = None


class Webhook(Struct, frozen=True, kw_only=True):
    """key_id: the API key that created the job, with whose secret messages are signed.

    attempts: how often it was sent; each is counted before it is made.
    ended_at: when the job ended; None until then. due_at: when to send next; None
        before the job has ended, and once it is delivered or has failed.
    """

    key_id: str
    status: WebhookStatus = WebhookStatus.PENDING
    attempts: int = 0
    ended_at: datetime | None = None
    due_at: datetime | None = None

    def scheduled(self, now: datetime) -> "Webhook":
        """For a job that has just ended: the webhook is due now."""
        return replace(self, ended_at=now, due_at=now)

    def sending(self, now: datetime) -> "Webhook":
        """For an attempt about to be made. If the sender dies, it is due again soon."""
        return replace(self, attempts=self.attempts + 1, due_at=now + SENDING_LIMIT)

    def answered(
        self,
        result: DeliveryResult,
        now: datetime,
        *,
        requested_pause: timedelta = timedelta(0),
    ) -> "Webhook":
        if result is DeliveryResult.DELIVERED:
            return replace(self, status=WebhookStatus.DELIVERED, due_at=None)
        if result is DeliveryResult.GIVE_UP or self.attempts >= MAX_ATTEMPTS:
            return replace(self, status=WebhookStatus.FAILED, due_at=None)
        pause = max(
            RETRY_DELAYS[self.attempts - 1], min(requested_pause, MAX_REQUESTED_PAUSE)
        )
        return replace(self, due_at=now + pause)


def result_of(answer: ReceiverResponse | None) -> DeliveryResult:
    """`answer`: None if there was none in time.

    A redirect counts as a failure: its target is not where the caller asked to send it.
    """
    if answer is None:
        return DeliveryResult.RETRY
    if 200 <= answer.status < 300:
        return DeliveryResult.DELIVERED
    return (
        DeliveryResult.GIVE_UP if answer.status == HTTP_GONE else DeliveryResult.RETRY
    )


def webhook_secret(signing_secret: str, key_id: str) -> str:
    """The secret of a key, `whsec_…`, in the form that receivers' libraries expect."""
    return "whsec_" + b64encode(_secret_bytes(signing_secret, key_id)).decode()


def signed_headers(
    body: bytes, *, message_id: str, at: datetime, signing_secret: str, key_id: str
) -> Mapping[str, str]:
    """The three headers that let a receiver verify `body`; `at`: of this attempt."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.digest(_secret_bytes(signing_secret, key_id), signed, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def _secret_bytes(signing_secret: str, key_id: str) -> bytes:
    """Derived per key: it reveals neither another key's nor the signing secret."""
    label = f"reelay webhook secret of key {key_id}"
    return hmac.digest(signing_secret.encode(), label.encode(), "sha256")

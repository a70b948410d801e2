"""A job's webhook: the message at its end, who signs it, and when it is sent again.

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
PAUSES: Sequence[timedelta] = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=8),
    timedelta(hours=8),
)
MOST_ATTEMPTS = len(PAUSES) + 1
# A receiver may ask for longer pauses, but not for much more than a day in all.
LONGEST_ASKED_PAUSE = timedelta(hours=1)
# Longer than one message takes to send: until then nobody else sends it.
SENDING_LIMIT = timedelta(seconds=30)
SHORTEST_SIGNING_SECRET = 32
GONE = 410


class WebhookStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Verdict(StrEnum):
    """What came of sending the message once."""

    TAKEN = "taken"
    MISSED = "missed"  # it is sent again later
    UNWANTED = "unwanted"  # it is never sent again


class ReceiverAnswer(Struct, frozen=True, kw_only=True):
    """A receiver's. `retry_after_seconds`: it asks not to be sent anything sooner."""

    status: int
    retry_after_seconds: float | None = None


class Webhook(Struct, frozen=True, kw_only=True):
    """key_id: the API key that created the job, by whose secret it is signed.

    attempts: how often it was sent, each counted before it is.
    ended_at: when the job ended; None until then. due_at: when it is to be sent; None
        before the job has ended, and once it is delivered or has failed.
    """

    key_id: str
    status: WebhookStatus = WebhookStatus.PENDING
    attempts: int = 0
    ended_at: datetime | None = None
    due_at: datetime | None = None

    def armed(self, now: datetime) -> "Webhook":
        """The job has just ended: it is due."""
        return replace(self, ended_at=now, due_at=now)

    def sending(self, now: datetime) -> "Webhook":
        """About to be sent. If the sender dies, it is due again a little later."""
        return replace(self, attempts=self.attempts + 1, due_at=now + SENDING_LIMIT)

    def answered(
        self, verdict: Verdict, now: datetime, *, asked_pause: timedelta = timedelta(0)
    ) -> "Webhook":
        if verdict is Verdict.TAKEN:
            return replace(self, status=WebhookStatus.DELIVERED, due_at=None)
        if verdict is Verdict.UNWANTED or self.attempts >= MOST_ATTEMPTS:
            return replace(self, status=WebhookStatus.FAILED, due_at=None)
        pause = max(PAUSES[self.attempts - 1], min(asked_pause, LONGEST_ASKED_PAUSE))
        return replace(self, due_at=now + pause)


def verdict_of(answer: ReceiverAnswer | None) -> Verdict:
    """`answer`: None if there was none in time.

    A redirect is not followed: it leads to where nobody asked to send a video.
    """
    if answer is None:
        return Verdict.MISSED
    if 200 <= answer.status < 300:
        return Verdict.TAKEN
    return Verdict.UNWANTED if answer.status == GONE else Verdict.MISSED


def webhook_secret(signing_secret: str, key_id: str) -> str:
    """A key's secret, `whsec_…`, as its holder and their library keep it."""
    return "whsec_" + b64encode(_secret_bytes(signing_secret, key_id)).decode()


def signed_headers(
    body: bytes, *, message_id: str, at: datetime, signing_secret: str, key_id: str
) -> Mapping[str, str]:
    """The three headers by which a receiver verifies `body`; `at`: of this sending."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.digest(_secret_bytes(signing_secret, key_id), signed, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }


def _secret_bytes(signing_secret: str, key_id: str) -> bytes:
    """Of one key nothing follows about another's, or about the signing secret."""
    named = f"reelay webhook secret of key {key_id}"
    return hmac.digest(signing_secret.encode(), named.encode(), "sha256")

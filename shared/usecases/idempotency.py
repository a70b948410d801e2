"""Deduplicates requests: finds the job that an earlier send of a request created."""

import json
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import asdict, fields

from shared.domain.job import Job
from shared.domain.request import ClientRetry, VideoRequest
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.ports.store import IdempotencyRecord
from shared.usecases.uploads import content_of

KEY_LIFETIME = timedelta(days=7)
RETRY_LIFETIME = timedelta(minutes=15)


class DedupKey(Struct, frozen=True, kw_only=True):
    """Names the record by which one send of a request finds the job of another.

    `client_retry`: None for a request with an idempotency key.
    """

    name: str
    body_sha256: str
    lifetime: timedelta
    client_retry: ClientRetry | None = None

    def record(self, job: Job) -> IdempotencyRecord:
        return IdempotencyRecord(
            name=self.name,
            job_id=job.job_id,
            body_sha256=self.body_sha256,
            expires_at=job.created_at + self.lifetime,
            created_by_retry=self.client_retry is ClientRetry.AGAIN,
        )

    def matches(self, record: IdempotencyRecord, now: datetime) -> bool:
        """Whether this send returns the job of `record`.

        A key returns any job under it; AGAIN, that of an equal, recent request; FIRST,
        the one that its own AGAIN created, never that of another FIRST: two equal
        requests that are not retries are two jobs.
        """
        if self.client_retry is None:
            return True
        is_own = self.client_retry is ClientRetry.AGAIN or record.created_by_retry
        return is_own and now <= record.expires_at


def dedup_key_of(
    caller: Caller, request: VideoRequest, key: str | None, client_retry: ClientRetry
) -> DedupKey | None:
    """None for a request without a key that is sent ONCE. A key overrides
    `client_retry`.
    """
    if not key and client_retry is ClientRetry.ONCE:
        return None
    body = _body_sha256(request)
    if key:
        name = _hashed(caller.user_id, key)
        return DedupKey(name=name, body_sha256=body, lifetime=KEY_LIFETIME)
    return DedupKey(
        # It has three parts, so that none of the caller's own keys can have this name.
        name=_hashed(caller.user_id, "resend", body),
        body_sha256=body,
        lifetime=RETRY_LIFETIME,
        client_retry=client_retry,
    )


def _hashed(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


def _body_sha256(request: VideoRequest) -> str:
    """Hashes the parsed request: field order and explicit defaults don't matter.

    Neither does the name under which the same inline image was stored (a last frame is
    never inline), nor an unused field that a later release added, so keys stay valid
    across deploys.
    """
    image = request.image and content_of(request.image)
    body = asdict(replace(request, image=image))
    defaults = _defaults()
    used = {name: value for name, value in body.items() if value != defaults[name]}
    return sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


@cache
def _defaults() -> dict[str, object]:
    return {field.name: field.default for field in fields(VideoRequest)}

"""Deduplicates requests: finds the job that an earlier send of a request created."""

import json
from datetime import datetime, timedelta
from enum import StrEnum
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


class ReplayPolicy(StrEnum):
    """When a send returns the recorded job instead of creating one."""

    ALWAYS = "always"  # sent with a key: any job under that key
    WHILE_FRESH = "while fresh"  # sent AGAIN: the job of an equal, recent request
    IF_OVERTAKEN = "if overtaken"  # sent FIRST: a job that its own AGAIN created


class DedupKey(Struct, frozen=True, kw_only=True):
    """Names the record by which one send of a request finds the job of another."""

    name: str
    body_sha256: str
    lifetime: timedelta
    replay_policy: ReplayPolicy

    def record(self, job: Job) -> IdempotencyRecord:
        return IdempotencyRecord(
            name=self.name,
            job_id=job.job_id,
            body_sha256=self.body_sha256,
            expires_at=job.created_at + self.lifetime,
            created_by_retry=self.replay_policy is ReplayPolicy.WHILE_FRESH,
        )

    def matches(self, record: IdempotencyRecord, now: datetime) -> bool:
        """Whether this send returns the job of `record`.

        A FIRST never returns the job of another FIRST: two equal requests that are not
        retries are two jobs.
        """
        is_fresh = now <= record.expires_at
        match self.replay_policy:
            case ReplayPolicy.ALWAYS:
                return True
            case ReplayPolicy.WHILE_FRESH:
                return is_fresh
            case ReplayPolicy.IF_OVERTAKEN:
                return is_fresh and record.created_by_retry


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
        name, lifetime = [caller.user_id, key], KEY_LIFETIME
        replay_policy = ReplayPolicy.ALWAYS
    else:
        # It has three parts, so that none of the caller's own keys can have this name.
        name, lifetime = [caller.user_id, "resend", body], RETRY_LIFETIME
        is_first = client_retry is ClientRetry.FIRST
        replay_policy = (
            ReplayPolicy.IF_OVERTAKEN if is_first else ReplayPolicy.WHILE_FRESH
        )
    hashed = sha256(json.dumps(name).encode()).hexdigest()
    return DedupKey(
        name=hashed, body_sha256=body, lifetime=lifetime, replay_policy=replay_policy
    )


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

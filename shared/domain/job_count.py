"""Quotas of one user: open jobs, and jobs, uploads and translations per minute."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from shared.domain.errors import JobQuota, TooManyJobs, TooManyRequests
from shared.domain.ledger import Limits
from shared.domain.structs import replace


class JobCount(Struct, frozen=True, kw_only=True):
    """A user's open jobs, and what they created, uploaded and translated in `minute`.

    `unpaid`: by hour, the jobs that ended at no cost through this user's doing (see
    `Booking`).
    """

    open_jobs: int = 0
    minute: str = ""
    made: int = 0
    uploads: int = 0
    translations: int = 0
    unpaid: Mapping[str, int] = field(default_factory=dict)


def with_one_more_job(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """With one more open job; TooManyJobs if a quota is used up.

    Unpaid jobs have a quota because they cost their user nothing, but us a fetch and a
    decode, and each refusal may count against our account at its vendor.
    """
    count = _as_of(count, now)
    if count.open_jobs >= limits.max_open_jobs:
        raise TooManyJobs(reason=JobQuota.OPEN)
    if count.made >= limits.max_jobs_per_minute:
        raise TooManyJobs(reason=JobQuota.MADE)
    if count.unpaid.get(hour_of(now), 0) >= limits.max_unpaid_per_hour:
        utc = now.astimezone(UTC)
        wait = timedelta(minutes=60 - utc.minute, seconds=-utc.second)
        raise TooManyJobs(reason=JobQuota.UNPAID, retry_after=wait)
    return replace(count, open_jobs=count.open_jobs + 1, made=count.made + 1)


def with_one_more_upload(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """With one more upload; TooManyJobs if this minute's quota is used up."""
    count = _as_of(count, now)
    if count.uploads >= limits.max_uploads_per_minute:
        raise TooManyJobs(reason=JobQuota.UPLOADS)
    return replace(count, uploads=count.uploads + 1)


def with_one_more_translation(
    count: JobCount, limits: Limits, now: datetime
) -> JobCount:
    """With one more translation; TooManyRequests if this minute's quota is used up."""
    count = _as_of(count, now)
    if count.translations >= limits.max_translations_per_minute:
        raise TooManyRequests(timedelta(seconds=60 - now.second))
    return replace(count, translations=count.translations + 1)


def _as_of(count: JobCount, now: datetime) -> JobCount:
    # A minute later than ours was counted by a clock ahead of ours, and still counts.
    minute = max(count.minute, f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}")
    if minute == count.minute:
        return count
    hour = hour_of(now)
    unpaid = {h: n for h, n in count.unpaid.items() if h == hour}
    return JobCount(open_jobs=count.open_jobs, minute=minute, unpaid=unpaid)


def hour_of(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"

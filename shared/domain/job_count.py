"""How many jobs, uploads and translations one user has, and how many they may have."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from shared.domain.errors import JobQuota, TooManyJobs, TooManyRequests
from shared.domain.ledger import Limits
from shared.domain.structs import replace


class JobCount(Struct, frozen=True, kw_only=True):
    """A user's open jobs; what they made, uploaded and had translated in `minute`.

    `unprepared`: by hour, the jobs that ended before their image could be used, or were
    cancelled before any provider was asked.
    """

    open_jobs: int = 0
    minute: str = ""
    made: int = 0
    uploads: int = 0
    translations: int = 0
    unprepared: Mapping[str, int] = field(default_factory=dict)


def with_one_more(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """TooManyJobs if as many are open, or were created of late, as may be.

    Jobs that end unprepared cost their user nothing, and us a fetch and a decode, or
    at least their steps.
    """
    count = _as_of(count, now)
    if count.open_jobs >= limits.most_open_jobs:
        raise TooManyJobs(JobQuota.OPEN)
    if count.made >= limits.most_jobs_a_minute:
        raise TooManyJobs(JobQuota.MADE)
    if count.unprepared.get(hour_of(now), 0) >= limits.most_unprepared_an_hour:
        raise TooManyJobs(JobQuota.UNPREPARED)
    return replace(count, open_jobs=count.open_jobs + 1, made=count.made + 1)


def with_one_more_upload(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """TooManyJobs if as many were let in this minute as may be."""
    count = _as_of(count, now)
    if count.uploads >= limits.most_uploads_a_minute:
        raise TooManyJobs(JobQuota.UPLOADS)
    return replace(count, uploads=count.uploads + 1)


def with_one_more_translation(
    count: JobCount, limits: Limits, now: datetime
) -> JobCount:
    """TooManyRequests if as many were asked for this minute as may be."""
    count = _as_of(count, now)
    if count.translations >= limits.most_translations_a_minute:
        raise TooManyRequests(timedelta(seconds=60 - now.second))
    return replace(count, translations=count.translations + 1)


def _as_of(count: JobCount, now: datetime) -> JobCount:
    # A later minute than ours was counted by a clock ahead of ours: it goes on.
    minute = max(count.minute, f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}")
    if minute == count.minute:
        return count
    hour = hour_of(now)
    unprepared = {h: n for h, n in count.unprepared.items() if h == hour}
    return JobCount(open_jobs=count.open_jobs, minute=minute, unprepared=unprepared)


def hour_of(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H}"

"""The signed URL of a finished video: what is shown has at least an hour left."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Job
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Ids, Jobs, Versioned

# Google may rotate the key behind signBlob after 12 hours, and the URL dies with it.
URL_LIFETIME = timedelta(hours=11)
MIN_REMAINING = timedelta(hours=1)


def lasts(url_expires_at: datetime | None, now: datetime) -> bool:
    return url_expires_at is not None and url_expires_at - now > MIN_REMAINING


def with_fresh_url(
    snapshot: Versioned[Job], *, jobs: Jobs, bucket: Bucket, clock: Clock, ids: Ids
) -> Job:
    """The job, its URL signed again if less than an hour is left, and stored.

    Listeners of the document get the new URL, too. A URL that lasts is left alone:
    signing is a call over the network. Past the job's `expires_at` there is no URL,
    because the bucket's lifecycle removes the video.
    """
    job, now = snapshot.value, clock.now()
    if job.delivered is None:
        return job
    if now >= job.expires_at:
        return replace(job, video_url=None, video_url_expires_at=None)
    if lasts(job.video_url_expires_at, now):
        return job
    name = job.delivered.object_name
    fresh = replace(
        job,
        video_url=bucket.sign_download(name, lifetime=URL_LIFETIME),
        video_url_expires_at=now + URL_LIFETIME,
        version=job.version + 1,
        commit_id=ids.new(),
    )
    # The URL works even if it can't be stored.
    with suppress(LostRace, CommitUncertain, Unreachable):
        jobs.commit(snapshot, fresh)
    return fresh

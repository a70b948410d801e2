"""The signed URLs of a finished video, renewed when less than an hour is left."""

from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.file_name import attachment
from shared.domain.job import Job
from shared.domain.outcomes import Delivered, SignedUrls
from shared.domain.structs import replace
from shared.ports.storage import Bucket
from shared.ports.store import Clock, Ids, Jobs, Versioned

# Google may rotate the key behind signBlob after 12 hours, which invalidates URLs.
URL_LIFETIME = timedelta(hours=11)
MIN_REMAINING = timedelta(hours=1)


def are_fresh(urls_expire_at: datetime | None, now: datetime) -> bool:
    return urls_expire_at is not None and urls_expire_at - now > MIN_REMAINING


def sign_urls(
    job: Job, delivered: Delivered, *, bucket: Bucket, now: datetime
) -> SignedUrls:
    """Unreachable if one of them could not be signed; each is a separate call."""
    video, poster = delivered.object_name, delivered.poster_name
    disposition = attachment(job.created_at.date(), job.request.prompt)
    return SignedUrls(
        video_url=bucket.sign_download(video, lifetime=URL_LIFETIME),
        download_url=bucket.sign_download(
            video, lifetime=URL_LIFETIME, disposition=disposition
        ),
        poster_url=poster and bucket.sign_download(poster, lifetime=URL_LIFETIME),
        expires_at=now + URL_LIFETIME,
    )


def with_fresh_urls(
    snapshot: Versioned[Job], jobs: Jobs, bucket: Bucket, clock: Clock, ids: Ids
) -> Job:
    """The job with URLs that are valid for at least another hour.

    Renewed URLs are stored, so that listeners of the document get them, too. Others are
    kept, because signing is a network call. After the job's `expires_at` there are no
    URLs: the bucket's lifecycle removes the video.
    """
    job, now = snapshot.value, clock.now()
    if job.delivered is None:
        return job
    if now >= job.expires_at:
        return job.with_urls(None)
    if are_fresh(job.video_url_expires_at, now):
        return job
    urls = sign_urls(job, job.delivered, bucket=bucket, now=now)
    fresh = replace(job.with_urls(urls), version=job.version + 1, commit_id=ids.new())
    # The URLs work even if they can't be stored.
    with suppress(LostRace, CommitUncertain, Unreachable):
        jobs.commit(snapshot, fresh)
    return fresh

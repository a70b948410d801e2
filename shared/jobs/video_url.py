"""How an address of a video that is shown lives for at least an hour."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Job
from shared.ports.storage import Bucket
from shared.ports.store import (
    Clock,
    Ids,
    Jobs,
    Versioned,
)

URL_LIFETIME = timedelta(hours=24)
MIN_REMAINING = timedelta(hours=1)


def with_fresh_url(
    snapshot: Versioned[Job], *, jobs: Jobs, bucket: Bucket, clock: Clock, ids: Ids
) -> Job:
    """The job, its address signed anew where less than an hour is left, and kept.

    Signing is a call over the network: an address that lives on is left as it is.
    """
    job, now = snapshot.value, clock.now()
    expires_at = job.video_url_expires_at
    if job.delivered is None or (expires_at and expires_at - now > MIN_REMAINING):
        return job
    name = job.delivered.object_name
    fresh = replace(
        job,
        video_url=bucket.sign_download(name, lifetime=URL_LIFETIME),
        video_url_expires_at=now + URL_LIFETIME,
        version=job.version + 1,
        commit_id=ids.new(),
    )
    try:
        jobs.commit(snapshot, fresh)
    except (LostRace, CommitUncertain, Unreachable):
        # The address is good whether or not the listeners get it too.
        return fresh
    return fresh

"""How an address of a video that is shown lives for at least an hour."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.errors import LostRace, Unclear, Unreachable
from shared.domain.job import Job
from shared.ports import Bucket, Clock, Ids, Jobs, Snapshot

LINK_LIFETIME = timedelta(hours=24)
LEAST_LEFT = timedelta(hours=1)


def with_living_link(
    snapshot: Snapshot, *, jobs: Jobs, bucket: Bucket, clock: Clock, ids: Ids
) -> Job:
    """The job, its address signed anew where less than an hour is left, and kept.

    Signing is a call over the network: an address that lives on is left as it is.
    """
    job, now = snapshot.job, clock.now()
    expires_at = job.video_url_expires_at
    if job.delivered is None or (expires_at and expires_at - now > LEAST_LEFT):
        return job
    name = job.delivered.object_name
    fresh = replace(
        job,
        video_url=bucket.sign_download(name, lifetime=LINK_LIFETIME),
        video_url_expires_at=now + LINK_LIFETIME,
        version=job.version + 1,
        commit_id=ids.new(),
    )
    try:
        jobs.commit(snapshot, fresh)
    except (LostRace, Unclear, Unreachable):
        # The address is good whether or not the listeners get it too.
        return fresh
    return fresh

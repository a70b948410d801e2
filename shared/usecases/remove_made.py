"""What a job has in our bucket, removed: by who deletes it, and by a step too late."""

from shared.domain.job import Job
from shared.domain.naming import incoming_of_job, picture_object, video_object
from shared.ports import Bucket


def remove_made(bucket: Bucket, job: Job) -> None:
    """All that was written for this job; what its user uploaded stays."""
    for stored in bucket.list(incoming_of_job(job.job_id)):
        bucket.delete(stored.name)
    bucket.delete(picture_object(job.job_id))
    bucket.delete(video_object(job.user_id, job.job_id))

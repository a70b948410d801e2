"""Remove a job's objects: when it is deleted, and by a step that came too late."""

from shared.domain.job import Job
from shared.domain.naming import (
    image_object,
    incoming_of_job,
    poster_object,
    video_object,
)
from shared.domain.request import Frame
from shared.ports.storage import Bucket


def delete_job_objects(bucket: Bucket, job: Job) -> None:
    """Everything written for this job; its user's upload stays."""
    for stored in bucket.list(incoming_of_job(job.job_id)):
        bucket.delete(stored.name)
    for frame in Frame:
        if job.request.source(frame):
            bucket.delete(image_object(job.job_id, frame))
    bucket.delete(video_object(job.user_id, job.job_id))
    bucket.delete(poster_object(job.user_id, job.job_id))

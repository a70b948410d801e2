"""Deletes a job's objects: with the job, or after a step that finished too late."""

from shared.domain.job import Job
from shared.domain.naming import image_object, incoming_of_job, videos_of_job
from shared.domain.request import Frame
from shared.ports.storage import Bucket


def delete_job_objects(bucket: Bucket, job: Job) -> None:
    """Delete everything written for this job; its user's upload stays."""
    folders = incoming_of_job(job.job_id), videos_of_job(job.user_id, job.job_id)
    names = {stored.name for folder in folders for stored in bucket.list(folder)}
    if job.delivered:
        # Release 0.1.0 named a video after its job alone.
        names |= {job.delivered.object_name, job.delivered.poster_name or ""} - {""}
    for frame in Frame:
        if job.request.source(frame):
            names.add(image_object(job.job_id, frame))
    for name in sorted(names):
        bucket.delete(name)

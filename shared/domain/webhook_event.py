"""The message of a job's webhook: an event, with the video as `GET` shows it."""

from shared.domain.job import Job
from shared.domain.projection import as_json, moment, project, status


def message_id(job: Job) -> str:
    """The same for every attempt, so that receivers can recognise duplicates."""
    return f"msg_{job.job_id}"


def event_type(job: Job) -> str:
    """`video.completed` or `video.failed`."""
    return f"video.{status(job).value}"


def event_body(job: Job) -> bytes:
    """For a job that has ended. Its `timestamp` is when the job ended."""
    ended_at = (job.webhook and job.webhook.ended_at) or job.updated_at
    event = {
        "type": event_type(job),
        "timestamp": moment(ended_at),
        "data": project(job),
    }
    return as_json(event).encode()

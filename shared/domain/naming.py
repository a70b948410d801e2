"""The names of tasks and of objects in the bucket."""

from hashlib import sha256
from urllib.parse import quote

from shared.domain.request import Frame


def task_name(job_id: str, version: int, nth: int = 0) -> str:
    """The one task for this version of a job.

    `nth` above 0: a retry of it; below 0: the task after one that arrived too early.
    A used name stays blocked for a day, so a retry needs another name. Names are hashed
    because Cloud Tasks slows down where they share a prefix.
    """
    return sha256(f"{job_id}:{version}:{nth}".encode()).hexdigest()[:40]


def webhook_task_name(job_id: str, attempts: int, nth: int = 0) -> str:
    """The one task that sends the webhook after `attempts` attempts; `nth` as above."""
    return task_name(f"{job_id}:webhook", attempts, nth)


def answer_task_name(job_id: str, attempt_id: str, nth: int) -> str:
    """The nth task that records the vendor's answer to this attempt's paid call."""
    return task_name(f"{job_id}:{attempt_id}:answer", 0, nth)


def upload_object(user_id: str, image: str) -> str:
    return f"uploads/{quote(user_id, safe='')}/{image}"


def image_object(job_id: str, frame: Frame) -> str:
    return f"images/{job_id}" if frame is Frame.FIRST else f"images/{job_id}.{frame}"


def incoming_of_job(job_id: str) -> str:
    return f"incoming/{job_id}/"


def incoming_folder(job_id: str, attempt_id: str) -> str:
    return f"{incoming_of_job(job_id)}{attempt_id}/"


def videos_of_job(user_id: str, job_id: str) -> str:
    return f"videos/{quote(user_id, safe='')}/{job_id}/"


def video_object(user_id: str, job_id: str, attempt_id: str) -> str:
    """Named after the attempt, so that a worker which stood still until its attempt was
    given up can't store its file where a later attempt's belongs.
    """
    return f"{videos_of_job(user_id, job_id)}{attempt_id}.mp4"


def poster_object(user_id: str, job_id: str, attempt_id: str) -> str:
    return f"{videos_of_job(user_id, job_id)}{attempt_id}.jpg"

"""The webhook of a job that has ended. The job itself stays as it is."""

from datetime import datetime

from shared.domain.job import Job
from shared.domain.outcomes import WebhookAnswered, WebhookStarted
from shared.domain.structs import replace


def armed(job: Job, now: datetime) -> Job:
    """Once, with the commit that ends the job."""
    webhook = job.webhook
    if not job.is_final or webhook is None or webhook.ended_at is not None:
        return job
    return replace(job, webhook=webhook.armed(now))


def sent(job: Job, outcome: WebhookStarted | WebhookAnswered, now: datetime) -> Job:
    """`updated_at` stays: nothing of the video has changed."""
    webhook = job.webhook
    if webhook is None or webhook.due_at is None:
        return job
    match outcome:
        case WebhookStarted(attempt=attempt) if attempt == webhook.attempts + 1:
            return replace(job, webhook=webhook.sending(now))
        case WebhookAnswered(attempt=webhook.attempts, verdict=verdict):
            after = webhook.answered(verdict, now, asked_pause=outcome.asked_pause)
            return replace(job, webhook=after)
        case _:
            return job

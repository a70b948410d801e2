"""The webhook of a job that has ended. The job itself doesn't change."""

from datetime import datetime

from shared.domain.job import Job
from shared.domain.outcomes import WebhookAnswered, WebhookStarted
from shared.domain.structs import replace


def scheduled(job: Job, now: datetime) -> Job:
    """The webhook becomes due once, in the commit that ends the job."""
    webhook = job.webhook
    if not job.is_final or webhook is None or webhook.ended_at is not None:
        return job
    return replace(job, webhook=webhook.scheduled(now))


def sent(job: Job, outcome: WebhookStarted | WebhookAnswered, now: datetime) -> Job:
    """`updated_at` is kept: the video has not changed."""
    webhook = job.webhook
    if webhook is None or webhook.due_at is None:
        return job
    match outcome:
        case WebhookStarted(attempt=attempt) if attempt == webhook.attempts + 1:
            return replace(job, webhook=webhook.sending(now))
        case WebhookAnswered(attempt=webhook.attempts, result=result):
            after = webhook.answered(
                result, now, requested_pause=outcome.requested_pause
            )
            return replace(job, webhook=after)
        case _:
            return job

"""Builds the adapters: stores, the bucket, the queue, receivers, providers and the
translator; also the committer and the scheduler, which every change of a job uses.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from shared import tracing
from shared.domain.catalogue import ProviderId
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.providers import ProviderReports, Translator
from shared.ports.storage import Bucket, Receivers
from shared.ports.store import (
    IdempotencyStore,
    JobQueries,
    Jobs,
    Queue,
    Quotas,
    TaskQueue,
)
from shared.system import RandomIds, SystemClock, pause
from shared.wiring import process
from shared.wiring.once import lazy, once

if TYPE_CHECKING:
    from shared.providers.registry import ConfiguredProviders

# POST limit (60 s) < lease (90 s) < dispatch deadline = the worker's own timeout.
DISPATCH_DEADLINE = timedelta(minutes=5)
# Less than `SENDING_LIMIT`, and short, because a webhook occupies one of few threads.
WEBHOOK_SECONDS = 10.0
CLOCK, IDS = SystemClock(), RandomIds()


@once
def jobs() -> Jobs:
    from shared.gcp.firestore_jobs import FirestoreJobs

    return FirestoreJobs(process.database(), process.settings().limits)


@once
def job_queries() -> JobQueries:
    from shared.gcp.firestore_job_queries import FirestoreJobQueries

    return FirestoreJobQueries(process.database())


@once
def idempotency() -> IdempotencyStore:
    from shared.gcp.firestore_idempotency import FirestoreIdempotency

    return FirestoreIdempotency(process.database())


@once
def quotas() -> Quotas:
    from shared.gcp.firestore_quotas import FirestoreQuotas

    return FirestoreQuotas(process.database(), process.settings().limits)


@once
def provider_reports() -> ProviderReports:
    from shared.gcp.firestore_provider_reports import FirestoreProviderReports

    return FirestoreProviderReports(process.database())


@once
def queue() -> Queue:
    from shared.gcp import task_queue

    settings = process.settings()
    return task_queue.CloudTasksQueue(
        client=task_queue.client(settings.tasks_emulator),
        project=settings.project,
        location=settings.tasks_location,
        queues={
            TaskQueue.STARTS: settings.starts_queue,
            TaskQueue.STEPS: settings.steps_queue,
            TaskQueue.WEBHOOKS: settings.webhooks_queue,
        },
        worker_url=settings.worker_url,
        audience=settings.worker_audience,
        invoker_email=settings.tasks_invoker,
        dispatch_deadline=DISPATCH_DEADLINE,
        task_headers=tracing.task_headers,
    )


@once
def bucket() -> Bucket:
    from google.cloud import storage

    from shared.gcp.bucket import CloudBucket
    from shared.gcp.credentials import url_signer

    settings = process.settings()
    client = storage.Client(project=settings.project)
    signer = url_signer(settings.signing_credentials_file)
    return CloudBucket(client=client, bucket_name=settings.bucket, signer=signer)


@once
def receivers() -> Receivers:
    from shared.gcp.web_download import PublicWeb

    receiver = process.settings().webhook_receiver
    return PublicWeb(total_seconds=WEBHOOK_SECONDS, forward_to=receiver)


@once
def providers() -> "ConfiguredProviders":
    from shared.providers.registry import Access, ConfiguredProviders

    settings = process.settings()
    return ConfiguredProviders(
        {
            provider_id: Access(
                project=settings.project,
                veo_location=settings.veo_location,
                credentials=process.credentials,
                has_local_bucket=settings.storage_emulator is not None,
                vertex_base_url=settings.vertex_base_url,
                base_url=settings.base_urls[provider_id],
                api_key=settings.api_keys[provider_id],
            )
            for provider_id in ProviderId
        }
    )


@once
def translator() -> Translator | None:
    """None if there is no model, or no identity to call it with."""
    settings, identity = process.settings(), process.credentials()
    model = settings.translation_model
    if model is None or identity is None:
        return None

    @once
    def build() -> Translator:
        from shared.providers.gemini_translator import GeminiTranslator

        return GeminiTranslator(
            model=model,
            project=settings.project,
            credentials=identity,
            base_url=settings.vertex_base_url,
        )

    return lazy(build)


def committer() -> JobCommitter:
    return JobCommitter(jobs=jobs(), clock=CLOCK, ids=IDS, pause=pause)


def scheduler() -> TaskScheduler:
    return TaskScheduler(queue=queue())

"""Who is who: the only file that names every adapter.

Builders are made once per process, at first use, and import what they build inside:
a cold start pays only for what its function needs, and no client lives before gunicorn
forks.
"""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from shared import logs
from shared.domain.catalogue import ProviderId
from shared.ports.identity import (
    Callers,
    Tokens,
)
from shared.ports.store import (
    IdempotencyStore,
    JobQueries,
    Jobs,
    Queue,
    Quotas,
)
from shared.settings import Settings
from shared.system import RandomIds, SystemClock, pause

if TYPE_CHECKING:
    from shared.gcp.bucket import CloudBucket
    from shared.gcp.firestore_calls import Database
    from shared.gcp.user_lookup import UserLookup
    from shared.guards.availability import Availability
    from shared.guards.circuit_breaker import Breaker
    from shared.guards.kill_switch import KillSwitch
    from shared.jobs.commit import JobCommitter
    from shared.jobs.schedule import TaskScheduler
    from shared.providers.registry import ConfiguredProviders
    from shared.usecases.cancel_video import CancelVideo
    from shared.usecases.create_video import CreateVideo
    from shared.usecases.delete_video import DeleteVideo
    from shared.usecases.estimate import Estimate
    from shared.usecases.keep_upload import KeepUpload
    from shared.usecases.models import ListModels
    from shared.usecases.read_videos import GetVideo, ListVideos
    from shared.usecases.show_usage import ShowUsage
    from shared.usecases.start_upload import StartUpload
    from shared.worker.advance import Advance
    from shared.worker.sweep import Sweep

T = TypeVar("T")

# POST limit (60 s) < lease (90 s) < dispatch deadline = the worker's own timeout.
DISPATCH_DEADLINE = timedelta(minutes=5)
IMAGE_SECONDS = 10.0
VIDEO_SECONDS = 200.0
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

_building = threading.RLock()


def once(build: Callable[[], T]) -> Callable[[], T]:
    """`build`, run once per process however many threads ask first."""
    cached = cache(build)

    @wraps(build)
    def locked() -> T:
        with _building:
            return cached()

    return locked


@once
def settings() -> Settings:
    logs.configure()
    return Settings.from_env(os.environ)


@once
def tokens() -> Tokens:
    from shared.gcp.bearer_tokens import BearerTokens
    from shared.gcp.firestore_keys import FirestoreKeys

    keys = FirestoreKeys(database())
    return BearerTokens(firebase=_firebase_tokens(), keys=keys, lookup=_user_lookup())


def _firebase_tokens() -> Tokens:
    from shared.gcp import firebase_tokens as firebase

    project = settings().project
    if settings().auth_emulator:
        return firebase.FirebaseTokens(project, firebase.decode_emulated(project))
    decode = firebase.decode_signed(project)
    return firebase.FirebaseTokens(project, decode, _user_lookup())


@once
def _user_lookup() -> "UserLookup | None":
    """None on a developer's machine, which has no users to look up."""
    if settings().auth_emulator:
        return None
    from google.auth.transport.requests import AuthorizedSession

    from shared.gcp.user_lookup import UserLookup

    return UserLookup(settings().project, AuthorizedSession(_google_credentials()))


def worker_callers() -> Callers:
    return _callers(settings().worker_audience, settings().tasks_invoker)


def sweep_callers() -> Callers:
    return _callers(settings().sweep_audience, settings().scheduler_invoker)


def budget_callers() -> Callers:
    return _callers(settings().budget_alert_audience, settings().pubsub_invoker)


@cache
def _callers(audience: str, invoker_email: str) -> Callers:
    from shared.gcp.oidc import OidcCheck

    known = settings()
    return OidcCheck(
        audience=audience,
        invoker_email=invoker_email,
        signature_removed=known.in_cloud,
        certs_url=known.oidc_certs_url,
    )


@once
def database() -> "Database":
    """One for the process: a client is a channel, and threads may share it."""
    from google.cloud import firestore

    from shared.gcp.firestore_calls import Database

    return Database(firestore.Client(project=settings().project))


@once
def jobs() -> Jobs:
    from shared.gcp.firestore_jobs import FirestoreJobs

    return FirestoreJobs(database(), settings().limits)


@once
def job_queries() -> JobQueries:
    from shared.gcp.firestore_job_queries import FirestoreJobQueries

    return FirestoreJobQueries(database())


@once
def idempotency() -> IdempotencyStore:
    from shared.gcp.firestore_idempotency import FirestoreIdempotency

    return FirestoreIdempotency(database())


@once
def quotas() -> Quotas:
    from shared.gcp.firestore_quotas import FirestoreQuotas

    return FirestoreQuotas(database(), settings().limits)


@once
def queue() -> Queue:
    from shared.gcp import task_queue

    known = settings()
    return task_queue.CloudTasksQueue(
        client=task_queue.client(known.tasks_emulator),
        project=known.project,
        location=known.tasks_location,
        starts_queue=known.starts_queue,
        steps_queue=known.steps_queue,
        worker_url=known.worker_url,
        audience=known.worker_audience,
        invoker_email=known.tasks_invoker,
        dispatch_deadline=DISPATCH_DEADLINE,
    )


@once
def bucket() -> "CloudBucket":
    from google.cloud import storage

    from shared.gcp.bucket import CloudBucket

    known = settings()
    client = storage.Client(project=known.project)
    return CloudBucket(client=client, bucket_name=known.bucket, signer=_signer())


def _signer() -> Any:
    """In the cloud signBlob, without a key; on one's own machine the stack's key."""
    import google.auth
    from google.oauth2 import service_account

    from shared.gcp.function_signer import FunctionSigner

    if path := settings().signing_credentials_file:
        return service_account.Credentials.from_service_account_file(path)
    credentials, _ = google.auth.default(scopes=[CLOUD_PLATFORM])
    return FunctionSigner(credentials)


@once
def create_video() -> "CreateVideo":
    from shared.usecases.create_video import CreateVideo

    known = settings()
    return CreateVideo(
        jobs=jobs(),
        idempotency=idempotency(),
        quotas=quotas(),
        scheduler=_scheduler(),
        clock=SystemClock(),
        ids=RandomIds(),
        pause=pause,
        kill_switch=kill_switch(),
        limits=known.limits,
        chain=known.chain,
        models=known.models,
        stop_on_unknown=known.stop_on_unknown,
        retention_days=known.retention_days,
    )


@once
def get_video() -> "GetVideo":
    from shared.usecases.read_videos import GetVideo

    return GetVideo(jobs=jobs(), bucket=bucket(), clock=SystemClock(), ids=RandomIds())


@once
def cancel_video() -> "CancelVideo":
    from shared.usecases.cancel_video import CancelVideo

    return CancelVideo(jobs=jobs(), committer=_committer(), scheduler=_scheduler())


@once
def list_videos() -> "ListVideos":
    from shared.usecases.read_videos import ListVideos

    return ListVideos(
        jobs=jobs(),
        queries=job_queries(),
        bucket=bucket(),
        clock=SystemClock(),
        ids=RandomIds(),
    )


@once
def delete_video() -> "DeleteVideo":
    from shared.usecases.delete_video import DeleteVideo

    return DeleteVideo(jobs=jobs(), queries=job_queries(), bucket=bucket(), pause=pause)


@once
def keep_upload() -> "KeepUpload":
    from shared.usecases.keep_upload import KeepUpload

    return KeepUpload(bucket=bucket(), ids=RandomIds())


@once
def show_usage() -> "ShowUsage":
    from shared.gcp.firestore_usage import FirestoreUsage
    from shared.usecases.show_usage import ShowUsage

    store = FirestoreUsage(database())
    known = settings()
    return ShowUsage(
        store=store, clock=SystemClock(), limits=known.limits, chain=known.chain
    )


@once
def estimate() -> "Estimate":
    from shared.usecases.estimate import Estimate

    known = settings()
    return Estimate(
        chain=known.chain,
        models=known.models,
        limits=known.limits,
        availability=_availability(),
    )


@once
def list_models() -> "ListModels":
    from shared.usecases.models import ListModels

    known = settings()
    return ListModels(
        chain=known.chain, models=known.models, availability=_availability()
    )


@once
def _availability() -> "Availability":
    from shared.gcp.firestore_provider_reports import FirestoreProviderReports
    from shared.guards.availability import Availability

    return Availability(
        kill_switch=kill_switch(),
        breaker=breaker(),
        reports=FirestoreProviderReports(database()),
        clock=SystemClock(),
        tight_max_usd_per_second=settings().tight_max_usd_per_second,
    )


@once
def start_upload() -> "StartUpload":
    from shared.usecases.start_upload import StartUpload

    return StartUpload(
        quotas=quotas(),
        bucket=bucket(),
        clock=SystemClock(),
        ids=RandomIds(),
        pause=pause,
    )


@once
def sweep() -> "Sweep":
    from shared.gcp.firestore_ledger_audit import LIMITS, LedgerAuditReader
    from shared.worker.ledger_audit import Balance
    from shared.worker.sweep import Sweep

    clock, zone = SystemClock(), settings().limits.zone
    reader = LedgerAuditReader(database().within(LIMITS))
    balance = Balance(read=reader.read, clock=clock, zone=zone)
    return Sweep(
        jobs=jobs(),
        queries=job_queries(),
        queue=queue(),
        clock=clock,
        audit_ledger=balance,
    )


@once
def advance() -> "Advance":
    from shared.gcp.firestore_provider_reports import FirestoreProviderReports
    from shared.gcp.web_download import PublicWeb
    from shared.guards.availability import ReportMissingProviders
    from shared.media.decoder import ChildImageCheck, ChildVideoCheck
    from shared.worker.advance import Advance
    from shared.worker.prepare import Preparation
    from shared.worker.store import Storing
    from shared.worker.submit import Starting

    clock, known = SystemClock(), providers()
    ReportMissingProviders(reports=FirestoreProviderReports(database()))(
        frozenset(p for p in settings().chain if not known.is_configured(p))
    )
    return Advance(
        jobs=jobs(),
        providers=known,
        bucket=bucket(),
        clock=clock,
        committer=_committer(),
        scheduler=_scheduler(),
        preparation=Preparation(
            bucket=bucket(),
            web=PublicWeb(total_seconds=IMAGE_SECONDS),
            check=ChildImageCheck(),
        ),
        starting=Starting(
            providers=known,
            bucket=bucket(),
            clock=clock,
            ids=RandomIds(),
            committer=_committer(),
            availability=_availability(),
            breaker=breaker(),
        ),
        storing=Storing(
            bucket=bucket(),
            web=PublicWeb(total_seconds=VIDEO_SECONDS),
            check=ChildVideoCheck(),
            clock=clock,
        ),
    )


@once
def providers() -> "ConfiguredProviders":
    from shared.providers.registry import Access, ConfiguredProviders

    known = settings()
    return ConfiguredProviders(
        {
            provider_id: Access(
                project=known.project,
                veo_location=known.veo_location,
                credentials=_google_credentials,
                has_local_bucket=known.storage_emulator is not None,
                vertex_base_url=known.vertex_base_url,
                base_url=known.base_urls[provider_id],
                api_key=known.api_keys[provider_id],
            )
            for provider_id in ProviderId
        }
    )


@once
def kill_switch() -> "KillSwitch":
    from shared.gcp.firestore_switch import FirestoreSwitch
    from shared.guards.kill_switch import KillSwitch

    return KillSwitch(store=FirestoreSwitch(database()), pause=pause)


@once
def breaker() -> "Breaker":
    """One for the process: it counts faults and remembers what is closed."""
    from shared.gcp.firestore_circuits import LIMITS, FirestoreCircuits
    from shared.guards.circuit_breaker import Breaker

    circuits = FirestoreCircuits(database().within(LIMITS))
    return Breaker(circuits=circuits, clock=SystemClock(), pause=pause)


def _committer() -> "JobCommitter":
    from shared.jobs.commit import JobCommitter

    return JobCommitter(jobs=jobs(), clock=SystemClock(), ids=RandomIds(), pause=pause)


def _scheduler() -> "TaskScheduler":
    from shared.jobs.schedule import TaskScheduler

    return TaskScheduler(queue=queue())


def _google_credentials() -> Any:
    """The function's own identity, or one's own on one's machine; None: nobody's."""
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        credentials, _ = google.auth.default(scopes=[CLOUD_PLATFORM])
    except DefaultCredentialsError:
        return None
    return credentials

"""Composition root: the only file that names concrete adapters.

Builders run once per process, at first use. Adapters, and with them Google's clients
and the providers' SDKs, are imported inside: a cold start pays only for what its
function needs, and no client exists before gunicorn forks.
"""

import os
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache, wraps
from itertools import count
from random import randrange
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog

from shared import logs, tracing
from shared.domain.catalogue import CATALOGUE, ProviderId
from shared.domain.errors import NotConfigured
from shared.domain.ledger import SHARDS
from shared.guards.availability import Availability, ReportMissingProviders
from shared.guards.circuit_breaker import Breaker
from shared.guards.kill_switch import KillSwitch
from shared.guards.price_watch import PriceWatch
from shared.guards.translator_breaker import TranslatorBreaker
from shared.jobs.commit import JobCommitter
from shared.jobs.schedule import TaskScheduler
from shared.ports.identity import Callers, Tokens
from shared.ports.providers import ProviderReports, Providers, Translator
from shared.ports.storage import Bucket, Receivers
from shared.ports.store import IdempotencyStore, JobQueries, Jobs, Queue, Quotas
from shared.rates import RateLimit
from shared.settings import Settings
from shared.system import RandomIds, SystemClock, pause
from shared.traced_providers import TracedProviders
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.create_video import CreateVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.models import Estimate, ListModels
from shared.usecases.read_videos import GetVideo, ListVideos
from shared.usecases.show_usage import ShowUsage
from shared.usecases.translate_prompt import TranslatePrompt
from shared.usecases.uploads import KeepUpload, StartUpload
from shared.worker.advance import Advance
from shared.worker.follow import Following
from shared.worker.ledger_audit import Balance
from shared.worker.poll_planner import PollPlanner
from shared.worker.prepare import Preparation
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import Storing
from shared.worker.submit import Starting
from shared.worker.sweep import Sweep
from shared.worker.translate import Translating
from shared.worker.webhook import SendWebhook
from shared.worker.webhook_sweep import WebhookSweep

if TYPE_CHECKING:
    from shared.gcp.firestore_calls import Database
    from shared.providers.registry import ConfiguredProviders

log = structlog.get_logger()

T = TypeVar("T")

# POST limit (60 s) < lease (90 s) < dispatch deadline = the worker's own timeout.
DISPATCH_DEADLINE = timedelta(minutes=5)
# Time to answer, so that no step goes on after its task is delivered again.
STEP_SECONDS = 270.0
IMAGE_SECONDS = 10.0
VIDEO_SECONDS = 200.0
# Less than `SENDING_LIMIT`, and short: it holds one of few threads.
WEBHOOK_SECONDS = 10.0
CLOCK, IDS = SystemClock(), RandomIds()

_building = threading.RLock()


def once(build: Callable[[], T]) -> Callable[[], T]:
    """`build`, run once per process however many threads ask first.

    None is not kept: what was not found at the start may be found a moment later.
    """
    kept: T | None = None

    @wraps(build)
    def locked() -> T:
        nonlocal kept
        with _building:
            if kept is None:
                kept = build()
            return kept

    return locked


class _Lazy:
    def __init__(self, build: Callable[[], object]) -> None:
        self._build = build

    def __getattr__(self, name: str) -> Any:
        return getattr(self._build(), name)


def lazy(build: Callable[[], T]) -> T:
    """What `build`, which runs `once`, makes: not before something of it is used."""
    part: Any = _Lazy(build)
    return cast(T, part)


@once
def settings() -> Settings:
    logs.configure()
    known = Settings.from_env(os.environ)
    if known.trace_sample_ratio > 0:
        from shared.gcp.cloud_trace import CloudTracer

        tracing.use(
            CloudTracer(
                project=known.project,
                ratio=known.trace_sample_ratio,
                credentials=credentials(),
                emulator=known.trace_emulator,
            )
        )
    return known


def require_settings() -> None:
    """NotConfigured, and a line in the log that says why, where the settings are wrong.

    Nothing is kept: this runs before gunicorn forks.
    """
    try:
        Settings.from_env(os.environ)
    except NotConfigured as wrong:
        logs.configure()
        log.critical("settings_refused", reason=str(wrong))
        raise


@once
def credentials() -> Any:
    """This process's own identity, or None: found once, since finding it takes time."""
    from shared.gcp.credentials import default_credentials

    return default_credentials()


@once
def tokens() -> Tokens:
    from google.auth.transport.requests import AuthorizedSession

    from shared.gcp import firebase_tokens as firebase
    from shared.gcp.bearer_tokens import BearerTokens
    from shared.gcp.firestore_keys import FirestoreKeys
    from shared.gcp.user_lookup import UserLookup

    project, keys, lookup = settings().project, FirestoreKeys(database()), None
    if emulator := settings().auth_emulator:
        decode = firebase.decode_signed(project, f"http://{emulator}/certs")
    else:
        decode = firebase.decode_signed(project)
        lookup = UserLookup(project, AuthorizedSession(credentials()))
    rate = RateLimit(settings().user_requests_per_second)
    users = firebase.FirebaseTokens(project, decode, lookup, rate)
    return BearerTokens(firebase=users, keys=keys, lookup=lookup, rate=rate)


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
    """One per process: a client is a channel, and threads may share it."""
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
        webhooks_queue=known.webhooks_queue,
        worker_url=known.worker_url,
        audience=known.worker_audience,
        invoker_email=known.tasks_invoker,
        dispatch_deadline=DISPATCH_DEADLINE,
        task_headers=tracing.task_headers,
    )


@once
def bucket() -> Bucket:
    from google.cloud import storage

    from shared.gcp.bucket import CloudBucket
    from shared.gcp.credentials import url_signer

    known = settings()
    client = storage.Client(project=known.project)
    signer = url_signer(known.signing_credentials_file)
    return CloudBucket(client=client, bucket_name=known.bucket, signer=signer)


@once
def create_video() -> CreateVideo:
    known = settings()
    return CreateVideo(
        jobs=jobs(),
        idempotency=idempotency(),
        quotas=quotas(),
        scheduler=_scheduler(),
        clock=CLOCK,
        ids=IDS,
        pause=pause,
        kill_switch=kill_switch(),
        price_watch=price_watch(),
        limits=known.limits,
        chain=known.chain,
        models=known.models,
        stop_on_unknown=known.stop_on_unknown,
        retention_days=known.retention_days,
        signs_webhooks=known.webhook_signing_secret is not None,
        turns=count(randrange(SHARDS)),  # noqa: S311 - no secret
    )


@once
def get_video() -> GetVideo:
    return GetVideo(jobs=jobs(), bucket=bucket(), clock=CLOCK, ids=IDS)


@once
def cancel_video() -> CancelVideo:
    return CancelVideo(jobs=jobs(), committer=_committer(), scheduler=_scheduler())


@once
def list_videos() -> ListVideos:
    return ListVideos(
        jobs=jobs(), queries=job_queries(), bucket=bucket(), clock=CLOCK, ids=IDS
    )


@once
def delete_video() -> DeleteVideo:
    return DeleteVideo(jobs=jobs(), queries=job_queries(), bucket=bucket(), pause=pause)


@once
def keep_upload() -> KeepUpload:
    return KeepUpload(bucket=bucket(), ids=IDS)


@once
def show_usage() -> ShowUsage:
    from shared.gcp.firestore_reports import FirestoreUsage

    known = settings()
    store = FirestoreUsage(database(), known.limits.shards)
    return ShowUsage(store=store, clock=CLOCK, limits=known.limits, chain=known.chain)


@once
def estimate() -> Estimate:
    known = settings()
    return Estimate(
        chain=known.chain,
        models=known.models,
        limits=known.limits,
        availability=_availability(),
        price_watch=price_watch(),
        translation_model=known.translation_model,
        signs_webhooks=known.webhook_signing_secret is not None,
    )


@once
def list_models() -> ListModels:
    known = settings()
    return ListModels(
        chain=known.chain,
        models=known.models,
        availability=_availability(),
        task_times=poll_planner().times,
    )


@once
def _availability() -> Availability:
    return Availability(
        kill_switch=kill_switch(),
        breaker=breaker(),
        reports=_provider_reports(),
        clock=CLOCK,
        chain=settings().chain,
        tight_max_usd_per_second=settings().tight_max_usd_per_second,
    )


@once
def _provider_reports() -> ProviderReports:
    from shared.gcp.firestore_provider_reports import FirestoreProviderReports

    return FirestoreProviderReports(database())


@once
def start_upload() -> StartUpload:
    return StartUpload(
        quotas=quotas(), bucket=bucket(), clock=CLOCK, ids=IDS, pause=pause
    )


@once
def translate_prompt() -> TranslatePrompt:
    known = settings()
    models = (CATALOGUE[known.models[provider_id]] for provider_id in known.chain)
    return TranslatePrompt(
        translator=translator(),
        breaker=translator_breaker(),
        kill_switch=kill_switch(),
        quotas=quotas(),
        clock=CLOCK,
        ids=IDS,
        pause=pause,
        limits_of_prompts={model.longest_prompt for model in models},
    )


@once
def sweep() -> Sweep:
    from shared.gcp.firestore_reports import AUDIT_LIMITS, LedgerAuditReader

    limits = settings().limits
    reader = LedgerAuditReader(database().within(AUDIT_LIMITS), limits.shards)
    zone = limits.zone
    return Sweep(
        jobs=jobs(),
        queries=job_queries(),
        queue=queue(),
        clock=CLOCK,
        wake_webhooks=WebhookSweep(queries=job_queries(), queue=queue()),
        audit_ledger=Balance(read=reader.read, clock=CLOCK, zone=zone),
    )


@once
def advance() -> Advance:
    """What most tasks need: a poll. Each other step is built when one is taken."""
    known = providers()
    ReportMissingProviders(reports=_provider_reports())(
        frozenset(p for p in settings().chain if not known.is_configured(p))
    )
    return Advance(
        jobs=jobs(),
        providers=_asked_providers(),
        bucket=lazy(bucket),
        clock=CLOCK,
        committer=_committer(),
        scheduler=_scheduler(),
        recent=RecentJobs(),
        span=tracing.span,
        preparation=lazy(_preparation),
        starting=lazy(_starting),
        translating=lazy(_translating),
        following=Following(
            providers=_asked_providers(),
            bucket=lazy(bucket),
            committer=_committer(),
            clock=CLOCK,
            price_watch=price_watch(),
            poll_planner=poll_planner(),
        ),
        storing=lazy(_storing),
    )


def _asked_providers() -> Providers:
    return TracedProviders(providers()) if tracing.is_on() else providers()


@once
def _preparation() -> Preparation:
    from shared.gcp.web_download import PublicWeb
    from shared.media.decoder import ChildImageCheck

    web = PublicWeb(total_seconds=IMAGE_SECONDS)
    return Preparation(bucket=bucket(), web=web, check=ChildImageCheck())


@once
def _starting() -> Starting:
    """Nothing of it is lazy: what can't be built must fail before money is spent."""
    return Starting(
        providers=_asked_providers(),
        bucket=bucket(),
        clock=CLOCK,
        ids=IDS,
        committer=_committer(),
        availability=_availability(),
        limits=settings().limits,
        breaker=breaker(),
        price_watch=price_watch(),
        poll_planner=poll_planner(),
    )


@once
def _translating() -> Translating:
    return Translating(
        translator=translator(),
        breaker=translator_breaker(),
        availability=_availability(),
        committer=_committer(),
        starting=_starting(),
    )


@once
def _storing() -> Storing:
    from shared.gcp.web_download import PublicWeb
    from shared.media.decoder import ChildVideoCheck

    web = PublicWeb(total_seconds=VIDEO_SECONDS)
    return Storing(bucket=bucket(), web=web, check=ChildVideoCheck(), clock=CLOCK)


@once
def receivers() -> Receivers:
    from shared.gcp.web_download import PublicWeb

    receiver = settings().webhook_receiver
    return PublicWeb(total_seconds=WEBHOOK_SECONDS, forward_to=receiver)


@once
def send_webhook() -> SendWebhook:
    from shared.gcp.firestore_keys import FirestoreKeys

    return SendWebhook(
        jobs=jobs(),
        keys=FirestoreKeys(database()),
        bucket=bucket(),
        receivers=receivers(),
        clock=CLOCK,
        ids=IDS,
        committer=_committer(),
        scheduler=_scheduler(),
        signing_secret=settings().webhook_signing_secret,
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
                credentials=credentials,
                has_local_bucket=known.storage_emulator is not None,
                vertex_base_url=known.vertex_base_url,
                base_url=known.base_urls[provider_id],
                api_key=known.api_keys[provider_id],
            )
            for provider_id in ProviderId
        }
    )


@once
def translator() -> Translator | None:
    """None where none is configured: no model, or no identity to call it under."""
    known, identity = settings(), credentials()
    model = known.translation_model
    if model is None or identity is None:
        return None

    @once
    def build() -> Translator:
        from shared.providers.gemini_translator import GeminiTranslator

        return GeminiTranslator(
            model=model,
            project=known.project,
            credentials=identity,
            base_url=known.vertex_base_url,
        )

    return lazy(build)


@once
def translator_breaker() -> TranslatorBreaker:
    return TranslatorBreaker(clock=CLOCK)


@once
def kill_switch() -> KillSwitch:
    from shared.gcp.firestore_switch import FirestoreSwitch

    return KillSwitch(store=FirestoreSwitch(database()), pause=pause)


@once
def breaker() -> Breaker:
    """One per process: it counts faults and remembers which circuits are closed."""
    from shared.gcp.firestore_circuits import LIMITS, FirestoreCircuits

    circuits = FirestoreCircuits(database().within(LIMITS))
    return Breaker(circuits=circuits, clock=CLOCK, pause=pause)


@once
def price_watch() -> PriceWatch:
    from shared.gcp.firestore_prices import LIMITS, FirestorePrices

    store = FirestorePrices(database().within(LIMITS))
    return PriceWatch(store=store, clock=CLOCK, pause=pause)


@once
def poll_planner() -> PollPlanner:
    from shared.gcp.firestore_task_times import LIMITS, FirestoreTaskTimes

    store = FirestoreTaskTimes(database().within(LIMITS))
    return PollPlanner(store=store, clock=CLOCK)


def _committer() -> JobCommitter:
    return JobCommitter(jobs=jobs(), clock=CLOCK, ids=IDS, pause=pause)


def _scheduler() -> TaskScheduler:
    return TaskScheduler(queue=queue())

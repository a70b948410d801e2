"""Builds what Cloud Tasks and Cloud Scheduler call: job steps, webhooks, the sweep, the
check of a deploy.
"""

from collections.abc import Callable

from shared.guards.availability import report_missing
from shared.guards.receiver_breaker import ReceiverBreaker
from shared.wiring import adapters, guards, process
from shared.wiring.adapters import CLOCK, IDS
from shared.wiring.once import lazy, once
from shared.worker.advance import Advance
from shared.worker.follow import FollowStep
from shared.worker.ledger_audit import LedgerAudit
from shared.worker.prepare import PrepareStep
from shared.worker.recent_jobs import RecentJobs
from shared.worker.store import StoreStep
from shared.worker.submit import SubmitStep
from shared.worker.sweep import Sweep
from shared.worker.translate import TranslateStep
from shared.worker.webhook import SendWebhook

# Below the dispatch deadline, so that no step still runs when its task is redelivered.
STEP_SECONDS = 270.0
IMAGE_SECONDS = 10.0
VIDEO_SECONDS = 200.0


@once
def advance() -> Advance:
    """Builds what a poll needs, since most tasks poll; the rest is built lazily."""
    providers = adapters.providers()
    chain = process.settings().chain
    missing = frozenset(p for p in chain if not providers.is_configured(p))
    report_missing(adapters.provider_reports(), missing)
    return Advance(
        jobs=adapters.jobs(),
        providers=providers,
        bucket=lazy(adapters.bucket),
        clock=CLOCK,
        committer=adapters.committer(),
        scheduler=adapters.scheduler(),
        recent=RecentJobs(),
        prepare_step=lazy(_prepare_step),
        submit_step=lazy(_submit_step),
        translate_step=lazy(_translate_step),
        follow_step=FollowStep(
            providers=providers,
            bucket=lazy(adapters.bucket),
            committer=adapters.committer(),
            clock=CLOCK,
            price_watch=guards.price_watch(),
            poll_planner=guards.poll_planner(),
        ),
        store_step=lazy(_store_step),
    )


@once
def _prepare_step() -> PrepareStep:
    from shared.gcp.web_download import PublicWeb
    from shared.media.decoder import ChildImageCheck

    web = PublicWeb(total_seconds=IMAGE_SECONDS)
    return PrepareStep(bucket=adapters.bucket(), web=web, check=ChildImageCheck())


@once
def _translate_step() -> TranslateStep:
    return TranslateStep(
        providers=adapters.providers(),
        translator=adapters.translator(),
        breaker=guards.translator_breaker(),
        availability=guards.availability(),
        committer=adapters.committer(),
        submit_step=_submit_step(),
    )


@once
def _submit_step() -> SubmitStep:
    """Nothing in it is lazy: what can't be built must fail before money is spent."""
    return SubmitStep(
        providers=adapters.providers(),
        bucket=adapters.bucket(),
        clock=CLOCK,
        ids=IDS,
        committer=adapters.committer(),
        availability=guards.availability(),
        limits=process.settings().limits,
        breaker=guards.circuit_breaker(),
        price_watch=guards.price_watch(),
        poll_planner=guards.poll_planner(),
        scheduler=adapters.scheduler(),
    )


@once
def _store_step() -> StoreStep:
    from shared.gcp.web_download import PublicWeb
    from shared.media.decoder import ChildVideoCheck

    web = PublicWeb(total_seconds=VIDEO_SECONDS)
    return StoreStep(
        bucket=adapters.bucket(), web=web, check=ChildVideoCheck(), clock=CLOCK
    )


@once
def send_webhook() -> SendWebhook:
    from shared.gcp.firestore_keys import FirestoreKeys

    return SendWebhook(
        jobs=adapters.jobs(),
        keys=FirestoreKeys(process.database()),
        bucket=adapters.bucket(),
        receivers=adapters.receivers(),
        breaker=ReceiverBreaker(clock=CLOCK),
        clock=CLOCK,
        ids=IDS,
        committer=adapters.committer(),
        scheduler=adapters.scheduler(),
        signing_secret=process.settings().webhook_signing_secret,
    )


def decoder_check() -> Callable[[], None]:
    from shared.media.self_check import check_decoder

    return check_decoder


@once
def sweep() -> Sweep:
    from shared.gcp.firestore_reports import AUDIT_LIMITS, LedgerAuditReader

    limits = process.settings().limits
    reader = LedgerAuditReader(
        process.database().with_limits(AUDIT_LIMITS), limits.shards
    )
    return Sweep(
        jobs=adapters.jobs(),
        queries=adapters.job_queries(),
        queue=adapters.queue(),
        clock=CLOCK,
        audit_ledger=LedgerAudit(read=reader.read, clock=CLOCK, zone=limits.zone),
        report_silence=guards.kill_switch().report_silence,
    )

"""Builds the use cases of the api."""

from itertools import count
from random import randrange

from shared.domain.catalogue import CATALOGUE
from shared.domain.ledger import SHARDS
from shared.system import pause
from shared.usecases.cancel_video import CancelVideo
from shared.usecases.create_video import CreateVideo
from shared.usecases.delete_video import DeleteVideo
from shared.usecases.models import Estimate, ListModels
from shared.usecases.read_videos import GetVideo, ListVideos
from shared.usecases.show_usage import ShowUsage
from shared.usecases.translate_prompt import TranslatePrompt
from shared.usecases.uploads import StartUpload, StoreInlineImage
from shared.wiring import adapters, guards, process
from shared.wiring.adapters import CLOCK, IDS
from shared.wiring.once import once


@once
def create_video() -> CreateVideo:
    settings = process.settings()
    return CreateVideo(
        jobs=adapters.jobs(),
        idempotency=adapters.idempotency(),
        quotas=adapters.quotas(),
        scheduler=adapters.scheduler(),
        clock=CLOCK,
        ids=IDS,
        pause=pause,
        kill_switch=guards.kill_switch(),
        price_watch=guards.price_watch(),
        limits=settings.limits,
        chain=settings.chain,
        models=settings.models,
        stop_on_unknown=settings.stop_on_unknown,
        retention_days=settings.retention_days,
        signs_webhooks=settings.webhook_signing_secret is not None,
        shard_numbers=count(randrange(SHARDS)),  # noqa: S311 - no secret
    )


@once
def get_video() -> GetVideo:
    return GetVideo(
        jobs=adapters.jobs(), bucket=adapters.bucket(), clock=CLOCK, ids=IDS
    )


@once
def list_videos() -> ListVideos:
    return ListVideos(
        jobs=adapters.jobs(),
        queries=adapters.job_queries(),
        bucket=adapters.bucket(),
        clock=CLOCK,
        ids=IDS,
    )


@once
def cancel_video() -> CancelVideo:
    return CancelVideo(
        jobs=adapters.jobs(),
        committer=adapters.committer(),
        scheduler=adapters.scheduler(),
    )


@once
def delete_video() -> DeleteVideo:
    return DeleteVideo(
        jobs=adapters.jobs(),
        queries=adapters.job_queries(),
        bucket=adapters.bucket(),
        pause=pause,
    )


@once
def start_upload() -> StartUpload:
    return StartUpload(
        quotas=adapters.quotas(),
        bucket=adapters.bucket(),
        clock=CLOCK,
        ids=IDS,
        pause=pause,
    )


@once
def store_inline_image() -> StoreInlineImage:
    return StoreInlineImage(bucket=adapters.bucket(), ids=IDS)


@once
def translate_prompt() -> TranslatePrompt:
    settings = process.settings()
    models = (CATALOGUE[settings.models[provider_id]] for provider_id in settings.chain)
    return TranslatePrompt(
        translator=adapters.translator(),
        breaker=guards.translator_breaker(),
        kill_switch=guards.kill_switch(),
        quotas=adapters.quotas(),
        clock=CLOCK,
        ids=IDS,
        pause=pause,
        prompt_limits={model.max_prompt_units for model in models},
    )


@once
def estimate() -> Estimate:
    settings = process.settings()
    return Estimate(
        chain=settings.chain,
        models=settings.models,
        limits=settings.limits,
        availability=guards.availability(),
        price_watch=guards.price_watch(),
        translation_model=settings.translation_model,
        signs_webhooks=settings.webhook_signing_secret is not None,
    )


@once
def list_models() -> ListModels:
    settings = process.settings()
    return ListModels(
        chain=settings.chain,
        models=settings.models,
        availability=guards.availability(),
        task_times=guards.poll_planner().times,
    )


@once
def show_usage() -> ShowUsage:
    from shared.gcp.firestore_reports import FirestoreUsage

    settings = process.settings()
    store = FirestoreUsage(process.database(), settings.limits.shards)
    return ShowUsage(
        store=store, clock=CLOCK, limits=settings.limits, chain=settings.chain
    )

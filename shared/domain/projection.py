"""The public projection of a job: the document `videos/{job_id}` for its owner."""

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec.structs import asdict

from shared.domain.catalogue import ANY_RATIO, ProviderId
from shared.domain.errors import ErrorCode
from shared.domain.framing import crop_of
from shared.domain.job import Attempt, AttemptState, Job, Language
from shared.domain.messages import describe, describe_problem, localize_message
from shared.domain.outcomes import PreparedImage
from shared.domain.pricing import first_price_usd

# The public fields of a job, by name.
Projection = Mapping[str, Any]

NO_URLS: Projection = dict.fromkeys(
    ("video_url", "video_url_expires_at", "download_url", "poster_url")
)
# Fields that the documents of older releases may lack.
ADDED_FIELDS: Projection = {
    **NO_URLS,
    "translate": None,
    "prompt_sent": None,
    "last_image_url": None,
    "last_image": None,
    "input_crop": None,
    "last_input_crop": None,
    "ai_generated": True,
    "generated_by": None,
    "metadata": {},
    "webhook": None,
}


class Status(StrEnum):
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Stage(StrEnum):
    QUEUED = "queued"
    WAITING_FOR_PROVIDER = "waiting_for_provider"
    GENERATING = "generating"
    STORING = "storing"
    DONE = "done"


def project(job: Job, language: Language | None = None) -> dict[str, Any]:
    """The public fields; times are aware datetimes, money decimal strings in USD."""
    language = language or job.language
    request, delivered = job.request, job.delivered
    return {
        "job_id": job.job_id,
        "user_id": job.user_id,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "expires_at": job.expires_at,
        "status": status(job).value,
        "stage": _stage(job).value,
        "progress": job.progress,
        "ai_model": ai_model(job),
        "video_url": job.video_url,
        "video_url_expires_at": job.video_url_expires_at,
        "download_url": job.download_url,
        "poster_url": job.poster_url,
        "ai_generated": True,
        "generated_by": _generated_by(job),
        "prompt": request.prompt,
        "translate": request.translate.value,
        "prompt_sent": job.prompt_to_send if job.has_tried_provider else None,
        "image_url": request.image_url,
        "image": request.image,
        "last_image_url": request.last_image_url,
        "last_image": request.last_image,
        "input_crop": _crop(job.image),
        "last_input_crop": _crop(job.last_image),
        "duration": request.duration_seconds,
        "resolution": request.resolution.value,
        "aspect_ratio": request.aspect_ratio or ANY_RATIO,
        "audio": request.audio,
        "model": request.model,
        "fallback": request.fallback,
        "seed": request.seed,
        "metadata": dict(request.metadata or {}),
        "delivered": delivered
        and {
            "duration": delivered.duration_seconds,
            "width": delivered.width,
            "height": delivered.height,
            "aspect_ratio": delivered.aspect_ratio or request.aspect_ratio,
            "audio": delivered.has_audio,
            "size": delivered.size_bytes,
            "crc32c": delivered.crc32c,
        },
        "attempts": [_attempt(a, language) for a in job.attempts],
        "estimated_cost_usd": str(first_price_usd(job.chain)),
        "cost_usd": str(job.cost_usd),
        "error": job.problem
        and {
            "code": job.problem.code.value,
            "message": describe_problem(job.problem, language),
        },
        # Without its address, which may hold a secret.
        "webhook": job.webhook
        and {"status": job.webhook.status.value, "attempts": job.webhook.attempts},
    }


def localized(shown: Projection, language: Language) -> dict[str, Any]:
    """The same, with messages in `language` instead of the job's own language."""

    def translate(error: Projection | None, by: str | None = None) -> Projection | None:
        if error is None:
            return None
        try:
            code, provider_id = ErrorCode(error["code"]), by and ProviderId(by)
        except ValueError:
            return error  # a later release's, for which this one has no sentence
        return {
            "code": error["code"],
            "message": localize_message(
                error["message"], code, language, provider_id or None
            ),
        }

    attempts = [
        {**a, "error": translate(a["error"], a["ai_model"])} for a in shown["attempts"]
    ]
    return {**shown, "attempts": attempts, "error": translate(shown["error"])}


def _crop(image: PreparedImage | None) -> dict[str, int] | None:
    """The part of an upright image that was used; None if all of it was."""
    crop = crop_of(*image.source_size) if image else None
    if image is None or crop is None:
        return None
    image_width, image_height = image.source_size
    size = {"image_width": image_width, "image_height": image_height}
    return asdict(crop) | size


def abandoned(code: ErrorCode, now: datetime) -> dict[str, Any]:
    """The fields that change when a job is ended without being parsed."""
    return {
        "status": Status.FAILED.value,
        "stage": Stage.DONE.value,
        "updated_at": now,
        "error": {"code": code.value, "message": describe(code, Language.ENGLISH)},
    }


def status(job: Job) -> Status:
    if job.delivered is not None:
        return Status.COMPLETED
    return Status.FAILED if job.problem is not None else Status.PROCESSING


def _stage(job: Job) -> Stage:
    if job.is_final:
        return Stage.DONE
    attempt = job.open_attempt
    state = attempt and attempt.state
    if attempt and state is AttemptState.RUNNING and attempt.queued_at_vendor:
        return Stage.WAITING_FOR_PROVIDER
    if state is AttemptState.STORING:
        return Stage.STORING
    # Nor between attempts does a job that a vendor has worked on go back to queued.
    return Stage.GENERATING if job.progress >= 10 else Stage.QUEUED


def ai_model(job: Job) -> str | None:
    """The provider working on it or that made it, or else the last one tried."""
    for attempt in reversed(job.attempts):
        if attempt.is_open or attempt.state is AttemptState.SUCCEEDED:
            return attempt.provider_id.value
    tried = [a for a in job.attempts if a.state is not AttemptState.SKIPPED]
    return tried[-1].provider_id.value if tried else None


def _generated_by(job: Job) -> dict[str, str] | None:
    for attempt in job.attempts:
        if attempt.state is AttemptState.SUCCEEDED:
            return {"vendor": attempt.vendor.value, "model": attempt.model_id}
    return None


def _attempt(attempt: Attempt, language: Language) -> dict[str, Any]:
    outcome = "running" if attempt.is_open else attempt.state.value
    problem = attempt.problem
    return {
        "ai_model": attempt.provider_id.value,
        "outcome": outcome,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "cost_usd": str(attempt.cost_usd),
        "error": problem
        and {
            "code": problem.code.value,
            "message": describe_problem(problem, language, attempt.provider_id),
        },
    }


def as_json(shown: Projection) -> str:
    """As callers get it, with times in RFC 3339."""
    return json.dumps(shown, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(type(value).__name__)


def moment(value: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")

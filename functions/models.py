"""The api's routes about prices: estimates, and the models of the chain."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from functions.http.bodies import json_response, read_object
from functions.http.route import Call, Route
from functions.http.schemas import (
    choice,
    day,
    described,
    flag,
    list_of,
    money,
    or_null,
    record,
    text,
    texts_by_name,
    whole,
)
from functions.video_schemas import (
    AI_MODEL,
    ASPECT_RATIO,
    ERROR_CODE,
    RATIO_CHOICE,
    RESOLUTION,
)
from functions.videos import VIDEO_BODY
from shared.domain.catalogue import ANY_RATIO
from shared.domain.errors import ApiError
from shared.domain.job import Language, PlannedProvider
from shared.domain.messages import describe_problem
from shared.domain.refusals import describe_refusal
from shared.domain.request import VideoRequest
from shared.usecases.models import Estimated, OfferedModel
from shared.wiring import use_cases

# The circuits of all providers, their vendors and models: eleven database reads.
TOKENS = 2

MESSAGE = or_null(text("The same reason, for people.", "Runway is not configured."))

ESTIMATE = record(
    "Estimate",
    "What a video would cost.",
    estimated_cost_usd=money(
        "The price of the first provider that would be asked now, or would be but for "
        "`refused`; 0 if each of `links` would be skipped, so that a job would fail.",
        "0.25",
    ),
    max_cost_usd=money(
        "The most that the job could cost, if providers charge for failures.", "2.90"
    ),
    refused=or_null(
        described(
            record(
                "EstimateRefusal",
                "Why no video would be made, whatever it costs.",
                code=described(
                    choice("RefusalCode", ("generation_paused", "exceeds_limit")),
                    "The code with which `POST /v1/videos` would answer.",
                    "exceeds_limit",
                ),
                message=text("What to do, for people.", "Ask for a shorter video."),
            ),
            "Why `POST /v1/videos` would refuse this; null if it wouldn't.",
        )
    ),
    links=list_of(
        record(
            "EstimatedProvider",
            "What one provider would make, and its price.",
            ai_model=described(AI_MODEL, "The provider."),
            duration=whole("The length it would make, in seconds.", 6),
            resolution=described(RESOLUTION, "The resolution it would make."),
            aspect_ratio=described(
                RATIO_CHOICE,
                "The aspect ratio it would make. `auto`: the nearest to the image's "
                "own, which isn't fetched for an estimate; the price is the same.",
            ),
            cost_usd=money("The price; 0 if it can't make the video.", "2.40"),
            skipped=or_null(
                described(ERROR_CODE, "Why it would be skipped.", "not_configured")
            ),
            message=MESSAGE,
        ),
        "The providers, in the order in which they would be asked.",
    ),
)
MODEL_LIMITS = record(
    "ModelLimits",
    "The limits of a model's input.",
    prompt=whole("The longest prompt, in UTF-16 code units.", 1000),
)
MODEL = record(
    "Model",
    "A provider's model: what it makes and what it costs.",
    ai_model=described(AI_MODEL, "The provider."),
    model=text("The vendor's name for the model.", "gen4_turbo"),
    durations=list_of(whole("Seconds.", 5), "The lengths it makes, in seconds."),
    resolutions=list_of(RESOLUTION, "The resolutions it makes."),
    aspect_ratios=list_of(ASPECT_RATIO, "The aspect ratios it makes from an image."),
    text_aspect_ratios=list_of(
        ASPECT_RATIO,
        "The aspect ratios it makes from the prompt alone; if empty, it needs an "
        "image.",
    ),
    last_image=flag("Whether it takes a last frame.", example=False),
    audio=flag("Whether it can make sound.", example=False),
    limits=described(MODEL_LIMITS, "The limits of its input."),
    usd_per_second=texts_by_name(
        "The price of a second of video, by resolution.", {"720p": "0.05"}
    ),
    usual_seconds={
        "type": "object",
        "description": "How long a video usually takes, in seconds, by its `duration`; "
        "only for durations of which at least eight videos were made.",
        "additionalProperties": {"type": "integer"},
        "examples": [{"5": 38, "8": 52}],
    },
    retires_on=or_null(day("When its vendor retires it.", "2027-06-30")),
    available=flag("Whether it is available now.", example=False),
    unavailable=or_null(
        described(ERROR_CODE, "Why it is not available.", "not_configured")
    ),
    message=MESSAGE,
)
MODELS = record(
    "Models",
    "The chain.",
    models=list_of(MODEL, "The models, in the order in which they are asked."),
)


def _estimate(call: Call) -> Response:
    request = VideoRequest.parse(read_object(call.request))
    estimated = use_cases.estimate()(call.caller, request)
    providers = [
        _provider(planned, estimated, request, call.language)
        for planned in estimated.providers
    ]
    return json_response(
        {
            "estimated_cost_usd": str(estimated.estimated_cost_usd),
            "max_cost_usd": str(estimated.max_cost_usd),
            "refused": _refused(estimated.refused, call.language),
            "links": providers,
        }
    )


def _refused(refused: ApiError | None, language: Language) -> Mapping[str, str] | None:
    if refused is None:
        return None
    return {"code": refused.code, "message": describe_refusal(refused, language)}


def _provider(
    planned: PlannedProvider,
    estimated: Estimated,
    request: VideoRequest,
    language: Language,
) -> Mapping[str, Any]:
    problem = estimated.skip_reasons.get(planned.provider_id)
    ratios = planned.aspect_ratios
    return {
        "ai_model": planned.provider_id.value,
        "duration": planned.duration_seconds,
        "resolution": request.resolution.value,
        "aspect_ratio": ratios[0] if len(ratios) == 1 else ANY_RATIO,
        "cost_usd": str(planned.price_usd),
        "skipped": problem and problem.code,
        "message": problem and describe_problem(problem, language, planned.provider_id),
    }


def _list_models(call: Call) -> Response:
    models = [_model(offered, call.language) for offered in use_cases.list_models()()]
    return json_response({"models": models})


def _model(offered: OfferedModel, language: Language) -> Mapping[str, Any]:
    model, skip_reason = offered.model, offered.skip_reason
    prices = {r.value: str(usd) for r, usd in model.usd_per_second.items()}
    return {
        "ai_model": offered.provider_id.value,
        "model": model.model_id,
        "durations": list(model.durations_seconds),
        "resolutions": list(prices),
        "aspect_ratios": list(model.aspect_ratios),
        "text_aspect_ratios": list(model.text_aspect_ratios),
        "last_image": model.takes_last_image,
        "audio": model.has_audio,
        "limits": {"prompt": model.max_prompt_units},
        "usd_per_second": prices,
        "usual_seconds": {str(d): s for d, s in offered.usual_seconds.items()},
        "retires_on": model.retires_on and model.retires_on.isoformat(),
        "available": skip_reason is None,
        "unavailable": skip_reason and skip_reason.code,
        "message": skip_reason
        and describe_problem(skip_reason, language, offered.provider_id),
    }


MODEL_ROUTES = (
    Route(
        method="POST",
        path="/v1/estimates",
        handler=_estimate,
        tokens=lambda _request: TOKENS,
        summary="Estimate the cost",
        description="Takes the body of `POST /v1/videos`. Nothing is created or "
        "reserved.",
        tag="prices",
        body=VIDEO_BODY,
        responses={200: ESTIMATE},
        problems=(501,),
    ),
    Route(
        method="GET",
        path="/v1/models",
        handler=_list_models,
        tokens=lambda _request: TOKENS,
        summary="List the models",
        description="The chain in the order in which providers are asked, with "
        "prices and availability.",
        tag="prices",
        responses={200: MODELS},
    ),
)

"""The api's calls that tell prices before: estimates, and the models of the chain."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from functions.http.bodies import (
    answer,
    read_object,
)
from functions.http.route import Call, Operation, Route
from functions.http.schemas import (
    FLAG,
    MONEY,
    TEXT,
    WHOLE,
    list_of,
    nested,
    one_of,
    or_null,
    record,
)
from functions.videos import ONE_IMAGE, VIDEO_NOTES
from shared import wiring
from shared.domain.catalogue import AspectRatio, ProviderId, Resolution
from shared.domain.errors import ErrorCode
from shared.domain.job import Language, PlannedProvider
from shared.domain.messages import describe
from shared.domain.request import VIDEO_FIELDS, VideoRequest
from shared.usecases.estimate import Estimated
from shared.usecases.models import OfferedModel

REASON = or_null(one_of(ErrorCode))
MESSAGE = or_null(TEXT)

ESTIMATE = record(
    "Estimate",
    max_cost_usd=MONEY,
    links=list_of(
        nested(
            ai_model=one_of(ProviderId),
            duration=WHOLE,
            resolution=one_of(Resolution),
            cost_usd=MONEY,
            skipped=REASON,
            message=MESSAGE,
        )
    ),
)
MODELS = record(
    "Models",
    models=list_of(
        nested(
            ai_model=one_of(ProviderId),
            model=TEXT,
            durations=list_of(WHOLE),
            resolutions=list_of(one_of(Resolution)),
            aspect_ratios=list_of(one_of(AspectRatio)),
            audio=FLAG,
            usd_per_second={"type": "object", "additionalProperties": MONEY},
            retires_on=or_null({"type": "string", "format": "date"}),
            available=FLAG,
            unavailable=REASON,
            message=MESSAGE,
        )
    ),
)


def _estimate(call: Call) -> Response:
    asked = VideoRequest.parse(read_object(call.request))
    estimated = wiring.estimate()(asked)
    providers = [
        _provider(planned, estimated, asked, call.language)
        for planned in estimated.providers
    ]
    return answer({"max_cost_usd": str(estimated.max_cost_usd), "links": providers})


def _provider(
    planned: PlannedProvider,
    estimated: Estimated,
    asked: VideoRequest,
    language: Language,
) -> Mapping[str, Any]:
    bar = estimated.bars.get(planned.provider_id)
    return {
        "ai_model": planned.provider_id.value,
        "duration": planned.duration_seconds,
        "resolution": asked.resolution.value,
        "cost_usd": str(planned.price_usd),
        "skipped": bar,
        "message": bar and describe(bar, language, planned.provider_id),
    }


def _list_models(call: Call) -> Response:
    models = [_model(offered, call.language) for offered in wiring.list_models()()]
    return answer({"models": models})


def _model(offered: OfferedModel, language: Language) -> Mapping[str, Any]:
    model, barred = offered.model, offered.barred
    prices = {r.value: str(usd) for r, usd in model.usd_per_second.items()}
    return {
        "ai_model": offered.provider_id.value,
        "model": model.model_id,
        "durations": list(model.durations_seconds),
        "resolutions": list(prices),
        "aspect_ratios": [ratio.value for ratio in model.aspect_ratios],
        "audio": model.has_audio,
        "usd_per_second": prices,
        "retires_on": model.retires_on and model.retires_on.isoformat(),
        "available": barred is None,
        "unavailable": barred,
        "message": barred and describe(barred, language, offered.provider_id),
    }


MODEL_ROUTES = (
    Route(
        method="POST",
        path="/v1/estimates",
        handler=_estimate,
        operation=Operation(
            summary="What a video would cost at most; nothing is created",
            summary_ko="영상의 최대 비용을 미리 확인합니다. 아무것도 생성되지 않습니다",
            tag="prices",
            body=VIDEO_FIELDS,
            body_rule=ONE_IMAGE,
            notes=VIDEO_NOTES,
            answers={200: ESTIMATE},
            problems=(413, 415, 422),
        ),
    ),
    Route(
        method="GET",
        path="/v1/models",
        handler=_list_models,
        operation=Operation(
            summary="The models in the order in which they are asked, with prices",
            summary_ko="요청 순서대로 나열한 모델과 가격",
            tag="prices",
            answers={200: MODELS},
        ),
    ),
)

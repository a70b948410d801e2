"""Knows Veo on the Agent Platform: long-running predictions, videos into a bucket."""

import base64
import json
import re
import secrets
import threading
import uuid
from dataclasses import dataclass
from decimal import Decimal

from local.simulators import google_words as words
from local.simulators.fault_kinds import RENDERED, Kind, Place, ProviderId
from local.simulators.faults import Fault, FaultPlan
from local.simulators.images import ImageError
from local.simulators.messages import Reply, Request, Route, json_reply
from local.simulators.object_store import ObjectStore
from local.simulators.studio import Generation, Order, Studio
from local.simulators.submissions import (
    Submission,
    SubmissionLog,
    now,
    telling_headers,
)
from local.simulators.veo_orders import (
    USD_PER_SECOND,
    Prediction,
    RefusedOrderError,
    parse_prediction,
)
from local.simulators.wire_faults import spoiled_object

VENDOR = "vertex"
_PATH = re.compile(
    r"/(?:v1|v1beta1)/(projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+))"
    r":(predictLongRunning|fetchPredictOperation)"
)
_RESPONSE_TYPE = (
    "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
)
_ERRORS = {
    Kind.ERROR_REFUSED: (3, words.REFUSED),
    Kind.ERROR_PROVISIONING: (9, words.PROVISIONING),
    Kind.ERROR_INTERNAL: (13, words.INTERNAL),
}


@dataclass(slots=True, kw_only=True)
class _Operation:
    name: str
    generation: Generation
    videos: list[dict[str, object]]


class Veo:
    """Video operations; they can't be cancelled, as at Google."""

    def __init__(
        self,
        studio: Studio,
        store: ObjectStore,
        retired: frozenset[str],
        plan: FaultPlan,
        log: SubmissionLog,
    ) -> None:
        self._studio = studio
        self._store = store
        self._retired = retired
        self._plan = plan
        self._log = log
        self._operations: dict[str, _Operation] = {}
        self._lock = threading.Lock()

    def route(self, request: Request) -> Route | None:
        matched = _PATH.fullmatch(request.path)
        if matched is None or request.method != "POST":
            return None
        starts = matched[3] == "predictLongRunning"
        return Route(
            name=request.path,
            provider=ProviderId.VEO,
            place=Place.START if starts else Place.POLL,
            answer=self._start if starts else self._poll,
        )

    def _start(self, request: Request, fault: Fault | None) -> Reply:
        if not _has_token(request):
            return words.error_reply(Kind.UNAUTHENTICATED)
        matched = _PATH.fullmatch(request.path)
        assert matched is not None
        parent, model = matched[1], matched[2]
        if model not in USD_PER_SECOND or model in self._retired:
            return words.error_reply(Kind.NOT_FOUND, _no_model(parent))
        try:
            prediction = parse_prediction(request.body, model, self._store)
        except (RefusedOrderError, ImageError) as error:
            return words.error_reply(Kind.BAD_REQUEST, str(error))
        name = f"{parent}/operations/{uuid.uuid4()}"
        self._begin(name, model, prediction, request, fault)
        return json_reply(200, {"name": name}, accepted=name)

    def _begin(
        self,
        name: str,
        model: str,
        prediction: Prediction,
        request: Request,
        fault: Fault | None,
    ) -> None:
        fate = self._plan.take(ProviderId.VEO, Place.TASK)
        self._log.record(
            Submission(
                vendor=VENDOR,
                provider=ProviderId.VEO,
                task_id=name,
                model=model,
                duration_seconds=round(prediction.shape.duration_seconds),
                cost_usd=prediction.cost_usd,
                credits=None,
                prompt=prediction.prompt,
                headers=telling_headers(request.headers),
                fault=fault.kind if fault else fate.kind if fate else None,
                at=now(),
            )
        )
        videos: list[dict[str, object]] = []
        order = Order(
            image=prediction.image,
            shape=prediction.shape,
            fate=fate.kind if fate else None,
            deliver=lambda video: videos.extend(self._delivered(prediction, video)),
            ended=lambda has_video: self._log.settle(
                name, prediction.cost_usd if has_video else Decimal(0)
            ),
        )
        with self._lock:
            self._operations[name] = _Operation(
                name=name, generation=self._studio.begin(order), videos=videos
            )

    def _delivered(
        self, prediction: Prediction, video: bytes
    ) -> list[dict[str, object]]:
        """Puts each sample where it was asked for, and says where that is."""
        number = secrets.randbelow(10**19) + 10**18
        content = self._spoiled(prediction, video)
        return [
            self._placed(
                prediction.storage_uri, f"{number}/sample_{index}.mp4", content
            )
            for index in range(prediction.samples)
        ]

    def _placed(
        self, folder: str | None, name: str, content: bytes | None
    ) -> dict[str, object]:
        if folder is None:
            inline = base64.b64encode(content or b"").decode()
            return {"bytesBase64Encoded": inline, "mimeType": "video/mp4"}
        uri = f"{folder.rstrip('/')}/{name}"
        if content is not None:
            self._store.write(uri, content, "video/mp4")
        return {"gcsUri": uri, "mimeType": "video/mp4"}

    def _spoiled(self, prediction: Prediction, video: bytes) -> bytes | None:
        fault = self._plan.take(ProviderId.VEO, Place.FETCH)
        if fault is None:
            return video
        if fault.kind in RENDERED:
            shape = prediction.shape.instead(fault.kind)
            video = self._studio.render(prediction.image, shape)
        return spoiled_object(video, fault.kind)

    def _poll(self, request: Request, _: Fault | None) -> Reply:
        if not _has_token(request):
            return words.error_reply(Kind.UNAUTHENTICATED)
        try:
            name = json.loads(request.body)["operationName"]
            operation = self._operations[name]
        except (json.JSONDecodeError, KeyError, TypeError):
            return words.error_reply(Kind.NOT_FOUND)
        if operation.generation.is_deleted():
            return words.error_reply(Kind.NOT_FOUND)
        return json_reply(200, {"name": operation.name} | _end(operation))


def _end(operation: _Operation) -> dict[str, object]:
    """Nothing while it runs; Google tells no progress."""
    generation, fate = operation.generation, operation.generation.order.fate
    if not generation.is_final:
        return {}
    if generation.problem is not None:
        fate = Kind.ERROR_INTERNAL
    if fate in _ERRORS:
        code, message = _ERRORS[fate]
        return {"done": True, "error": {"code": code, "message": message}}
    return {"done": True, "response": _response(fate, operation.videos)}


def _response(fate: Kind | None, videos: list[dict[str, object]]) -> dict[str, object]:
    if fate is Kind.EMPTY:
        return {}
    if fate is Kind.FILTERED:
        reasons = [words.FILTERED]
        return {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
    response: dict[str, object] = {"raiMediaFilteredCount": 0, "videos": videos}
    in_bucket = any("gcsUri" in video for video in videos)
    return response | ({"@type": _RESPONSE_TYPE} if in_bucket else {})


def _has_token(request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme == "Bearer" and bool(token.strip())


def _no_model(parent: str) -> str:
    return (
        f"Publisher Model `{parent}` was not found or your project does not have "
        "access to it. Please ensure you are using a valid model version. For more "
        "information, see: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
    )

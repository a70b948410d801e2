"""Veo on the Agent Platform: long-running operations that write into a bucket."""

import base64
import io
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from google.api_core.exceptions import NotFound
from google.cloud import storage
from werkzeug import Request, Response

from local.bucket_client import storage_of
from local.fault_kinds import Kind, Place, ProviderId
from local.faults import Fault
from local.http_server import as_json
from local.simulators import google_errors as errors
from local.simulators.google_errors import RefusedOrderError, error_reply
from local.simulators.images import ImageError, check_image, from_base64, stand_in
from local.simulators.render import Shape
from local.simulators.server import View
from local.simulators.vendor_backend import Generation, VendorBackend, VideoOrder

_USD_PER_SECOND: Mapping[str, Mapping[str, str]] = {
    "veo-3.1-generate-001": {"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
    "veo-3.1-fast-generate-001": {"720p": "0.10", "1080p": "0.12", "4k": "0.30"},
    "veo-3.1-lite-generate-001": {"720p": "0.05", "1080p": "0.08"},
}
_SHORT_SIDE = {"720p": 720, "1080p": 1080, "4k": 2160}
_MAX_SEED = 2**32 - 1
_LOCATION_PATH = r"projects/[^/]+/locations/[^/]+"
MODEL_PATH = rf"/(?:v1|v1beta1)/({_LOCATION_PATH}/publishers/google/models/([^/:]+))"
_RESPONSE_TYPE = (
    "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"
)
NO_MODEL = (
    "Publisher Model `{}` was not found or your project does not have access to it. "
    "Please ensure you are using a valid model version. For more information, see: "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
)
_ERRORS = {
    Kind.ERROR_REFUSED: (3, errors.REFUSED),
    Kind.ERROR_PROVISIONING: (9, errors.PROVISIONING),
    Kind.ERROR_INTERNAL: (13, errors.INTERNAL),
}


class ObjectStore(Protocol):
    """Objects by their gs:// URI."""

    def read(self, uri: str) -> bytes:
        """Raises LookupError if there is no such object."""
        ...

    def write(self, uri: str, content: bytes) -> None: ...


class CloudStore:
    """The bucket at `address`, through the real client library."""

    def __init__(self, address: str) -> None:
        self._client = storage_of(address)

    def read(self, uri: str) -> bytes:
        try:
            content: bytes = self._blob(uri).download_as_bytes()
        except NotFound as error:
            raise LookupError(uri) from error
        return content

    def write(self, uri: str, content: bytes) -> None:
        blob = self._blob(uri)
        # Without a size, this is a resumable upload.
        blob.upload_from_file(io.BytesIO(content), content_type="video/mp4")

    def _blob(self, uri: str) -> storage.Blob:
        return storage.Blob.from_uri(uri, client=self._client)


class AgentPlatform:
    """Authentication and errors of the Agent Platform."""

    def provider(self, _: Request) -> ProviderId:
        return ProviderId.VEO

    def refusal(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        has_token = scheme == "Bearer" and token.strip()
        return None if has_token else error_reply(Kind.UNAUTHENTICATED)

    def error(self, kind: Kind) -> Response:
        return error_reply(kind)


class Veo(AgentPlatform):
    """Video operations, which can't be cancelled, as at Google."""

    def __init__(self, backend: VendorBackend, store: ObjectStore) -> None:
        self._backend, self._store = backend, store
        self._videos: dict[str, dict[str, str]] = {}

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]:
        return (
            ("POST", f"{MODEL_PATH}:predictLongRunning", Place.START, self._start),
            ("POST", f"{MODEL_PATH}:fetchPredictOperation", Place.POLL, self._poll),
        )

    def _start(
        self, request: Request, path: str, model: str, _: Fault | None
    ) -> Response:
        if model not in _USD_PER_SECOND:
            return error_reply(Kind.NOT_FOUND, NO_MODEL.format(path))
        name = f"{path}/operations/{uuid.uuid4()}"
        try:
            order = self._order(name, model, request.get_data())
        except (RefusedOrderError, ImageError) as error:
            return error_reply(Kind.BAD_REQUEST, str(error))
        self._backend.accept(order)
        return as_json({"name": name})

    def _poll(self, request: Request, *_: object) -> Response:
        try:
            name = json.loads(request.get_data())["operationName"]
        except (ValueError, KeyError, TypeError):
            return error_reply(Kind.NOT_FOUND)
        found = self._backend.poll(name)
        if found is None:
            return error_reply(Kind.NOT_FOUND)
        return as_json({"name": name} | self._end(found))

    def _order(self, name: str, model: str, content: bytes) -> VideoOrder:
        """Raises RefusedOrderError or ImageError."""
        try:
            body = json.loads(content)
            [instance] = body["instances"]
            parameters = body.get("parameters", {})
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedOrderError("Exactly one instance is required.") from error
        prices = _USD_PER_SECOND[model]
        resolution = _one_of(parameters, "resolution", "720p", tuple(prices))
        seconds = _one_of(parameters, "durationSeconds", 8, (4, 6, 8))
        aspect = _one_of(parameters, "aspectRatio", "16:9", ("16:9", "9:16"))
        _one_of(parameters, "sampleCount", 1, (1,))  # of up to four at Google
        _one_of(parameters, "resizeMode", "PAD", ("PAD", "CROP"))
        seed = parameters.get("seed", 0)
        if type(seed) is not int or not 0 <= seed <= _MAX_SEED:
            raise RefusedOrderError(f"seed {seed!r} is not from 0 to {_MAX_SEED}.")
        if not isinstance(prompt := instance.get("prompt", ""), str):
            raise RefusedOrderError("The prompt is not a string.")
        has_audio = bool(parameters.get("generateAudio", True))
        folder = parameters.get("storageUri")
        order = VideoOrder(
            provider=ProviderId.VEO,
            task_id=name,
            model=model,
            prompt=prompt,
            image=self._image(instance["image"]) if "image" in instance else stand_in(),
            last_image=self._last_image(instance, model),
            shape=shape_of(aspect, _SHORT_SIDE[resolution], seconds, audio=has_audio),
            cost_usd=Decimal(prices[resolution]) * seconds,
            deliver=lambda video: self._deliver(order, folder, video),
        )
        return order

    def _last_image(self, instance: dict[str, Any], model: str) -> bytes | None:
        if "lastFrame" not in instance:
            return None
        if "image" not in instance or "lite" in model:
            raise RefusedOrderError("lastFrame needs an image, and not every model.")
        return self._image(instance["lastFrame"])

    def _image(self, image: Any) -> bytes:
        match image:
            case {"bytesBase64Encoded": str() as text, "mimeType": str()}:
                return from_base64(text)
            case {"gcsUri": str() as uri, "mimeType": str()}:
                content = self._read(uri)
                check_image(content)
                return content
            case _:
                raise RefusedOrderError(
                    "An image with gcsUri or bytes and a mimeType is needed."
                )

    def _read(self, uri: str) -> bytes:
        try:
            return self._store.read(uri)
        except (LookupError, ValueError) as error:
            raise RefusedOrderError(f"Failed to read {uri}: not found.") from error

    def _deliver(self, order: VideoOrder, folder: str | None, video: bytes) -> None:
        """Write the video into `folder`; without one, return it in the operation."""
        content = self._backend.in_place(order, video)
        if folder is None:
            inline = base64.b64encode(content or b"").decode()
            place = {"bytesBase64Encoded": inline}
        else:
            number = secrets.randbelow(10**19) + 10**18
            uri = f"{folder.rstrip('/')}/{number}/sample_0.mp4"
            place = {"gcsUri": uri}
            if content is not None:
                self._store.write(uri, content)
        self._videos[order.task_id] = place | {"mimeType": "video/mp4"}

    def _end(self, operation: Generation) -> dict[str, object]:
        """Empty while it runs, since Google reports no progress."""
        if not operation.is_final:
            return {}
        fate = Kind.ERROR_INTERNAL if operation.problem else operation.fate
        if fate in _ERRORS:
            code, message = _ERRORS[fate]
            return {"done": True, "error": {"code": code, "message": message}}
        return {"done": True, "response": self._response(operation)}

    def _response(self, operation: Generation) -> dict[str, object]:
        if operation.fate is Kind.FILTERED:
            reasons = [errors.FILTERED]
            return {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
        if not operation.shows_video():
            return {}
        video = self._videos[operation.order.task_id]
        response: dict[str, object] = {"raiMediaFilteredCount": 0, "videos": [video]}
        return response | ({"@type": _RESPONSE_TYPE} if "gcsUri" in video else {})


def shape_of(aspect: str, short_side: int, seconds: int, *, audio: bool) -> Shape:
    """16:9 or 9:16, with that short side in pixels."""
    long_side = short_side * 16 // 9
    upright = aspect == "9:16"
    return Shape(
        width=short_side if upright else long_side,
        height=long_side if upright else short_side,
        duration_seconds=seconds,
        audio=audio,
    )


def _one_of(parameters: dict[str, Any], name: str, default: Any, allowed: Any) -> Any:
    value = parameters.get(name, default)
    if value not in allowed:
        raise RefusedOrderError(f"{name} {value!r} is not among {list(allowed)}.")
    return value

"""Veo 3.1 on Google Cloud's Agent Platform: writes its MP4 into our own bucket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from google import genai
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TimeoutError, TransportError
from google.genai import errors, types

from shared.domain.errors import BadContent, ErrorCode, Problem, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Missed,
    NotSent,
    Poll,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.ports import BucketFile, InlineFile, Order, TaskRef
from shared.providers import google_answers
from shared.providers.google_client import CAUGHT, FAULTS, http_options
from shared.providers.paid_post import (
    FREE_READ_SECONDS,
    READ_SECONDS,
    Departure,
    unanswered,
)
from shared.providers.vendor_words import clean, describe

_API_VERSION = "v1beta1"
_JPEG = "image/jpeg"
_NOTHING = Decimal(0)
_FAILED_PRECONDITION = 9

# google.rpc.Code of an operation that ended in an error.
_CODES: Mapping[int, ErrorCode] = {
    3: ErrorCode.INPUT_NOT_ACCEPTED,
    7: ErrorCode.ACCESS_DENIED,
    8: ErrorCode.RATE_LIMITED,
    13: ErrorCode.PROVIDER_ERROR,
    14: ErrorCode.PROVIDER_UNAVAILABLE,
    16: ErrorCode.ACCESS_DENIED,
}
# Refused before anything was made; any other error may have come while making it.
_COST_NOTHING = frozenset({3, 7, 8, 16})


class Veo:
    """The port `Provider` by google-genai.

    `inline`: the picture goes, and the video comes, inside the messages; for a bucket
    that Google cannot reach.
    """

    def __init__(
        self,
        *,
        project: str,
        location: str,
        credentials: Credentials | None = None,
        base_url: str | None = None,
        inline: bool = False,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """Without `credentials`, the machine's own (ADC) are looked up at each call."""
        self._project = project
        self._location = location
        self._credentials = credentials
        self._base_url = base_url or _base_url(location)
        self._inline = inline
        self._read_seconds = read_seconds

    def start(self, order: Order) -> Submission:
        departure = Departure()
        try:
            with self._client(self._read_seconds, departure) as client:
                operation = client.models.generate_videos(
                    model=order.model_id,
                    source=self._source(order),
                    config=self._config(order),
                )
        except errors.APIError as error:
            return google_answers.refused(
                error.code, error.details, _headers(error), order.prompt
            )
        except CAUGHT as error:
            if isinstance(error, GoogleAuthError) and not departure.begun:
                return _without_token(error)
            return unanswered(error, FAULTS, departure, order.prompt)
        return _accepted(operation)

    def poll(self, task: TaskRef) -> Poll:
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            return Missed(detail=describe(error))
        return _read(operation)

    def fetch(self, task: TaskRef) -> BucketFile | InlineFile:
        if task.gs_uri:
            return BucketFile(gs_uri=task.gs_uri)
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            raise Unreachable(describe(error)) from error
        return _result(operation)

    def cancel(self, task: TaskRef) -> bool:
        """There is no way to cancel; so nothing is left to ask for."""
        return True

    def _operation(self, task: TaskRef) -> types.GenerateVideosOperation:
        with self._client(FREE_READ_SECONDS) as client:
            named = types.GenerateVideosOperation.model_validate({"name": task.task_id})
            return client.operations.get(named)

    @contextmanager
    def _client(
        self, read_seconds: float, departure: Departure | None = None
    ) -> Iterator[genai.Client]:
        with http_options(
            base_url=self._base_url,
            api_version=_API_VERSION,
            read_seconds=read_seconds,
            departure=departure,
        ) as options:
            yield genai.Client(
                vertexai=True,
                project=self._project,
                location=self._location,
                credentials=self._credentials,
                http_options=options,
            )

    def _source(self, order: Order) -> types.GenerateVideosSource:
        image = (
            types.Image(image_bytes=order.jpeg, mime_type=_JPEG)
            if self._inline
            else types.Image(gcs_uri=order.picture_uri, mime_type=_JPEG)
        )
        return types.GenerateVideosSource(prompt=order.prompt, image=image)

    def _config(self, order: Order) -> types.GenerateVideosConfig:
        return types.GenerateVideosConfig(
            number_of_videos=1,
            output_gcs_uri=None if self._inline else order.output_uri,
            duration_seconds=order.duration_seconds,
            aspect_ratio=order.aspect_ratio.value,
            resolution=order.resolution.value,
            generate_audio=order.audio is not False,
            seed=order.seed,
        )


def _base_url(location: str) -> str:
    """Google's host for a location; said outright, or the SDK asks the environment."""
    match location:
        case "global":
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":
            return f"https://aiplatform.{location}.rep.googleapis.com"
        case _:
            return f"https://{location}-aiplatform.googleapis.com"


def _headers(error: errors.APIError) -> Mapping[str, str]:
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    return headers


def _without_token(error: GoogleAuthError) -> NotSent:
    """The token is fetched before the POST: a passing fault, or a wrong account."""
    network = isinstance(error, TransportError | TimeoutError)
    passing = network or getattr(error, "retryable", False)
    code = ErrorCode.PROVIDER_UNAVAILABLE if passing else ErrorCode.ACCESS_DENIED
    return NotSent(problem=Problem(code=code, detail=describe(error)))


def _accepted(operation: types.GenerateVideosOperation) -> Accepted | Unknown:
    if operation.name:
        return Accepted(task_id=operation.name)
    return Unknown(detail="200 without the name of an operation")


def _read(operation: types.GenerateVideosOperation) -> Poll:
    """`done` says only that it ended: a filtered one is done, and has no error."""
    if operation.error:
        return _failed(operation.error)
    if not operation.done:
        return Working()
    video = _video(operation)
    if video:
        return Succeeded(gs_uri=video.uri or None)
    return _without_video(operation.response)


def _failed(error: Mapping[str, object]) -> Failed:
    number, words = error.get("code"), clean(str(error.get("message") or ""))
    detail = clean(f"code {number}: {words}")
    if number == _FAILED_PRECONDITION and google_answers.is_provisioning(words):
        return Failed(
            problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE, detail=detail),
            cost_usd=_NOTHING,
            ask_again=True,
        )
    refusal = google_answers.refused_call(words)
    code = refusal or _code(number, words)
    # Nothing says that a refusal for safety is free: it is booked.
    is_free = not refusal and number in _COST_NOTHING
    return Failed(
        problem=Problem(code=code, detail=detail),
        cost_usd=_NOTHING if is_free else None,
    )


def _code(number: object, words: str) -> ErrorCode:
    if google_answers.names_lost_model(words):
        return ErrorCode.MODEL_UNAVAILABLE
    known = _CODES.get(number) if isinstance(number, int) else None
    return known or ErrorCode.PROVIDER_ERROR


def _without_video(response: types.GenerateVideosResponse | None) -> Failed:
    reasons = response.rai_media_filtered_reasons if response else None
    count = response.rai_media_filtered_count if response else None
    if reasons or count:
        words = clean("; ".join(reasons or ["filtered without a reason"]))
        code = google_answers.refused_input(words) or ErrorCode.OUTPUT_FILTERED
        return Failed(problem=Problem(code=code, detail=words))
    # Not `bad_output`: nothing came that could be called bad.
    nothing = Problem(code=ErrorCode.PROVIDER_ERROR, detail="done without a video")
    return Failed(problem=nothing)


def _video(operation: types.GenerateVideosOperation) -> types.Video | None:
    made = operation.response.generated_videos if operation.response else None
    videos = (each.video for each in made or [])
    return next((v for v in videos if v and (v.uri or v.video_bytes)), None)


def _result(operation: types.GenerateVideosOperation) -> BucketFile | InlineFile:
    video = _video(operation)
    if video and video.uri:
        return BucketFile(gs_uri=video.uri)
    if video and video.video_bytes:
        return InlineFile(content=video.video_bytes)
    if operation.done:
        raise BadContent("the operation ended without a video")
    raise Unreachable("the operation has no result yet")

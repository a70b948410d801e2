"""Veo 3.1 on Google Cloud's Agent Platform: writes its MP4 into our own bucket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from google import genai
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.exceptions import TimeoutError as AuthTimeoutError
from google.genai import errors, types

from shared.domain.errors import ErrorCode, Problem, Unreachable
from shared.domain.outcomes import (
    NotSent,
    Poll,
    PollFailed,
    Submission,
)
from shared.ports.providers import (
    BucketFile,
    GenerationRequest,
    InlineFile,
    TaskRef,
)
from shared.providers import google_answers, veo_answers
from shared.providers.google_client import CAUGHT, FAULTS, http_options
from shared.providers.paid_post import (
    FREE_READ_SECONDS,
    READ_SECONDS,
    SendState,
    outcome_of,
)
from shared.providers.redaction import describe

_API_VERSION = "v1beta1"
_JPEG = "image/jpeg"


class Veo:
    """The port `Provider` by google-genai.

    `inline`: the image goes, and the video comes, inside the messages; for a bucket
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
        self.base_url = base_url or _base_url(location)
        self._inline = inline
        self._read_seconds = read_seconds

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        try:
            with self._client(self._read_seconds, send_state) as client:
                operation = client.models.generate_videos(
                    model=request.model_id,
                    source=self._source(request),
                    config=self._config(request),
                )
        except errors.APIError as error:
            return google_answers.refused(
                error.code, error.details, _headers(error), request.prompt
            )
        except CAUGHT as error:
            if isinstance(error, GoogleAuthError) and not send_state.started:
                return _without_token(error)
            return outcome_of(error, FAULTS, send_state, request.prompt)
        return veo_answers.accepted(operation)

    def poll(self, task: TaskRef) -> Poll:
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            return PollFailed(detail=describe(error))
        return veo_answers.read(operation)

    def fetch(self, task: TaskRef) -> BucketFile | InlineFile:
        if task.gs_uri:
            return BucketFile(gs_uri=task.gs_uri)
        try:
            operation = self._operation(task)
        except CAUGHT as error:
            raise Unreachable(describe(error)) from error
        return veo_answers.result(operation)

    def cancel(self, task: TaskRef) -> bool:
        """There is no way to cancel; so nothing is left to ask for."""
        return True

    def _operation(self, task: TaskRef) -> types.GenerateVideosOperation:
        with self._client(FREE_READ_SECONDS) as client:
            named = types.GenerateVideosOperation.model_validate({"name": task.task_id})
            return client.operations.get(named)

    @contextmanager
    def _client(
        self, read_seconds: float, send_state: SendState | None = None
    ) -> Iterator[genai.Client]:
        with http_options(
            base_url=self.base_url,
            api_version=_API_VERSION,
            read_seconds=read_seconds,
            send_state=send_state,
        ) as options:
            yield genai.Client(
                vertexai=True,
                project=self._project,
                location=self._location,
                credentials=self._credentials,
                http_options=options,
            )

    def _source(self, request: GenerationRequest) -> types.GenerateVideosSource:
        image = (
            types.Image(image_bytes=request.jpeg, mime_type=_JPEG)
            if self._inline
            else types.Image(gcs_uri=request.image_uri, mime_type=_JPEG)
        )
        return types.GenerateVideosSource(prompt=request.prompt, image=image)

    def _config(self, request: GenerationRequest) -> types.GenerateVideosConfig:
        return types.GenerateVideosConfig(
            number_of_videos=1,
            output_gcs_uri=None if self._inline else request.output_uri,
            duration_seconds=request.duration_seconds,
            aspect_ratio=request.aspect_ratio.value,
            resolution=request.resolution.value,
            generate_audio=request.audio is not False,
            seed=request.seed,
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
    network = isinstance(error, TransportError | AuthTimeoutError)
    passing = network or getattr(error, "retryable", False)
    code = ErrorCode.PROVIDER_UNAVAILABLE if passing else ErrorCode.ACCESS_DENIED
    return NotSent(problem=Problem(code=code, detail=describe(error)))

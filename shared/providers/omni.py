"""Gemini Omni, through Interactions on the Gemini API or on the Agent Platform."""

import base64
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from google import genai
from google.auth.credentials import Credentials
from google.genai.interactions import Interaction, VideoContent

from shared.domain.errors import BadContent, TaskGone, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Gone,
    Poll,
    PollFailed,
    Submission,
    Succeeded,
    Unknown,
)
from shared.ports.providers import (
    BucketFile,
    GenerationRequest,
    InlineFile,
    TaskRef,
    WebFile,
)
from shared.providers import omni_interactions, response_limits
from shared.providers.google_client import (
    SDK_ERRORS,
    GoogleAccess,
    failure_of,
    is_gone,
    submission_of,
)
from shared.providers.paid_post import FREE_READ_SECONDS, READ_SECONDS, SendState

BASE_URL = "https://generativelanguage.googleapis.com"
# Google's own samples for Omni use it; whether v1 serves Omni is not confirmed.
_KEY_VERSION = "v1beta"
_IDENTITY_VERSION = "v1beta1"
# The only location of the Agent Platform that serves Omni.
_LOCATION = "global"
# What the Agent Platform calls a model that has another name on the Gemini API.
# https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/gemini/omni-1-1-flash
_IDENTITY_NAMES = {"gemini-omni-1.1-flash": "gemini-omni-1.1-flash-preview"}
# Interactions take an int32; the other vendors, and so our API, a uint32.
_MAX_SEED = 2**31 - 1


def omni_by_key(*, api_key: str, base_url: str | None) -> "Omni":
    """On the Gemini API, which serves the video at a URL of its own."""
    url = base_url or BASE_URL
    return Omni(
        GoogleAccess.by_key(api_key, base_url=url, api_version=_KEY_VERSION),
        api_key=api_key,
        trusted_origin=base_url,
    )


def omni_by_identity(
    *,
    project: str,
    credentials: Credentials,
    base_url: str | None,
    inline: bool = False,
) -> "Omni":
    """On the Agent Platform, which writes the video into our bucket, or if `inline`,
    into its response.
    """
    access = GoogleAccess.by_identity(
        project=project,
        location=_LOCATION,
        credentials=credentials,
        base_url=base_url,
        api_version=_IDENTITY_VERSION,
    )
    return Omni(
        access,
        model_names=_IDENTITY_NAMES,
        writes_into_bucket=not inline,
        inline=inline,
    )


class Omni:
    """The port `Provider` on google-genai.

    `api_key` is also sent with the download of a result, to the API's own origin only.
    `model_names`: what this platform calls models that it doesn't call by their ID.
    """

    def __init__(
        self,
        access: GoogleAccess,
        *,
        api_key: str = "",
        trusted_origin: str | None = None,
        model_names: Mapping[str, str] | None = None,
        writes_into_bucket: bool = False,
        inline: bool = False,
    ) -> None:
        self.access = access
        self._api_key = api_key
        self._trusted_origin = trusted_origin
        self._model_names = model_names or {}
        self.writes_into_bucket = writes_into_bucket
        self._delivery = "inline" if inline else "uri"

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        try:
            with self.access.client(
                read_seconds=READ_SECONDS,
                max_bytes=response_limits.MAX_BYTES_WITH_REQUEST,
                send_state=send_state,
            ) as client:
                interaction = self._create(client, request)
        except SDK_ERRORS as error:
            return submission_of(error, send_state, self._api_key, request.prompt)
        task_id = getattr(interaction, "id", None)
        if isinstance(task_id, str) and task_id:
            return Accepted(task_id=task_id)
        return Unknown(detail="200 without the id of an interaction")

    def poll(self, task: TaskRef) -> Poll:
        try:
            return omni_interactions.read(self._interaction(task))
        except SDK_ERRORS as error:
            detail = failure_of(error)
            return Gone(detail=detail) if is_gone(error) else PollFailed(detail=detail)

    def fetch(self, task: TaskRef) -> WebFile | BucketFile | InlineFile:
        try:
            interaction = self._interaction(task)
            poll, video = omni_interactions.read(interaction), interaction.output_video
            if isinstance(poll, Succeeded) and video:
                return self._result(video)
        except SDK_ERRORS as error:
            if is_gone(error):
                raise TaskGone("the interaction is gone") from error
            raise Unreachable(failure_of(error)) from error
        if isinstance(poll, Failed):
            raise BadContent("the interaction ended without a video")
        raise Unreachable("the interaction has no result yet")

    def cancel(self, task: TaskRef) -> bool:
        try:
            with self.access.client(read_seconds=FREE_READ_SECONDS) as client:
                client.interactions.cancel(id=task.task_id)
        except SDK_ERRORS as error:
            return is_gone(error)
        return True

    def _interaction(self, task: TaskRef) -> Interaction:
        with self.access.client(read_seconds=FREE_READ_SECONDS) as client:
            answer = client.interactions.get(id=task.task_id)
        # The SDK accepts an answer without a status, which says nothing about the task.
        if not isinstance(answer, Interaction) or not answer.status:
            raise TypeError("the response is not an interaction")
        return answer

    def _create(self, client: genai.Client, request: GenerationRequest) -> object:
        # The SDK's overloads have a TypedDict for each variant of the body.
        create: Callable[..., object] = client.interactions.create
        return create(
            model=self._model_names.get(request.model_id, request.model_id),
            input=_input(request),
            response_format=self._response_format(request),
            generation_config=_generation_config(request),
            background=True,
            store=True,
        )

    def _response_format(self, request: GenerationRequest) -> dict[str, object]:
        wanted: dict[str, object] = {
            "type": "video",
            "aspect_ratio": request.aspect_ratio.value,
            "duration": f"{request.duration_seconds}s",
            "resolution": request.resolution.value,
            "delivery": self._delivery,
        }
        if self.writes_into_bucket:
            wanted["gcs_uri"] = request.output_uri
        return wanted

    def _result(self, video: VideoContent) -> WebFile | BucketFile | InlineFile:
        if not video.uri:
            return InlineFile(content=omni_interactions.decoded(video.data))
        match urlsplit(video.uri).scheme:
            case "gs":
                return BucketFile(gs_uri=video.uri)
            case "http" | "https":
                return WebFile(
                    url=video.uri,
                    headers=self._key_for(video.uri),
                    trusted_origin=self._trusted_origin,
                )
            case _:
                raise BadContent("the result's URL is not a web address")

    def _key_for(self, url: str) -> dict[str, str]:
        """The key's header, for the API's own origin only."""
        ours, theirs = urlsplit(self.access.base_url), urlsplit(url)
        is_own = (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
        return {"x-goog-api-key": self._api_key} if is_own and self._api_key else {}


def _input(request: GenerationRequest) -> list[dict[str, object]]:
    text: dict[str, object] = {"type": "text", "text": request.prompt}
    if request.image is None:
        return [text]
    data = base64.b64encode(request.image.jpeg).decode()
    return [{"type": "image", "data": data, "mime_type": "image/jpeg"}, text]


def _generation_config(request: GenerationRequest) -> dict[str, object]:
    task = "image_to_video" if request.image else "text_to_video"
    config: dict[str, object] = {"video_config": {"task": task}}
    if request.seed is None:
        return config
    return config | {"seed": request.seed & _MAX_SEED}

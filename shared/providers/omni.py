"""Gemini Omni through the Interactions of the Gemini API: the last link.

It always makes sound: a request without audio gets it all the same.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from google import genai
from google.genai._gaos.lib import compat_errors
from google.genai.interactions import Interaction, VideoContent

from shared.domain.errors import BadContent, Unreachable
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Poll,
    PollFailed,
    Submission,
    Succeeded,
    Unknown,
)
from shared.ports.providers import (
    GenerationRequest,
    InlineFile,
    TaskRef,
    WebFile,
)
from shared.providers import google_answers, omni_answers
from shared.providers.google_client import CAUGHT, FAULTS, http_options
from shared.providers.paid_post import (
    FREE_READ_SECONDS,
    READ_SECONDS,
    SendState,
    outcome_of,
)
from shared.providers.redaction import describe

BASE_URL = "https://generativelanguage.googleapis.com"
# Google's own samples for Omni use it; whether v1 serves Omni is not confirmed.
_API_VERSION = "v1beta"


class Omni:
    """The port `Provider` by google-genai and an API key."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._api_key = api_key.strip()
        self._base_url = base_url or BASE_URL
        self._read_seconds = read_seconds

    def start(self, request: GenerationRequest) -> Submission:
        send_state = SendState()
        secrets = (self._api_key, request.prompt)
        try:
            with self._client(self._read_seconds, send_state) as client:
                return _create(client, request)
        except compat_errors.APIConnectionError as error:
            return outcome_of(error, FAULTS, send_state, *secrets)
        except compat_errors.APIError as error:
            return _refused(error, *secrets)
        except CAUGHT as error:
            return outcome_of(error, FAULTS, send_state, *secrets)

    def poll(self, task: TaskRef) -> Poll:
        try:
            interaction = self._interaction(task)
        except CAUGHT as error:
            return PollFailed(detail=describe(error, self._api_key))
        return omni_answers.read(interaction)

    def fetch(self, task: TaskRef) -> WebFile | InlineFile:
        try:
            interaction = self._interaction(task)
        except CAUGHT as error:
            raise Unreachable(describe(error, self._api_key)) from error
        poll = omni_answers.read(interaction)
        video = interaction.output_video
        if isinstance(poll, Succeeded) and video:
            return self._result(video)
        if isinstance(poll, Failed):
            raise BadContent("the interaction ended without a video")
        raise Unreachable("the interaction has no result yet")

    def cancel(self, task: TaskRef) -> bool:
        try:
            with self._client(FREE_READ_SECONDS) as client:
                client.interactions.cancel(id=task.task_id)
        except compat_errors.NotFoundError:
            return True
        except CAUGHT:
            return False
        return True

    def _interaction(self, task: TaskRef) -> Interaction:
        with self._client(FREE_READ_SECONDS) as client:
            answer = client.interactions.get(id=task.task_id)
        # The SDK lets an answer without a status pass: it is no word about the task.
        if not isinstance(answer, Interaction) or not answer.status:
            raise TypeError("the answer is not an interaction")
        return answer

    @contextmanager
    def _client(
        self, read_seconds: float, send_state: SendState | None = None
    ) -> Iterator[genai.Client]:
        with http_options(
            base_url=self._base_url,
            api_version=_API_VERSION,
            read_seconds=read_seconds,
            send_state=send_state,
        ) as options:
            # The name keeps it alive: collected, it would close under the call.
            client = genai.Client(
                vertexai=False, api_key=self._api_key, http_options=options
            )
            yield client

    def _result(self, video: VideoContent) -> WebFile | InlineFile:
        if not video.uri:
            return InlineFile(content=omni_answers.decoded(video.data))
        if urlsplit(video.uri).scheme not in ("http", "https"):
            raise BadContent("the result's address is not one of the web")
        is_overridden = self._base_url != BASE_URL
        own_host = urlsplit(self._base_url).hostname if is_overridden else None
        return WebFile(
            url=video.uri, headers=self._key_for(video.uri), trusted_host=own_host
        )

    def _key_for(self, url: str) -> dict[str, str]:
        """The key, for the API's own host alone: nobody else may learn it."""
        ours, theirs = urlsplit(self._base_url), urlsplit(url)
        if (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            return {}
        return {"x-goog-api-key": self._api_key}


def _create(client: genai.Client, request: GenerationRequest) -> Accepted | Unknown:
    # Any: the SDK's overloads spell each body out as a TypedDict of its own.
    create: Callable[..., object] = client.interactions.create
    interaction = create(
        model=request.model_id,
        input=[
            {
                "type": "image",
                "data": base64.b64encode(request.jpeg).decode(),
                "mime_type": "image/jpeg",
            },
            {"type": "text", "text": request.prompt},
        ],
        response_format={
            "type": "video",
            "aspect_ratio": request.aspect_ratio.value,
            "duration": f"{request.duration_seconds}s",
            "resolution": request.resolution.value,
            "delivery": "uri",
        },
        generation_config=_generation_config(request),
        background=True,
        store=True,
    )
    task_id = getattr(interaction, "id", None)
    if isinstance(task_id, str) and task_id:
        return Accepted(task_id=task_id)
    return Unknown(detail="200 without the id of an interaction")


def _generation_config(request: GenerationRequest) -> dict[str, object]:
    config: dict[str, object] = {"video_config": {"task": "image_to_video"}}
    return config if request.seed is None else config | {"seed": request.seed}


def _refused(error: compat_errors.APIError, *secrets: str) -> Submission:
    """By status, not by class: an error body the SDK can't parse has another class."""
    response = getattr(error, "response", None)
    headers: Mapping[str, str] = getattr(response, "headers", {})
    status = error.status_code or 0
    return google_answers.refused(status, error.body, headers, *secrets)

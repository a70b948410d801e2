"""The pinned SDKs still send the requests that were captured from them.

If an upgrade changes a request, these tests fail: then capture the exchange again and
review what is new in it.
"""

import base64
import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from typing import Any

import google.oauth2.credentials
import pytest
from google import genai
from google.genai import types
from runwayml import RunwayML, RunwayMLError

from shared.providers import google_client
from tests.providers.test_wire import WIRE
from tests.providers.vendor_server import Received, Reply, vendor

PNG = base64.b64decode("iVBORw0KGgpGQUtF")
OPERATION = (
    "projects/my-proj/locations/us-central1/publishers/google/models"
    "/veo-3.1-fast-generate-001/operations/11111111-2222"
)
TASK = "17f20503-6c24-4c16-946b-35dbbce2af2f"
ONCE = types.HttpRetryOptions(attempts=1)
VIDEO: dict[str, Any] = {
    "type": "video",
    "aspect_ratio": "16:9",
    "delivery": "uri",
    "duration": "8s",
    "resolution": "720p",
}
TURBO: dict[str, Any] = {
    "model": "gen4_turbo",
    "prompt_image": "data:image/png;base64,iVBORw0KGgo=",
    "ratio": "1280:720",
}
EVERY_OPTION = types.GenerateVideosConfig(
    aspect_ratio="16:9",
    compression_quality=types.VideoCompressionQuality.OPTIMIZED,
    duration_seconds=8,
    enhance_prompt=True,
    generate_audio=True,
    labels={"job": "j1"},
    negative_prompt="blurry",
    number_of_videos=1,
    output_gcs_uri="gs://b/out/",
    person_generation="allow_adult",
    resize_mode=types.ImageResizeMode.PAD,
    resolution="720p",
    seed=7,
)
SDK_ERRORS = (*google_client.SDK_ERRORS, RunwayMLError)


def by_identity(url: str, project: str, location: str) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project=project,
        location=location,
        credentials=google.oauth2.credentials.Credentials(token="ya29.TEST"),
        http_options=types.HttpOptions(base_url=url, retry_options=ONCE),
    )


# By the file of captured exchanges.
CLIENTS: dict[str, Callable[[str], Any]] = {
    "veo": lambda url: by_identity(url, "my-proj", "us-central1"),
    "omni_identity": lambda url: by_identity(url, "p", "global"),
    "omni": lambda url: genai.Client(
        vertexai=False,
        api_key="AIzaTEST",
        http_options=types.HttpOptions(base_url=url, retry_options=ONCE),
    ),
    "runway": lambda url: RunwayML(api_key="key_test", base_url=url, max_retries=0),
}


def veo(client: genai.Client, model: str, prompt: str, **asked: Any) -> None:
    config = asked.pop("config", None)
    source = types.GenerateVideosSource(prompt=prompt, **asked)
    client.models.generate_videos(model=model, source=source, config=config)


def turn(image: str, text: str) -> list[Any]:
    content = [
        {"type": "image", "data": image, "mime_type": "image/png"},
        {"type": "text", "text": text},
    ]
    return [{"type": "user_input", "content": content}]


# One for each captured request.
CALLS: dict[tuple[str, str], Callable[[Any], object]] = {
    ("veo", "error_400"): lambda sdk: veo(sdk, "veo-3.1-generate-001", "a"),
    ("veo", "generate_videos"): lambda sdk: veo(
        sdk,
        "veo-3.1-fast-generate-001",
        "a cat",
        image=types.Image(image_bytes=PNG, mime_type="image/png"),
        config=EVERY_OPTION,
    ),
    ("veo", "generate_videos_gcsimage_min"): lambda sdk: veo(
        sdk,
        "veo-3.1-generate-001",
        "a cat",
        image=types.Image(gcs_uri="gs://b/in.png", mime_type="image/png"),
        config=types.GenerateVideosConfig(duration_seconds=4),
    ),
    ("veo", "operation_running"): lambda sdk: sdk.operations.get(
        types.GenerateVideosOperation.model_validate({"name": OPERATION})
    ),
    ("omni", "create"): lambda sdk: sdk.interactions.create(
        model="gemini-omni-1.1-flash",
        input=turn("iVBORw0KGgpGQUtF", "a cat runs"),
        background=True,
        store=True,
        generation_config={"video_config": {"task": "image_to_video"}},
        response_format=VIDEO,
    ),
    ("omni", "error_400"): lambda sdk: sdk.interactions.create(
        model="gemini-omni-1.1-flash", input="x", background=True
    ),
    ("omni", "get_in_progress"): lambda sdk: sdk.interactions.get("v1_abc"),
    ("omni", "cancel"): lambda sdk: sdk.interactions.cancel("v1_abc"),
    ("omni_identity", "create"): lambda sdk: sdk.interactions.create(
        model="gemini-omni-1.2-flash",
        input=turn("eA==", "go"),
        background=True,
        store=True,
        labels={"job": "j1"},
        generation_config={"seed": 7, "video_config": {"task": "image_to_video"}},
        response_format=VIDEO | {"gcs_uri": "gs://b/o/"},
    ),
    ("runway", "create_gen4_turbo"): lambda sdk: sdk.image_to_video.create(
        **TURBO, prompt_text="a cat", duration=5, seed=7
    ),
    ("runway", "retry_400_0"): lambda sdk: sdk.image_to_video.create(**TURBO),
    ("runway", "task_PENDING"): lambda sdk: sdk.tasks.retrieve(TASK),
    ("runway", "task_delete"): lambda sdk: sdk.tasks.delete(TASK),
}


def exchanges(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WIRE / f"{file}.json").read_text())["exchanges"]
    return found


def request_of(exchange: dict[str, Any]) -> dict[str, object]:
    return {part: exchange.get(part) for part in ("method", "path", "headers", "body")}


def as_sent(received: Received, names: Iterable[str]) -> dict[str, object]:
    """The request with only these headers: the others contain the SDK's version."""
    headers = {name: received.headers.get(name.lower()) for name in names}
    return asdict(received) | {"headers": headers}


@pytest.mark.parametrize(
    ("file", "name"), CALLS, ids=[f"{file}-{name}" for file, name in CALLS]
)
def test_the_sdk_sends_what_was_captured(file: str, name: str) -> None:
    captured = exchanges(file)[name]

    with vendor(Reply(status=400, body={})) as server:
        client = CLIENTS[file](server.url)
        with closing(client), pytest.raises(SDK_ERRORS, match="400"):
            CALLS[file, name](client)

    (received,) = server.received
    assert as_sent(received, captured["headers"]) == request_of(captured)


def test_every_captured_request_has_a_call() -> None:
    sent = [request_of(exchanges(file)[name]) for file, name in CALLS]

    for file in ("veo", "omni", "omni_identity", "runway"):
        found = exchanges(file)
        found.pop("create_with_seed", None)  # a part of omni_identity's
        assert not [n for n, each in found.items() if request_of(each) not in sent]

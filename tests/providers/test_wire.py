"""Our requests and our reading of answers, against exchanges captured from the SDKs."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.domain.catalogue import AspectRatio
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import (
    Accepted,
    Failed,
    Poll,
    Rejected,
    Submission,
    Succeeded,
    Unknown,
    Working,
)
from shared.providers.google_client import GoogleAccess
from tests.fakes.raw_server import Received
from tests.providers.provider_cases import (
    KEY,
    LAST_IMAGE,
    OMNI,
    OMNI_IDENTITY,
    OPERATION,
    PROMPT,
    PROVIDERS,
    RUNWAY,
    RUNWAY_HTTP,
    VEO,
    ProviderCase,
    each,
    request_for,
)
from tests.providers.vendor_server import Reply, Vendor

WIRE = Path(__file__).parent / "wire"


def captured(case: ProviderCase) -> dict[str, Any]:
    name = "runway" if case.is_runway else case.name
    text = (WIRE / f"{name}.json").read_text(encoding="utf-8")
    exchanges: dict[str, Any] = json.loads(text)["exchanges"]
    return exchanges


def replay(exchange: dict[str, Any]) -> Reply:
    response = exchange["response"]
    return Reply(status=response["status"], body=response["body"])


def sent(case: ProviderCase, **fields: Any) -> Received:
    with Vendor(Reply(body=case.accepted)) as server:
        case.make(server.url).start(request_for(case, **fields))
    (received,) = server.received
    return received


def test_both_runway_providers_send_the_same_body() -> None:
    assert sent(RUNWAY).body == sent(RUNWAY_HTTP).body
    assert sent(RUNWAY, seed=None).body == sent(RUNWAY_HTTP, seed=None).body


@each()
def test_a_seed_of_0_is_sent(case: ProviderCase) -> None:
    assert '"seed": 0' in json.dumps(sent(case, seed=0).body)


@each(RUNWAY, RUNWAY_HTTP)
def test_runway_gets_the_key_and_the_version(case: ProviderCase) -> None:
    headers = sent(case).headers

    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-runway-version"] == "2024-11-06"


@each()
def test_vendors_get_json_and_are_asked_not_to_compress(case: ProviderCase) -> None:
    """A compressed answer to a paid call would be an unknown outcome."""
    headers = sent(case).headers

    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


RUNWAYS_TEXT = {
    "model": "gen4_turbo",
    "promptText": "a paper boat on a stream",
    "ratio": "1280:720",
    "duration": 8,
    "seed": 7,
}


def test_runways_body_is_exact() -> None:
    request = sent(RUNWAY_HTTP)
    image = {"promptImage": "data:image/jpeg;base64,/9j/LWltYWdl"}

    assert (request.method, request.path) == ("POST", "/v1/image_to_video")
    assert request.headers["user-agent"].startswith("reelay/")
    assert request.body == RUNWAYS_TEXT | image


@each(RUNWAY, RUNWAY_HTTP)
def test_runway_makes_videos_from_text_at_another_path(case: ProviderCase) -> None:
    request = sent(case, image=None)

    assert (request.method, request.path) == ("POST", "/v1/text_to_video")
    assert request.body == RUNWAYS_TEXT


@each(RUNWAY, RUNWAY_HTTP)
@pytest.mark.parametrize(
    ("ratio", "pixels"),
    [
        ("16:9", "1280:720"),
        ("9:16", "720:1280"),
        ("1:1", "960:960"),
        ("4:3", "1104:832"),
        ("3:4", "832:1104"),
        ("21:9", "1584:672"),
    ],
)
def test_runway_gets_a_ratio_in_pixels(
    case: ProviderCase, ratio: str, pixels: str
) -> None:
    body: Any = sent(case, aspect_ratio=AspectRatio(ratio)).body

    assert body["ratio"] == pixels


def test_veo_gets_the_first_and_the_last_frame() -> None:
    body: Any = sent(VEO, last_image=LAST_IMAGE).body

    (instance,) = body["instances"]
    assert instance == {
        "prompt": PROMPT,
        "image": {"gcsUri": "gs://b/images/1", "mimeType": "image/jpeg"},
        "lastFrame": {"gcsUri": "gs://b/images/1.last", "mimeType": "image/jpeg"},
    }


def test_veo_makes_a_video_from_text() -> None:
    body: Any = sent(VEO, image=None, seed=None).body

    assert body["instances"] == [{"prompt": PROMPT}]
    assert body["parameters"].keys().isdisjoint({"seed", "resizeMode"})


@each(OMNI, OMNI_IDENTITY)
def test_omni_makes_a_video_from_text(case: ProviderCase) -> None:
    body: Any = sent(case, image=None, seed=None).body

    content = body["input"][0].get("content", body["input"])
    assert content == [{"type": "text", "text": PROMPT}]
    assert body["generation_config"] == {"video_config": {"task": "text_to_video"}}


@pytest.mark.parametrize("seed", [2**31 - 1, 2**31 + 7, 2**32 - 1])
@each()
def test_each_vendor_gets_a_seed_that_it_takes(case: ProviderCase, seed: int) -> None:
    """Any other integer is a 400 of Interactions: "Invalid value … (TYPE_INT32)"."""
    body: Any = sent(case, seed=seed).body
    config = body.get("generation_config") or body.get("parameters") or body

    is_omni = "generation_config" in body
    assert config["seed"] == (seed % 2**31 if is_omni else seed)


def test_reading_the_answer_may_take_50_of_the_60_seconds() -> None:
    assert sent(RUNWAY).headers["x-stainless-read-timeout"] == "50.0"
    assert sent(VEO).headers["x-server-timeout"] == "50"


def test_googles_client_has_a_timeout_for_each_phase() -> None:
    with Vendor(Reply()) as server:
        access = GoogleAccess.by_key("k", base_url=server.url, api_version="v1")
        with access.client(read_seconds=50) as made:
            client = made._api_client._http_options.httpx_client
            assert isinstance(client, httpx2.Client)
            request = client.build_request("GET", server.url, timeout=99)
            client.send(request)

    expected = {"connect": 5.0, "read": 50, "write": 5.0, "pool": 5.0}
    assert request.extensions["timeout"] == expected


def test_veos_body_is_exact() -> None:
    request = sent(VEO)

    assert request.path == (
        "/v1beta1/projects/my-proj/locations/us-central1/publishers/google"
        "/models/veo-3.1-generate-001:predictLongRunning"
    )
    assert request.headers["authorization"] == "Bearer ya29.TEST"
    assert request.body == {
        "instances": [
            {
                "prompt": "a paper boat on a stream",
                "image": {"gcsUri": "gs://b/images/1", "mimeType": "image/jpeg"},
            }
        ],
        "parameters": {
            "sampleCount": 1,
            "storageUri": "gs://b/incoming/1/a/",
            "durationSeconds": 8,
            "seed": 7,
            "aspectRatio": "16:9",
            "resolution": "720p",
            "generateAudio": True,
            "resizeMode": "CROP",
        },
    }


def test_omni_without_a_key_uses_the_projects_identity() -> None:
    request = sent(OMNI_IDENTITY)
    body: Any = request.body

    assert request.path == "/v1beta1/projects/p/locations/global/interactions"
    assert request.headers["authorization"] == "Bearer ya29.TEST"
    assert body["response_format"].pop("gcs_uri") == "gs://b/incoming/1/a/"
    assert body == sent(OMNI).body


def test_omnis_body_is_exact() -> None:
    request = sent(OMNI)

    assert request.path == "/v1beta/interactions"
    assert request.headers["x-goog-api-key"] == KEY
    assert request.body == {
        "model": "gemini-omni-1.2-flash",
        "background": True,
        "store": True,
        "generation_config": {"seed": 7, "video_config": {"task": "image_to_video"}},
        "input": [
            {
                "type": "user_input",
                "content": [
                    {
                        "type": "image",
                        "data": "/9j/LWltYWdl",
                        "mime_type": "image/jpeg",
                    },
                    {"type": "text", "text": "a paper boat on a stream"},
                ],
            }
        ],
        "response_format": {
            "type": "video",
            "aspect_ratio": "16:9",
            "duration": "8s",
            "resolution": "720p",
            "delivery": "uri",
        },
    }


ANSWERED: dict[str, object] = {
    "400": ErrorCode.INPUT_NOT_ACCEPTED,
    "401": ErrorCode.ACCESS_DENIED,
    "402": ErrorCode.OUT_OF_CREDITS,
    "403": ErrorCode.ACCESS_DENIED,
    "404": ErrorCode.MODEL_UNAVAILABLE,
    "408": Unknown,
    "409": Unknown,
    "429": ErrorCode.RATE_LIMITED,
}
OPERATION_1 = (
    "projects/my-proj/locations/us-central1/publishers/google/models"
    "/veo-3.1-fast-generate-001/operations/11111111-2222"
)
STARTS: dict[str, object] = {
    "create_gen4_turbo": Accepted(
        task_id="17f20503-6c24-4c16-946b-35dbbce2af2f", max_cost_usd=Decimal("0.25")
    ),
    "retry_500_0": Unknown,
    **{f"retry_{status}_0": code for status, code in ANSWERED.items()},
    # Without the URL of Runway's documentation, as any gateway writes them.
    **{f"retry_{status}_0": Unknown for status in (404, 502, 503, 504)},
    **{f"error_{status}": code for status, code in ANSWERED.items()},
    "error_500": Unknown,
    "error_503": ErrorCode.PROVIDER_UNAVAILABLE,
    "error_504": Unknown,
    "create": Accepted,
    "generate_videos": Accepted(task_id=OPERATION_1),
    "generate_videos_gcsimage_min": Accepted(task_id=OPERATION_1),
}
POLLS: dict[str, object] = {
    "task_PENDING": Working(),
    "task_THROTTLED": Working(queued=True),
    "task_RUNNING": Working(progress=0.42),
    "task_SUCCEEDED": Succeeded(cost_usd=Decimal("0.25")),
    "task_FAILED": Failed(
        problem=Problem(
            code=ErrorCode.IMAGE_REFUSED, detail="SAFETY.INPUT.IMAGE: Blocked"
        ),
        cost_usd=Decimal(0),
    ),
    "task_CANCELLED": Failed(
        problem=Problem(code=ErrorCode.PROVIDER_ERROR, detail="cancelled at Runway"),
        cost_usd=Decimal(0),
    ),
    "operation_running": Working(),
    "operation_done_gcs": Succeeded(gs_uri="gs://b/out/123/sample_0.mp4"),
    "operation_done_bytes": Succeeded(),
    "operation_empty": ErrorCode.PROVIDER_ERROR,
    "operation_error": ErrorCode.PROMPT_REFUSED,
    "operation_filtered": ErrorCode.IMAGE_REFUSED,
    "get_in_progress": Working(),
    "get_completed_uri": Succeeded(),
    "get_completed_inline": Succeeded(),
    "get_cancelled": ErrorCode.PROVIDER_ERROR,
    "get_failed": ErrorCode.PROMPT_REFUSED,
}
CANCELS: dict[str, object] = {
    "task_delete": ("DELETE", "/v1/tasks/17f20503"),
    "cancel": ("POST", "/v1beta/interactions/v1_abc/cancel"),
}


def all_captured(names: dict[str, object]) -> list[object]:
    return [
        pytest.param(case, name, id=f"{case.name}-{name}")
        for case in PROVIDERS
        for name in captured(case)
        if name in names
    ]


def agrees(outcome: Submission | Poll, expected: object) -> bool:
    if isinstance(expected, type):
        return isinstance(outcome, expected)
    if isinstance(outcome, Rejected | Failed) and isinstance(expected, ErrorCode):
        return outcome.problem.code is expected
    return outcome == expected


@pytest.mark.parametrize(("case", "name"), all_captured(STARTS))
def test_a_captured_answer_to_a_start_is_read(case: ProviderCase, name: str) -> None:
    with Vendor(replay(captured(case)[name])) as server:
        outcome = case.make(server.url).start(request_for(case))

    assert agrees(outcome, STARTS[name]), outcome
    assert len(server.received) == 1


@pytest.mark.parametrize(("case", "name"), all_captured(POLLS))
def test_a_captured_answer_to_a_poll_is_read(case: ProviderCase, name: str) -> None:
    with Vendor(replay(captured(case)[name])) as server:
        outcome = case.make(server.url).poll(case.task())

    assert agrees(outcome, POLLS[name]), outcome
    assert len(server.received) == 1


@pytest.mark.parametrize(("case", "name"), all_captured(CANCELS))
def test_a_cancel_is_sent_and_its_captured_answer_read(
    case: ProviderCase, name: str
) -> None:
    with Vendor(replay(captured(case)[name])) as server:
        assert case.make(server.url).cancel(case.task())

    (request,) = server.received
    assert (request.method, request.path.partition("?")[0]) == CANCELS[name]


@each()
def test_no_captured_exchange_is_left_out(case: ProviderCase) -> None:
    assert captured(case).keys() <= {*STARTS, *POLLS, *CANCELS}


ASKED = [
    (RUNWAY, "task_PENDING", "/v1/tasks/17f20503"),
    (RUNWAY_HTTP, "task_PENDING", "/v1/tasks/17f20503"),
    (OMNI, "get_in_progress", "/v1beta/interactions/v1_abc?stream=false"),
    (
        VEO,
        "operation_running",
        "/v1beta1/projects/p/locations/l/publishers/google/models/m"
        ":fetchPredictOperation",
    ),
]


@pytest.mark.parametrize(
    ("case", "name", "path"), ASKED, ids=[a[0].name for a in ASKED]
)
def test_a_poll_sends_the_same_request_as_the_sdk(
    case: ProviderCase, name: str, path: str
) -> None:
    exchange = captured(case)[name]
    with Vendor(replay(exchange)) as server:
        case.make(server.url).poll(case.task())
    request = server.received[0]

    assert (request.method, request.path) == (exchange["method"], path)
    assert request.body == (exchange["body"] and {"operationName": OPERATION})

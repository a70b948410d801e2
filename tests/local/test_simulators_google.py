"""Google's simulator, as the real google-genai and google-cloud-storage see it."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from google import genai
from google.genai import errors, types
from google.genai._gaos.lib import compat_errors
from google.oauth2.credentials import Credentials

from local.emulators.cloud_storage.objects import Upload
from local.emulators.cloud_storage.signatures import Signer
from local.emulators.storage import running_storage
from local.fault_kinds import Place, ProviderId, kinds_of
from local.faults import parse_faults
from local.simulators.google import google_simulator
from local.simulators.server import SimulatorServer
from local.simulators.veo import CloudStore
from tests.local.simulated import QUICK, image, look_into, until

MODEL = "veo-3.1-generate-001"
OMNI = "gemini-omni-1.2-flash"
PARENT = f"projects/p/locations/us-central1/publishers/google/models/{MODEL}"


class Objects:
    """An object store that is a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {"gs://bucket/in.png": image()}

    def read(self, uri: str) -> bytes:
        if uri not in self.kept:
            raise LookupError(uri)
        return self.kept[uri]

    def write(self, uri: str, content: bytes) -> None:
        self.kept[uri] = content


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def google(objects: Objects) -> Iterator[SimulatorServer]:
    with google_simulator(QUICK, store=objects) as server:
        yield server


def platform(server: SimulatorServer) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=Credentials(token="t"),
        http_options=types.HttpOptions(base_url=server.address, timeout=10_000),
    )


@pytest.fixture
def veo(google: SimulatorServer) -> Iterator[genai.Client]:
    with platform(google) as client:
        yield client


def gemini(server: SimulatorServer) -> genai.Client:
    options = types.HttpOptions(
        base_url=server.address,
        api_version="v1beta",
        timeout=10_000,
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    return genai.Client(api_key="k", http_options=options)


@pytest.fixture
def omni(google: SimulatorServer) -> Iterator[genai.Client]:
    with gemini(google) as client:
        yield client


OUT = "gs://bucket/out/"
IN_BUCKET = types.Image(gcs_uri="gs://bucket/in.png", mime_type="image/png")
INLINE = types.Image(image_bytes=image(), mime_type="image/png")


def generate(
    client: genai.Client,
    image: types.Image = IN_BUCKET,
    model: str = MODEL,
    **config: Any,
) -> types.GenerateVideosOperation:
    asked: dict[str, Any] = {"duration_seconds": 4, "output_gcs_uri": OUT} | config
    return client.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt="a cat", image=image),
        config=types.GenerateVideosConfig(**asked),
    )


def done(
    client: genai.Client, operation: types.GenerateVideosOperation
) -> types.GenerateVideosOperation:
    named = types.GenerateVideosOperation(name=operation.name)  # type: ignore[call-arg]
    return until(lambda: client.operations.get(named), lambda seen: seen.done)


def uri_of(operation: types.GenerateVideosOperation) -> str:
    assert operation.response and operation.response.generated_videos
    [generated] = operation.response.generated_videos
    assert generated.video and generated.video.uri
    return generated.video.uri


def test_veo_writes_its_video_into_the_bucket(
    google: SimulatorServer, veo: genai.Client, objects: Objects
) -> None:
    operation = done(veo, generate(veo))

    uri = uri_of(operation)
    assert uri.startswith("gs://bucket/out/")
    assert uri.endswith("/sample_0.mp4")
    seen = look_into(objects.kept[uri])
    assert (seen.width, seen.height, seen.seconds) == (128, 72, 4.0)
    assert seen.audio_codec == "aac"
    [submission] = google.submissions.all()
    assert (submission.vendor, submission.provider) == ("vertex", "gemini-veo-3.1")
    assert (str(submission.charged_usd), submission.answered) == ("1.60", True)


def test_veo_reads_and_writes_through_the_real_storage_client(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = Signer(public_key=key.public_key(), email="nobody")
    with running_storage(tmp_path, signer, bucket="bucket") as cloud:
        cloud.store.put(Upload(name="in.png", content_type="image/png"), image())
        store = CloudStore(cloud.address)
        with (
            google_simulator(QUICK, store=store) as server,
            platform(server) as client,
        ):
            uri = uri_of(done(client, generate(client)))

        written, content = cloud.store.read(uri.removeprefix("gs://bucket/"))
        assert written.content_type == "video/mp4"
        assert look_into(content).seconds == 4.0


def test_without_a_bucket_veo_answers_with_the_bytes(veo: genai.Client) -> None:
    started = generate(veo, INLINE, output_gcs_uri=None, generate_audio=False)

    operation = done(veo, started)

    assert operation.response and operation.response.generated_videos
    video = operation.response.generated_videos[0].video
    assert video and video.video_bytes
    assert look_into(video.video_bytes).audio_codec is None


def test_an_upright_1080p_video_is_upright(veo: genai.Client, objects: Objects) -> None:
    started = generate(veo, aspect_ratio="9:16", resolution="1080p", duration_seconds=8)

    seen = look_into(objects.kept[uri_of(done(veo, started))])

    assert (seen.width, seen.height) == (108, 192)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_veos_answers_have_the_fields_of_the_real_ones(
    google: SimulatorServer, version: str
) -> None:
    google.faults.add(parse_faults("gemini-veo-3.1:running*1"))
    body = {
        "instances": [
            {
                "prompt": "a cat",
                "image": {"gcsUri": "gs://bucket/in.png", "mimeType": "image/png"},
            }
        ],
        "parameters": {"durationSeconds": 4, "storageUri": "gs://bucket/o"},
    }

    def post(verb: str, value: object) -> dict[str, Any]:
        address = f"{google.address}/{version}/{PARENT}:{verb}"
        headers = {"Authorization": "Bearer t"}
        answer = requests.post(address, json=value, headers=headers, timeout=10)
        return dict(answer.json())

    running, started = (post("predictLongRunning", body) for _ in range(2))
    assert started.keys() == {"name"}
    assert started["name"].startswith(f"{PARENT}/operations/")
    fetch = "fetchPredictOperation"
    assert post(fetch, {"operationName": running["name"]}) == running

    end = until(
        lambda: post(fetch, {"operationName": started["name"]}),
        lambda seen: "done" in seen,
    )

    assert end.keys() == {"name", "done", "response"}
    assert end["response"].keys() == {"@type", "raiMediaFilteredCount", "videos"}
    assert end["response"]["videos"][0].keys() == {"gcsUri", "mimeType"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"duration_seconds": 5}, 400, id="five seconds"),
        pytest.param({"aspect_ratio": "1:1"}, 400, id="a square"),
        pytest.param({"resolution": "480p"}, 400, id="480p"),
        pytest.param({"model": "veo-9"}, 404, id="unknown model"),
        pytest.param(
            {"image": types.Image(gcs_uri="gs://bucket/no", mime_type="image/png")},
            400,
            id="no such image",
        ),
        pytest.param(
            {"image": types.Image(image_bytes=b"x", mime_type="image/png")},
            400,
            id="no image inside",
        ),
    ],
)
def test_what_veo_refuses_is_refused_unbilled(
    google: SimulatorServer, veo: genai.Client, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(errors.ClientError) as caught:
        generate(veo, **changes)

    assert caught.value.code == code
    assert google.submissions.all() == []


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("400", 400, "INVALID_ARGUMENT"),
        ("400-refused", 400, "INVALID_ARGUMENT"),
        ("400-provisioning", 400, "FAILED_PRECONDITION"),
        ("400-key", 400, "INVALID_ARGUMENT"),
        ("401", 401, "UNAUTHENTICATED"),
        ("403", 403, "PERMISSION_DENIED"),
        ("404", 404, "NOT_FOUND"),
        ("429", 429, "RESOURCE_EXHAUSTED"),
        ("500", 500, "INTERNAL"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_veos_errors_have_googles_form(
    google: SimulatorServer, veo: genai.Client, kind: str, code: int, status: str
) -> None:
    google.faults.add(parse_faults(f"gemini-veo-3.1:start:{kind}"))

    with pytest.raises(errors.APIError) as caught:
        generate(veo)

    assert (caught.value.code, caught.value.status) == (code, status)
    assert google.submissions.all() == []


def test_without_a_token_veo_answers_401(google: SimulatorServer) -> None:
    address = f"{google.address}/v1/{PARENT}:predictLongRunning"

    answer = requests.post(address, json={}, timeout=10)

    assert answer.status_code == 401
    assert answer.json()["error"].keys() == {"code", "message", "status", "details"}


OPERATION_ENDS: dict[str, dict[str, object]] = {
    "error-3": {"error": 3, "text": "58061214"},
    "error-9": {"error": 9, "text": "Service agents are being provisioned"},
    "error-13": {"error": 13, "text": "Internal error"},
    "filtered": {"filtered": 1},
    "empty": {"filtered": None},
}


@pytest.mark.parametrize(("kind", "end"), OPERATION_ENDS.items(), ids=OPERATION_ENDS)
def test_an_operation_ends_as_asked_for(
    google: SimulatorServer, veo: genai.Client, kind: str, end: dict[str, object]
) -> None:
    google.faults.add(parse_faults(f"gemini-veo-3.1:{kind}"))

    operation = done(veo, generate(veo))

    if "error" in end:
        assert operation.error and operation.error["code"] == end["error"]
        assert str(end["text"]) in str(operation.error["message"])
        return
    assert operation.error is None and operation.response is not None
    assert operation.response.generated_videos is None
    assert operation.response.rai_media_filtered_count == end["filtered"]
    assert str(google.submissions.all()[0].charged_usd) == "0"


def test_an_operation_and_an_interaction_can_be_gone(
    google: SimulatorServer, veo: genai.Client, omni: genai.Client
) -> None:
    google.faults.add(parse_faults("gemini-veo-3.1:deleted,gemini-omni-flash:deleted"))

    with pytest.raises(errors.ClientError) as caught:
        veo.operations.get(generate(veo))
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    with pytest.raises(compat_errors.NotFoundError):
        omni.interactions.get(id=interact(omni).id)


def test_each_kind_of_an_operation_is_tried_here() -> None:
    tried = {*OPERATION_ENDS, "running", "deleted", "deleted-later"}

    assert {str(kind) for kind in kinds_of(ProviderId.VEO, Place.TASK)} == tried


@pytest.mark.parametrize(
    ("kind", "is_so"),
    [
        pytest.param("404", lambda content: content is None, id="not written"),
        pytest.param("empty", lambda content: content == b"", id="empty"),
        pytest.param("garbage", lambda content: b"ftyp" not in content, id="garbage"),
        pytest.param(
            "wrong-duration",
            lambda content: look_into(content).seconds == 2.0,
            id="wrong duration",
        ),
    ],
)
def test_what_veo_writes_can_be_wrong(
    google: SimulatorServer, veo: genai.Client, objects: Objects, kind: str, is_so: Any
) -> None:
    google.faults.add(parse_faults(f"gemini-veo-3.1:fetch:{kind}"))

    uri = uri_of(done(veo, generate(veo)))

    assert is_so(objects.kept.get(uri))


def test_a_bucket_that_cannot_be_written_is_an_internal_error(
    veo: genai.Client, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no access")

    monkeypatch.setattr(objects, "write", refuse)

    operation = done(veo, generate(veo))

    assert operation.error and operation.error["code"] == 13


def interact(client: genai.Client, model: str = OMNI, **wanted: object) -> Any:
    encoded = base64.b64encode(image()).decode()
    response_format = {
        "type": "video",
        "aspect_ratio": "16:9",
        "duration": "3s",
        "resolution": "720p",
        "delivery": "uri",
    }
    return client.interactions.create(
        model=model,
        input=[
            {"type": "image", "data": encoded, "mime_type": "image/png"},
            {"type": "text", "text": "a cat"},
        ],
        response_format=response_format | wanted,
        background=True,
        store=True,
    )


def finished(client: genai.Client, interaction_id: str) -> Any:
    return until(
        lambda: client.interactions.get(id=interaction_id),
        lambda seen: seen.status not in ("in_progress", "migrating"),
    )


def test_omni_gives_an_address_that_needs_the_key(
    google: SimulatorServer, omni: genai.Client
) -> None:
    interaction = finished(omni, interact(omni).id)

    assert interaction.status == "completed"
    uri = interaction.output_video.uri
    assert requests.get(uri, timeout=10).status_code == 403
    whole = requests.get(uri, headers={"x-goog-api-key": "k"}, timeout=10)
    seen = look_into(whole.content)
    assert (seen.seconds, seen.audio_codec) == (3.0, "aac")
    [submission] = google.submissions.all()
    assert (submission.vendor, submission.provider) == (
        "gemini-api",
        "gemini-omni-flash",
    )
    assert (str(submission.charged_usd), submission.answered) == ("0.21", True)


def test_omni_can_answer_inline(omni: genai.Client) -> None:
    interaction = finished(omni, interact(omni, delivery="inline").id)

    video = interaction.output_video
    assert video.uri is None
    assert look_into(base64.b64decode(video.data)).seconds == 3.0


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_omnis_answers_have_the_fields_of_the_real_ones(
    google: SimulatorServer, omni: genai.Client, version: str
) -> None:
    created = interact(omni)
    finished(omni, created.id)
    head = {"id", "object", "model", "status", "created", "updated"}

    answer = requests.get(
        f"{google.address}/{version}/interactions/{created.id}?stream=false",
        headers={"x-goog-api-key": "k"},
        timeout=10,
    ).json()

    assert created.status == "in_progress"
    assert answer.keys() == head | {"steps", "usage"}
    [asked, made] = answer["steps"]
    assert (asked["type"], made["type"]) == ("user_input", "model_output")
    assert made["content"][0].keys() == {"type", "mime_type", "uri"}


INTERACTION_ENDS = {
    "failed": "failed",
    "failed-safety": "failed",
    "cancelled": "cancelled",
    "incomplete": "incomplete",
    "no-output": "completed",
    "requires-action": "requires_action",
    "budget-exceeded": "budget_exceeded",
    "unknown-status": "completed",
}


@pytest.mark.parametrize(
    ("kind", "status"), INTERACTION_ENDS.items(), ids=INTERACTION_ENDS
)
def test_an_interaction_ends_as_asked_for(
    google: SimulatorServer, omni: genai.Client, kind: str, status: str
) -> None:
    google.faults.add(parse_faults(f"gemini-omni-flash:{kind}"))

    interaction = finished(omni, interact(omni).id)

    assert interaction.status == status
    assert (interaction.output_video is not None) == (kind == "unknown-status")
    codes = {"failed": ["INTERNAL"], "failed-safety": ["SAFETY"]}.get(kind)
    assert [error.code for error in interaction.errors or []] == (codes or [])


def test_each_kind_of_an_interaction_is_tried_here() -> None:
    tried = {*INTERACTION_ENDS, "running", "deleted", "deleted-later"}

    assert {str(kind) for kind in kinds_of(ProviderId.OMNI, Place.TASK)} == tried


def test_a_running_interaction_is_cancelled(
    google: SimulatorServer, omni: genai.Client
) -> None:
    google.faults.add(parse_faults("gemini-omni-flash:running"))
    created = interact(omni)

    cancelled: Any = omni.interactions.cancel(id=created.id)

    assert cancelled.status == "cancelled"
    assert finished(omni, created.id).status == "cancelled"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"model": "sora"}, compat_errors.NotFoundError, id="unknown"),
        pytest.param({"duration": "16s"}, compat_errors.BadRequestError, id="16 s"),
        pytest.param({"aspect_ratio": "1:1"}, compat_errors.BadRequestError, id="1:1"),
    ],
)
def test_what_omni_refuses_is_refused_unbilled(
    google: SimulatorServer,
    omni: genai.Client,
    changes: dict[str, Any],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        interact(omni, **changes)

    assert google.submissions.all() == []


def test_a_dropped_start_of_omni_is_billed_and_sent_once(
    google: SimulatorServer, omni: genai.Client
) -> None:
    google.faults.add(parse_faults("gemini-omni-flash:start:drop-after"))

    with pytest.raises(compat_errors.APIConnectionError):
        interact(omni)

    assert [each.answered for each in google.submissions.all()] == [False]
    assert google.submissions.requests("POST", "/v1beta/interactions") == 1


def test_omnis_download_goes_wrong_as_asked_for(
    google: SimulatorServer, omni: genai.Client
) -> None:
    uri = finished(omni, interact(omni).id).output_video.uri
    google.faults.add(parse_faults("gemini-omni-flash:fetch:html"))

    answer = requests.get(uri, headers={"x-goog-api-key": "k"}, timeout=10)

    assert answer.headers["content-type"].startswith("text/html")


def test_what_omni_answers_inline_can_be_wrong(
    google: SimulatorServer, omni: genai.Client
) -> None:
    google.faults.add(parse_faults("gemini-omni-flash:fetch:garbage"))

    interaction = finished(omni, interact(omni, delivery="inline").id)

    assert b"ftyp" not in base64.b64decode(interaction.output_video.data)

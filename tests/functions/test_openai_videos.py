"""OpenAI's calls, each from its request to its answer, with the real use cases."""

import io
import json
from base64 import b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from functions.openai.errors import openai_problem
from shared import wiring
from shared.domain.catalogue import MODEL_CHOICES, ProviderId
from shared.domain.errors import (
    ApiError,
    Crowded,
    ErrorCode,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
)
from shared.domain.job import Language
from shared.domain.structs import replace
from shared.ports.identity import Caller
from tests.domain.examples import a_job, completed
from tests.fakes.refusals import every_refusal
from tests.functions.openai_harness import JPEG, app_on
from tests.usecases.harness import Harness

VIDEOS = "/openai/v1/videos"
ANN = {"Authorization": "Bearer ann"}
URL = "https://example.com/cat.jpg"
BODY = {"prompt": "a cat", "input_reference": {"image_url": URL}}


@pytest.fixture
def client(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    return app_on(harness, monkeypatch).test_client()


def post(client: FlaskClient, body: Any = None, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(VIDEOS, json=body or BODY, headers=ANN | named)


def post_form(client: FlaskClient, **fields: Any) -> TestResponse:
    # Encoded here: the test client leaves open the file that it would encode into.
    boundary, data = encode_multipart({"prompt": "a cat"} | fields)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post(VIDEOS, data=data, headers=ANN, content_type=kind)


def a_file(content: bytes) -> FileStorage:
    return FileStorage(io.BytesIO(content), filename="cat.jpg")


def post_image(client: FlaskClient, **headers: str) -> TestResponse:
    image = f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"
    return post(client, BODY | {"input_reference": image}, **headers)


def end(harness: Harness, job_id: str) -> None:
    harness.jobs.put(harness.jobs.get(job_id).value.ended(ErrorCode.CANCELLED))


def uploads(harness: Harness) -> set[str]:
    return {name for name in harness.bucket.objects if name.startswith("uploads/")}


def error_of(response: TestResponse) -> dict[str, Any]:
    error = response.get_json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    return dict(error)


def test_a_data_url_is_kept_as_an_upload(client: FlaskClient, harness: Harness) -> None:
    sent = f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"

    video = post(client, BODY | {"input_reference": {"image_url": sent}}).get_json()

    image = harness.jobs.get(video["id"]).value.request.image
    assert harness.bucket.objects[f"uploads/ann/{image}"] == JPEG


def test_an_image_of_16_megabytes_fits(client: FlaskClient, harness: Harness) -> None:
    content = JPEG + bytes(16_000_000 - len(JPEG))
    reference = f"data:;base64,{b64encode(content).decode()}"

    as_json = post(client, BODY | {"input_reference": reference})
    as_text = post_form(client, **{"input_reference[image_url]": reference})
    as_file = post_form(client, input_reference=a_file(content))

    statuses = [answer.status_code for answer in (as_json, as_text, as_file)]
    assert statuses == [200, 200, 200]
    assert len(uploads(harness)) == 3


@pytest.mark.parametrize("size", [16_000_001, 30_000_000])
def test_a_larger_image_is_refused(
    client: FlaskClient, harness: Harness, size: int
) -> None:
    content = JPEG + bytes(size - len(JPEG))

    answer = post_form(client, input_reference=a_file(content))

    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")
    assert (harness.jobs.all, uploads(harness)) == ([], set())


def test_deleting_a_video_takes_no_image_of_a_new_one(
    client: FlaskClient, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = post_image(client).get_json()["id"]
    end(harness, old)
    create = harness.jobs.create

    def create_late(*args: Any, **named: Any) -> None:
        wiring.delete_video()(Caller(user_id="ann"), old)
        create(*args, **named)

    monkeypatch.setattr(harness.jobs, "create", create_late)
    new = post_image(client).get_json()["id"]

    image = harness.jobs.get(new).value.request.image
    assert uploads(harness) == {f"uploads/ann/{image}"}


def test_an_image_sent_again_is_the_same_video_and_not_kept_twice(
    client: FlaskClient, harness: Harness
) -> None:
    first = post_image(client)
    again = post_image(client, x_stainless_retry_count="1")

    assert first.get_json()["id"] == again.get_json()["id"]
    assert len(uploads(harness)) == 1


WRONG_BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({"input_reference": "https://example.com/a.jpg"}, "prompt"),
    "file_id": (
        {"prompt": "a cat", "input_reference": {"file_id": "file-1"}},
        "input_reference",
    ),
    "size": (BODY | {"size": "1024x1024"}, "size"),
    "seconds": (BODY | {"seconds": "60"}, "seconds"),
    "several": (BODY | {"n": 2}, "n"),
    "unknown": (BODY | {"style": "noir"}, "style"),
}


@pytest.mark.parametrize("body,param", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_makes_no_job(
    client: FlaskClient, harness: Harness, body: dict[str, Any], param: str
) -> None:
    answer = post(client, body)
    error = error_of(answer)

    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param and f"`{param}`" in error["message"]
    assert ("takes one image" in error["message"]) == (param == "input_reference")
    assert harness.jobs.all == []


def test_a_wrong_field_has_its_particle_in_korean(client: FlaskClient) -> None:
    answer = post(client, {"prompt": ""}, Accept_Language="ko-KR,ko;q=0.9")

    assert error_of(answer)["message"].startswith("`prompt`은(는) 비워 둘 수 없습니다.")


@pytest.mark.parametrize(
    ("counts", "jobs"),
    [
        pytest.param(["0", "1"], 1, id="sent again"),
        pytest.param(["0", "1", "2"], 1, id="and again"),
        pytest.param(["1", "0"], 1, id="the first comes last"),
        pytest.param(["1", "0", "0"], 2, id="a new request after that"),
        pytest.param([None, "1"], 1, id="said of the second alone"),
        pytest.param(["0", "0"], 2, id="two requests"),
        pytest.param([None, None], 2, id="another client"),
        pytest.param(["x", "x"], 2, id="no number"),
        pytest.param(["-1", "٢"], 2, id="no number of ours"),
    ],
)
def test_what_is_sent_again_is_one_job(
    client: FlaskClient, harness: Harness, counts: list[str | None], jobs: int
) -> None:
    for count in counts:
        named = {"x_stainless_retry_count": count} if count else {}
        assert post(client, **named).status_code == 200

    assert len(harness.jobs.all) == jobs


def test_a_key_is_as_good_as_on_our_own_path(
    client: FlaskClient, harness: Harness
) -> None:
    first, again = (post(client, Idempotency_Key="k1") for _ in range(2))
    other = post(client, BODY | {"prompt": "a dog"}, Idempotency_Key="k1")

    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    assert (other.status_code, len(harness.jobs.all)) == (422, 1)


def test_pollers_are_told_how_often(client: FlaskClient, harness: Harness) -> None:
    harness.jobs.put(a_job())

    answer = client.get(f"{VIDEOS}/job1", headers=ANN)

    assert answer.headers["openai-poll-after-ms"] == "2000"


def test_the_content_is_elsewhere(client: FlaskClient, harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    answer = client.get(f"{VIDEOS}/job1/content?variant=video", headers=ANN)

    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://storage.example/video"


def test_the_thumbnail_is_the_poster(client: FlaskClient, harness: Harness) -> None:
    made = completed(a_job(), ProviderId.RUNWAY)
    older = replace(made, job_id="job2", poster_url=None)
    for job in (made, older, a_job(job_id="job3")):
        harness.jobs.put(job)

    answer, none, working = (
        client.get(f"{VIDEOS}/job{nth}/content?variant=thumbnail", headers=ANN)
        for nth in (1, 2, 3)
    )

    assert (answer.status_code, answer.location) == (302, made.poster_url)
    assert (none.status_code, working.status_code) == (409, 409)
    assert error_of(none)["message"] != error_of(working)["message"]


@pytest.mark.parametrize("variant", ["spritesheet", ""])
def test_other_variants_are_named_as_not_made(
    client: FlaskClient, harness: Harness, variant: str
) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    answer = client.get(f"{VIDEOS}/job1/content?variant={variant}", headers=ANN)

    error = error_of(answer)
    assert (answer.status_code, error["param"]) == (400, "variant")
    assert "must be one of: video" in error["message"]


NOT_OFFERED = {
    "POST job1/remix": "remix",
    "POST edits": "edits",
    "POST extensions": "extensions",
    "POST characters": "characters",
    "GET characters/char_1": "characters",
}


@pytest.mark.parametrize(("call", "feature"), NOT_OFFERED.items(), ids=NOT_OFFERED)
def test_what_openai_offered_and_we_do_not_is_said(
    client: FlaskClient, harness: Harness, call: str, feature: str
) -> None:
    """Also to a body that is larger than any that we read."""
    method, path = call.split()
    url, body = f"{VIDEOS}/{path}", b"x" * 200_000

    answer = client.open(url, method=method, data=body, headers=ANN)
    korean = client.open(url, method=method, headers=ANN | {"Accept-Language": "ko"})

    error = error_of(answer)
    assert (answer.status_code, error["param"]) == (400, feature)
    assert f"`{feature}` is not offered here" in error["message"]
    assert "지원하지 않습니다" in error_of(korean)["message"]
    assert client.open(url, method=method).status_code == 401
    assert harness.jobs.all == []


@pytest.mark.parametrize("n", [1, "1"])
def test_fields_without_a_meaning_here_are_taken(
    client: FlaskClient, harness: Harness, n: object
) -> None:
    assert post(client, BODY | {"n": n, "user": "user-17"}).status_code == 200
    form = {"input_reference[image_url]": URL, "n": "1", "user": "user-17"}
    assert post_form(client, **form).status_code == 200
    assert len(harness.jobs.all) == 2


@pytest.mark.parametrize("name", MODEL_CHOICES)
def test_a_model_is_there_by_its_name(client: FlaskClient, name: str) -> None:
    listed = client.get("/openai/v1/models", headers=ANN).get_json()["data"]

    model = client.get(f"/openai/v1/models/{name}", headers=ANN).get_json()

    assert model["id"] == name and model in listed


def test_any_other_model_is_there_as_a_video_takes_it(client: FlaskClient) -> None:
    assert client.get("/openai/v1/models/sora-2", headers=ANN).get_json() == {
        **client.get("/openai/v1/models/auto", headers=ANN).get_json(),
        "id": "sora-2",
    }
    for name in ("..", "a" * 200):
        assert client.get(f"/openai/v1/models/{name}", headers=ANN).status_code == 404


def test_a_model_that_the_chain_leaves_out_is_not_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = (ProviderId.RUNWAY_HTTP, ProviderId.OMNI)
    offered = replace(wiring.list_models(), chain=chain)
    monkeypatch.setattr(wiring, "list_models", lambda: offered)

    listed = client.get("/openai/v1/models", headers=ANN).get_json()["data"]

    assert [m["id"] for m in listed] == ["auto", "runway", "gemini-omni-flash"]
    veo = client.get("/openai/v1/models/gemini-veo-3.1", headers=ANN)
    assert veo.status_code == 404


def test_a_video_that_failed_has_no_content(
    client: FlaskClient, harness: Harness
) -> None:
    harness.jobs.put(a_job().ended(ErrorCode.CANCELLED))

    answer = client.get(f"{VIDEOS}/job1/content", headers=ANN)

    assert (answer.status_code, error_of(answer)["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("order=asc", "order")],
)
def test_a_list_that_is_not_offered_is_told(
    client: FlaskClient, query: str, param: str
) -> None:
    answer = client.get(f"{VIDEOS}?{query}", headers=ANN)

    assert (answer.status_code, error_of(answer)["param"]) == (400, param)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"{VIDEOS}/job1", 401), ("PUT", VIDEOS, 405), ("GET", "/openai/v2", 404)],
)
def test_the_routers_own_errors_have_the_form_too(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert error_of(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("content_type", "data", "status"),
    [
        ("application/json", b"[]", 400),
        ("text/plain", b"{}", 415),
        ("multipart/form-data; boundary=x", b"no parts", 400),
    ],
)
def test_a_body_that_is_none_is_told(
    client: FlaskClient, content_type: str, data: bytes, status: int
) -> None:
    answer = client.post(VIDEOS, data=data, content_type=content_type, headers=ANN)

    error = error_of(answer)
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    both = "multipart/form-data" in error["message"] and "json" in error["message"]
    assert both is (status == 415)


WORTH_RESENDING = {TooManyRequests, Unavailable, Crowded, ApiError}
KINDS = {429: "rate_limit_error"} | dict.fromkeys((500, 501, 503), "server_error")


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("language", Language)
def test_a_refusal_is_told_with_its_status(
    refused: ApiError, language: Language
) -> None:
    status = 400 if type(refused) is InvalidRequest else refused.status

    answer = openai_problem(refused, language)
    error = json.loads(answer.data)["error"]

    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    kind = KINDS.get(status, "invalid_request_error")
    assert (error["type"], error["code"]) == (kind, refused.code)
    resent = type(refused) in WORTH_RESENDING
    assert ("x-should-retry" not in answer.headers) is resent

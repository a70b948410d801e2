"""The OpenAI-compatible calls from request to response, with the real use cases."""

import io
import json
from base64 import b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from functions.openai.errors import openai_problem
from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    Contended,
    ErrorCode,
    InvalidRequest,
    TooManyRequests,
    Unavailable,
)
from shared.domain.job import Language
from shared.domain.structs import replace
from shared.ports.identity import Caller
from shared.wiring import use_cases
from tests.domain.examples import a_job, completed
from tests.fakes.refusals import every_refusal
from tests.functions.calling import ANN
from tests.functions.openai_harness import JPEG, app_on, uploads
from tests.functions.test_router import Endless
from tests.usecases.harness import Harness

VIDEOS = "/openai/v1/videos"
URL = "https://example.com/cat.jpg"
BODY = {"prompt": "a cat", "input_reference": {"image_url": URL}}


@pytest.fixture
def client(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    return app_on(harness, monkeypatch).test_client()


def post(client: FlaskClient, body: Any = None, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(VIDEOS, json=body or BODY, headers=ANN | named)


def post_form(client: FlaskClient, **fields: Any) -> TestResponse:
    # Encoded here, because the test client doesn't close the file it encodes into.
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


def error_of(response: TestResponse) -> dict[str, Any]:
    error = response.get_json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    return dict(error)


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


def test_a_body_that_no_image_explains_is_not_read_to_its_end(
    client: FlaskClient,
) -> None:
    answer = client.post(
        VIDEOS,
        content_type="application/json",
        environ_overrides=Endless().environ,
        headers=ANN,
    )

    assert (answer.status_code, error_of(answer)["code"]) == (413, "too_large")


def test_deleting_a_video_keeps_the_equal_image_of_a_new_one(
    client: FlaskClient, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = post_image(client).get_json()["id"]
    end(harness, old)
    create = harness.jobs.create

    def create_late(*args: Any, **named: Any) -> None:
        use_cases.delete_video()(Caller(user_id="ann"), old)
        create(*args, **named)

    monkeypatch.setattr(harness.jobs, "create", create_late)
    new = post_image(client).get_json()["id"]

    image = harness.jobs.get(new).value.request.image
    assert uploads(harness) == {f"uploads/ann/{image}"}


WRONG_BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({"input_reference": "https://example.com/a.jpg"}, "prompt"),
    "file_id": (
        {"prompt": "a cat", "input_reference": {"file_id": "file-1"}},
        "input_reference",
    ),
}


@pytest.mark.parametrize("body,param", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_creates_no_job(
    client: FlaskClient, harness: Harness, body: dict[str, Any], param: str
) -> None:
    answer = post(client, body)
    error = error_of(answer)

    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["param"] == param and f"`{param}`" in error["message"]
    assert ("takes one image" in error["message"]) == (param == "input_reference")
    assert harness.jobs.all == []


def test_a_wrong_field_gets_the_right_korean_particle(client: FlaskClient) -> None:
    answer = post(client, {"prompt": ""}, Accept_Language="ko-KR,ko;q=0.9")

    assert error_of(answer)["message"].startswith("`prompt`은(는) 비워 둘 수 없습니다.")


def test_a_form_that_cannot_be_read_is_told_what_a_form_needs(
    client: FlaskClient,
) -> None:
    """Without a filename, a part is a text, and no image is UTF-8."""
    part = b'--B\r\nContent-Disposition: form-data; name="input_reference"\r\n\r\n'
    kind = "multipart/form-data; boundary=B"

    answer = client.post(
        VIDEOS, data=part + JPEG + b"\r\n--B--", headers=ANN, content_type=kind
    )

    assert answer.status_code == 400
    assert "each file has a filename" in error_of(answer)["message"]


def test_a_file_beside_the_url_of_another_image_is_refused(
    client: FlaskClient, harness: Harness
) -> None:
    answer = post_form(
        client,
        **{"input_reference": a_file(JPEG), "input_reference[image_url]": URL},
    )

    assert (answer.status_code, error_of(answer)["param"]) == (400, "input_reference")
    assert harness.jobs.all == []


def test_a_files_name_may_have_any_encoding(client: FlaskClient) -> None:
    """A program in Korean Windows may send its names in CP949."""
    names = 'name="input_reference"; filename="사진.jpg"'.encode("cp949")
    image = b"--B\r\nContent-Disposition: form-data; " + names + b"\r\n\r\n" + JPEG
    prompt = b'\r\n--B\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na cat'
    kind = "multipart/form-data; boundary=B"

    answer = client.post(
        VIDEOS, data=image + prompt + b"\r\n--B--", headers=ANN, content_type=kind
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("counts", "jobs"),
    [
        pytest.param(["0", "1"], 1, id="retried"),
        pytest.param([None, "1"], 1, id="only the retry has a count"),
        pytest.param(["0", "0"], 2, id="two requests"),
        pytest.param(["x", "x"], 2, id="no number"),
        pytest.param(["-1", "٢"], 2, id="no valid number"),
    ],
)
def test_a_retry_is_recognized_by_its_count(
    client: FlaskClient, harness: Harness, counts: list[str | None], jobs: int
) -> None:
    for count in counts:
        named = {"x_stainless_retry_count": count} if count else {}
        assert post(client, **named).status_code == 200

    assert len(harness.jobs.all) == jobs


def test_an_idempotency_key_works_as_on_our_own_path(
    client: FlaskClient, harness: Harness
) -> None:
    first, again = (post(client, Idempotency_Key="k1") for _ in range(2))
    other = post(client, BODY | {"prompt": "a dog"}, Idempotency_Key="k1")

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    assert (other.status_code, len(harness.jobs.all)) == (422, 1)


def test_a_video_says_how_often_to_poll(client: FlaskClient, harness: Harness) -> None:
    harness.jobs.put(a_job())

    answer = client.get(f"{VIDEOS}/job1", headers=ANN)

    assert answer.headers["openai-poll-after-ms"] == "3000"


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


def test_a_call_that_is_not_offered_says_so_whatever_its_body(
    client: FlaskClient,
) -> None:
    """In the reader's language, even for a body that is larger than any we read."""
    url, korean = f"{VIDEOS}/job1/remix", ANN | {"Accept-Language": "ko"}

    answer = client.post(url, data=b"x" * 200_000, headers=korean)

    error = error_of(answer)
    assert (answer.status_code, error["param"]) == (400, "remix")
    assert "지원하지 않습니다" in error["message"]


@pytest.mark.parametrize("n", [1, "1"])
def test_fields_without_a_meaning_here_are_ignored(
    client: FlaskClient, harness: Harness, n: object
) -> None:
    assert post(client, BODY | {"n": n, "user": "user-17"}).status_code == 200
    form = {"input_reference[image_url]": URL, "n": "1", "user": "user-17"}
    assert post_form(client, **form).status_code == 200
    assert len(harness.jobs.all) == 2


def test_a_model_can_be_read_by_its_name(client: FlaskClient) -> None:
    listed = client.get("/openai/v1/models", headers=ANN).get_json()["data"]

    names = [model["id"] for model in listed]
    read = [client.get(f"/openai/v1/models/{name}", headers=ANN) for name in names]
    assert [response.get_json() for response in read] == listed
    assert {"auto", "runway"} < {*names}


def test_any_other_model_name_is_shown_as_auto(client: FlaskClient) -> None:
    assert client.get("/openai/v1/models/sora-2", headers=ANN).get_json() == {
        **client.get("/openai/v1/models/auto", headers=ANN).get_json(),
        "id": "sora-2",
    }
    for name in ("..", "a" * 200):
        assert client.get(f"/openai/v1/models/{name}", headers=ANN).status_code == 404


def test_a_model_outside_the_chain_is_not_found(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = (ProviderId.RUNWAY_HTTP, ProviderId.OMNI)
    offered = replace(use_cases.list_models(), chain=chain)
    monkeypatch.setattr(use_cases, "list_models", lambda: offered)

    listed = client.get("/openai/v1/models", headers=ANN).get_json()["data"]

    assert [m["id"] for m in listed] == ["auto", "runway", "gemini-omni-flash"]
    veo = client.get("/openai/v1/models/gemini-veo-3.1", headers=ANN)
    assert veo.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"{VIDEOS}/job1", 401), ("PUT", VIDEOS, 405), ("GET", "/openai/v2", 404)],
)
def test_the_routers_own_errors_have_openais_form(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)

    assert answer.status_code == status
    assert error_of(answer)["type"] == "invalid_request_error"
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("content_type", "data", "status"),
    [
        ("application/json", b"[]", 400),
        ("text/plain", b"{}", 415),
        ("multipart/form-data; boundary=x", b"no parts", 400),
    ],
)
def test_an_unreadable_body_is_refused_in_openais_form(
    client: FlaskClient, content_type: str, data: bytes, status: int
) -> None:
    answer = client.post(VIDEOS, data=data, content_type=content_type, headers=ANN)

    error = error_of(answer)
    assert (answer.status_code, error["type"]) == (status, "invalid_request_error")
    both = "multipart/form-data" in error["message"] and "json" in error["message"]
    assert both is (status == 415)


WORTH_RETRYING = {TooManyRequests, Unavailable, Contended, ApiError}
KINDS = {429: "rate_limit_error"} | dict.fromkeys((500, 501, 503), "server_error")


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("language", Language)
def test_a_refusal_has_its_status_and_says_whether_to_retry(
    refused: ApiError, language: Language
) -> None:
    status = 400 if type(refused) is InvalidRequest else refused.status

    answer = openai_problem(refused, language)
    error = json.loads(answer.data)["error"]

    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    kind = KINDS.get(status, "invalid_request_error")
    assert (error["type"], error["code"]) == (kind, refused.code)
    is_worth_retrying = type(refused) in WORTH_RETRYING
    assert ("x-should-retry" not in answer.headers) is is_worth_retrying

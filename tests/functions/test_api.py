"""Each call of the api from request to response, with the real use cases."""

from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import Language
from shared.domain.outcomes import NotSent
from shared.domain.structs import replace
from tests.domain.examples import (
    MINUTE,
    NOON,
    a_body,
    a_job,
    a_new_job,
    answered,
    completed,
)
from tests.fakes.interpose import after_next
from tests.functions.calling import ANN, BOB
from tests.usecases.harness import Harness


def test_a_created_video_can_be_read(client: FlaskClient) -> None:
    response = client.post("/v1/videos", json=a_body(), headers=ANN)
    shown = response.get_json()

    assert response.status_code == 202
    assert response.headers["Location"] == f"/v1/videos/{shown['job_id']}"
    assert (shown["status"], shown["user_id"]) == ("processing", "ann")
    looked = client.get(response.headers["Location"], headers=ANN)
    assert (looked.status_code, looked.get_json()) == (200, shown)


@pytest.mark.parametrize(
    ("in_prompt", "in_address", "in_metadata"),
    [("\u03b1\u0313\u0300\u0345", "가", "🦝"), (",", ",", ",")],
    ids=["escapes", "commas"],
)
def test_the_largest_valid_body_is_accepted(
    client: FlaskClient, in_prompt: str, in_address: str, in_metadata: str
) -> None:
    """Python's JSON has six characters for each of four that NFC makes one, and twelve
    for an emoji.
    """
    address = "https://example.com/" + in_address * 900
    metadata = {f"{n:02}{in_metadata * 62}": in_metadata * 500 for n in range(16)}
    body = a_body(
        prompt=in_prompt * 2000,
        image_url=address,
        last_image_url=address,
        metadata=metadata,
    )

    response = client.post("/v1/videos", json=body, headers=ANN)

    assert response.status_code == 202
    assert response.get_json()["metadata"] == metadata


def test_a_video_is_shown_in_the_readers_language(
    client: FlaskClient, harness: Harness
) -> None:
    harness.jobs.put(a_job().ended(ErrorCode.CANCELLED))
    headers = {**ANN, "Accept-Language": "ko"}

    shown = client.get("/v1/videos/job1", headers=headers).get_json()

    assert shown["error"]["message"] == "작업이 취소되었습니다."


def test_an_upload_gets_a_url_to_put_to(client: FlaskClient) -> None:
    body = {"content_type": "image/png", "size": 99}

    response = client.post("/v1/uploads", json=body, headers=ANN)

    assert response.status_code == 201
    shown = response.get_json()
    assert set(shown) == {"image", "upload_url", "headers", "expires_at"}
    assert f"uploads/ann/{shown['image']}" in shown["upload_url"]
    assert shown["expires_at"].endswith("Z")


def test_a_replayed_request_returns_the_same_job_and_says_so(
    client: FlaskClient,
) -> None:
    headers = ANN | {"Idempotency-Key": "k1"}

    first = client.post("/v1/videos", json=a_body(), headers=headers)
    again = client.post("/v1/videos", json=a_body(), headers=headers)
    other = client.post("/v1/videos", json=a_body(prompt="dog"), headers=headers)

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json() == first.get_json()
    assert (other.status_code, other.get_json(force=True)["code"]) == (
        422,
        "idempotency_conflict",
    )


def test_two_requests_without_a_key_are_two_jobs_in_their_readers_language(
    client: FlaskClient, harness: Harness
) -> None:
    headers = ANN | {"Accept-Language": "ko"}

    for prompt in ("a cat", "a dog"):
        client.post("/v1/videos", json=a_body(prompt=prompt), headers=headers)

    assert [job.language for job in harness.jobs.all] == [Language.KOREAN] * 2


def test_a_replayed_video_has_urls_that_work(
    client: FlaskClient, harness: Harness
) -> None:
    headers = ANN | {"Idempotency-Key": "k1"}
    made = client.post("/v1/videos", json=a_body(), headers=headers).get_json()
    done = replace(completed(a_job(), ProviderId.RUNWAY), video_url_expires_at=NOON)
    harness.jobs.put(replace(done, job_id=made["job_id"]))

    again = client.post("/v1/videos", json=a_body(), headers=headers)
    seen = client.get(again.headers["Location"], headers=ANN)

    assert again.get_json() == seen.get_json()
    assert again.get_json()["video_url_expires_at"] > "2026-11-22T22"


def test_the_key_of_a_video_that_has_expired_is_that_of_a_deleted_job(
    client: FlaskClient, harness: Harness
) -> None:
    headers = ANN | {"Idempotency-Key": "k1"}
    made = client.post("/v1/videos", json=a_body(), headers=headers).get_json()
    done = replace(completed(a_job(), ProviderId.RUNWAY), expires_at=NOON)
    harness.jobs.put(replace(done, job_id=made["job_id"]))

    again = client.post("/v1/videos", json=a_body(), headers=headers)

    assert (again.status_code, again.get_json(force=True)["code"]) == (409, "conflict")


def test_a_key_whose_video_is_deleted_meanwhile_is_that_of_a_deleted_job(
    client: FlaskClient, harness: Harness
) -> None:
    headers = ANN | {"Idempotency-Key": "k1"}
    made = client.post("/v1/videos", json=a_body(), headers=headers).get_json()
    done = replace(completed(a_job(), ProviderId.RUNWAY), job_id=made["job_id"])
    harness.jobs.put(done)
    after_next(harness.jobs, "read", lambda: harness.jobs.remove(done.job_id))

    again = client.post("/v1/videos", json=a_body(), headers=headers)

    assert again.status_code == 409
    assert "was deleted" in again.get_json(force=True)["detail"]


def sent(text: str) -> str:
    """A header of UTF-8, as curl and Go send it and as WSGI passes it on."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    "key", ["x" * 255, "\xe9", sent("주문 1042"), sent("가" * 255), sent("🦝")]
)
def test_an_idempotency_key_has_up_to_255_characters_of_any_language(
    client: FlaskClient, key: str
) -> None:
    headers = ANN | {"Idempotency-Key": key}

    made = [client.post("/v1/videos", json=a_body(), headers=headers) for _ in "12"]

    assert [answer.status_code for answer in made] == [202, 202]
    assert made[1].headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "key", ["", "x" * 256, "tab\there", sent("가" * 256), sent("zero\u200bwidth")]
)
def test_an_invalid_idempotency_key_is_a_wrong_field(
    client: FlaskClient, key: str
) -> None:
    headers = ANN | {"Idempotency-Key": key}

    answer = client.post("/v1/videos", json=a_body(), headers=headers)

    body = answer.get_json(force=True)
    assert (answer.status_code, body["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_callers_list_their_own_videos_page_by_page(
    client: FlaskClient, harness: Harness
) -> None:
    for nth in range(3):
        harness.jobs.put(a_new_job(job_id=f"job{nth}", at=NOON + nth * MINUTE))

    first = client.get("/v1/videos?limit=2", headers=ANN).get_json()
    cursor = first["next_cursor"]
    second = client.get(f"/v1/videos?limit=2&cursor={cursor}", headers=ANN).get_json()

    assert [v["job_id"] for v in first["videos"]] == ["job2", "job1"]
    assert [v["job_id"] for v in second["videos"]] == ["job0"]
    assert second["next_cursor"] is None
    assert client.get("/v1/videos", headers=BOB).get_json()["videos"] == []


def test_a_listed_video_has_its_fields_in_the_same_order_as_a_single_one(
    client: FlaskClient, harness: Harness
) -> None:
    refused = NotSent(problem=Problem(code=ErrorCode.PROVIDER_UNAVAILABLE))
    job = answered(a_job(), ProviderId.RUNWAY, refused)
    harness.jobs.put(completed(job, ProviderId.RUNWAY_HTTP))
    harness.jobs.projections["job1"] = reordered(harness.jobs.projections["job1"])

    listed = client.get("/v1/videos", headers=ANN).text
    single = client.get("/v1/videos/job1", headers=ANN).text

    assert single.rstrip("\n") in listed


def reordered(kept: Any) -> Any:
    """With all fields in another order, as a stored document may have them."""
    if isinstance(kept, Mapping):
        return {name: reordered(kept[name]) for name in sorted(kept, reverse=True)}
    return [*map(reordered, kept)] if isinstance(kept, list) else kept


@pytest.mark.parametrize("status", ["completed", "processing", "failed"])
def test_a_list_can_be_filtered_by_status(
    client: FlaskClient, harness: Harness, status: str
) -> None:
    harness.jobs.put(completed(a_job(job_id="done"), ProviderId.RUNWAY))
    harness.jobs.put(a_new_job(job_id="new"))
    harness.jobs.put(a_new_job(job_id="gone").ended(ErrorCode.CANCELLED))

    shown = client.get(f"/v1/videos?status={status}", headers=ANN).get_json()

    assert [video["status"] for video in shown["videos"]] == [status]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("status=queued", "status"),
        ("cursor=zzz", "cursor"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_wrong_parameter_of_a_list_is_reported(
    client: FlaskClient, query: str, field: str
) -> None:
    answer = client.get(f"/v1/videos?{query}", headers=ANN)

    fields = [error["field"] for error in answer.get_json(force=True)["errors"]]
    assert (answer.status_code, fields) == (422, [field])


def test_only_an_ended_job_can_be_deleted(
    client: FlaskClient, harness: Harness
) -> None:
    harness.jobs.put(a_job(job_id="runs"))
    harness.jobs.put(completed(a_job(job_id="done"), ProviderId.RUNWAY))

    assert client.delete("/v1/videos/runs", headers=ANN).status_code == 409
    deleted = client.delete("/v1/videos/done", headers=ANN)
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert client.get("/v1/videos/done", headers=ANN).status_code == 404


def test_cancelling_twice_is_the_same_as_once(
    client: FlaskClient, harness: Harness
) -> None:
    harness.jobs.put(a_new_job())
    path, headers = "/v1/videos/job1/cancel", ANN | {"Accept-Language": "ko"}

    first = client.post(path, headers=headers)
    second = client.post(path, headers=headers)

    assert first.status_code == second.status_code == 202
    error = {"code": "cancelled", "message": "작업이 취소되었습니다."}
    assert first.get_json()["error"] == error
    assert second.get_json() == first.get_json()


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("api-abc123-uc.a.run.app", "/"),
        ("127.0.0.1:8080", "/"),
        ("us-central1-demo.cloudfunctions.net", "/api/"),
        ("evil.example", "/"),
    ],
)
def test_urls_in_answers_start_with_the_base_path_of_the_request(
    client: FlaskClient, host: str, root: str
) -> None:
    headers = ANN | {"Host": host}
    made = client.post("/v1/videos", json=a_body(), headers=headers)
    described = client.get("/v1/openapi.json", headers=headers).get_json()

    assert made.headers["Location"] == f"{root}v1/videos/{made.get_json()['job_id']}"
    assert described["servers"] == [{"url": root}]

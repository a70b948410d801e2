"""The document: valid, whole, and saying of requests and answers what is true."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from functions.api import ROUTES
from functions.http.bodies import answer
from functions.http.openapi import document
from functions.videos import VIDEO
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, InvalidRequest
from shared.domain.job import Job
from shared.domain.projection import project
from shared.domain.request import VideoRequest
from tests.domain.examples import NOON, a_body, a_job, completed, running

Node = Mapping[str, Any]
OPEN = {"/health", "/v1/openapi.json", "/docs"}


@pytest.fixture(scope="module")
def openapi() -> Any:
    """As a program gets it."""
    return answer(document(ROUTES)).get_json()


def operations(openapi: Node) -> Iterator[tuple[str, str, Node]]:
    for path, calls in openapi["paths"].items():
        for method, operation in calls.items():
            yield path, method, operation


def test_it_is_valid_openapi(openapi: Node) -> None:
    assert [e.message for e in OPENAPI_31_VALIDATOR.iter_errors(openapi)] == []


def test_every_schema_in_it_is_one(openapi: Node) -> None:
    for schema in openapi["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_is_described(openapi: Node) -> None:
    described = {(method.upper(), path) for path, method, _ in operations(openapi)}

    assert described == {
        (route.method, route.path.replace("<", "{").replace(">", "}"))
        for route in ROUTES
    }


def test_only_the_open_calls_need_no_token(openapi: Node) -> None:
    free = {path for path, _, call in operations(openapi) if call.get("security") == []}

    assert free == OPEN
    assert openapi["security"] == [{"bearer": []}]


def test_no_two_calls_share_a_name(openapi: Node) -> None:
    names = [call["operationId"] for _, _, call in operations(openapi)]

    assert len(set(names)) == len(names)


def test_every_call_tells_its_errors_with_their_codes(openapi: Node) -> None:
    for path, _, call in operations(openapi):
        answers = call["responses"]
        assert {"400", "404", "405", "413", "500", "503"} <= set(answers)
        assert ("401" in answers) is (path not in OPEN)
        assert all(a["x-codes"] for status, a in answers.items() if status >= "400")


def test_every_call_is_described_in_korean_too(openapi: Node) -> None:
    assert all(call["x-summary-ko"] for _, _, call in operations(openapi))


def test_only_what_may_spend_can_be_paused(openapi: Node) -> None:
    pausable = {
        (method, path)
        for path, method, call in operations(openapi)
        if "generation_paused" in call["responses"]["503"]["x-codes"]
    }

    assert pausable == {("post", "/v1/videos"), ("post", "/openai/v1/videos")}


def test_the_address_holds_wherever_the_api_is(openapi: Node) -> None:
    assert openapi["servers"] == [{"url": "/"}]


def body_schema(openapi: Node) -> Any:
    call = openapi["paths"]["/v1/videos"]["post"]
    return call["requestBody"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"image": None},
        {"image": "a1"},
        {"image": "a1", "image_url": None},
        {"image_url": None},
        {"duration": 8.0},
        {"duration": 11},
        {"audio": None},
        {"seed": -1},
        {"model": "sora"},
        {"prompt": " "},
        {"prompt": None},
        {"colour": "red"},
    ],
    ids=str,
)
def test_the_schema_takes_what_the_api_takes(openapi: Node, change: Node) -> None:
    body = a_body(image_url="https://example.com/cat.jpg") | dict(change)
    said = Draft202012Validator(body_schema(openapi)).is_valid(body)

    assert said is is_taken(body)


def is_taken(body: Node) -> bool:
    try:
        VideoRequest.parse(body)
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize(
    "job",
    [
        a_job(),
        running(a_job(), ProviderId.RUNWAY),
        completed(a_job(), ProviderId.RUNWAY),
        replace(a_job().ended(ErrorCode.CANCELLED), video_url_expires_at=NOON),
    ],
    ids=["new", "running", "completed", "cancelled"],
)
def test_a_video_is_as_its_schema_says(job: Job) -> None:
    shown = json.loads(answer(project(job)).data)

    Draft202012Validator(VIDEO).validate(shown)
    assert VIDEO["required"] == list(shown)

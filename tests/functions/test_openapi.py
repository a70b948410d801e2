"""The OpenAPI document: valid, complete, in two languages, fit for generators."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from functions.api import ROUTES
from functions.docs import TAGS, korean_texts, openapi
from functions.http.bodies import json_response
from shared.domain.catalogue import CATALOGUE, PROVIDERS
from shared.domain.framing import MIN_SIDE_PIXELS
from shared.domain.job import Language
from shared.domain.request import VIDEO_FIELDS, VideoRequest
from tests.functions.calling import ANN, check_schema, document

Node = Mapping[str, Any]
OPEN = {"/health", "/v1/openapi.json", "/docs"}
PHRASES = {status.phrase for status in HTTPStatus}


def operations() -> Iterator[tuple[str, str, Node]]:
    for path, calls in document()["paths"].items():
        for method, operation in calls.items():
            yield path, method, operation


def nodes(part: Any) -> Iterator[Any]:
    """Every object inside, except for examples, which are values.

    Of named examples, only the summary is for people.
    """
    if isinstance(part, list):
        for item in part:
            yield from nodes(item)
    elif isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in ("example", "examples", "default"):
                yield from nodes(inner)
        if isinstance(named := part.get("examples"), dict):
            yield from ({"summary": each["summary"]} for each in named.values())


def schemas() -> Iterator[tuple[str, Node]]:
    for title, schema in document()["components"]["schemas"].items():
        yield title, schema
        for name, part in schema.get("properties", {}).items():
            yield f"{title}.{name}", part


def test_the_document_is_valid_openapi() -> None:
    assert [e.message for e in OPENAPI_31_VALIDATOR.iter_errors(document())] == []
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_that_is_offered_is_described() -> None:
    described = {(method.upper(), path) for path, method, _ in operations()}

    assert described == {
        (route.method, route.path.replace("<", "{").replace(">", "}"))
        for route in ROUTES
        if route.path != "/docs/viewer.js" and route.max_bytes > 0
    }


def test_only_the_open_calls_need_no_token() -> None:
    free = {path for path, _, call in operations() if call.get("security") == []}

    assert free == OPEN
    assert document()["security"] == [{"bearer": []}]


def test_generators_find_a_name_for_everything_and_nothing_to_merge() -> None:
    names = [call["operationId"] for _, _, call in operations()]
    sets = [tuple(n["enum"]) for n in nodes(document()) if "enum" in n]
    components = document()["components"]["schemas"].values()
    parts = [document()["paths"], *(s.get("properties") for s in components)]

    assert len(set(names)) == len(names)
    assert not [n for n in nodes(document()) if {"allOf", "oneOf", "not"} & n.keys()]
    assert len(set(sets)) == len(sets), "shared enums are components"
    assert not [n for n in nodes(parts) if "enum" in n]


def test_webhooks_and_calls_share_no_tag() -> None:
    """openapi-generator writes a file per tag, so one would overwrite the other."""
    sent = [c for hook in document()["webhooks"].values() for c in hook.values()]
    tags = {tag for call in sent for tag in call["tags"]}

    assert tags == {"webhooks"}
    assert tags.isdisjoint(tag for *_, call in operations() for tag in call["tags"])
    assert tags <= {tag["name"] for tag in document()["tags"]}


def test_the_example_of_a_webhook_is_a_message_that_is_not_delivered_yet() -> None:
    body = document()["webhooks"]["videoEnded"]["post"]["requestBody"]

    video = body["content"]["application/json"]["example"]["data"]

    assert video["webhook"] == {"status": "pending", "attempts": 0}


def test_no_field_has_only_the_type_null() -> None:
    """openapi-generator can't generate a Python client for such a field."""
    fields = [
        (name, node)
        for schema in nodes(document())
        for name, node in schema.get("properties", {}).items()
    ]

    assert fields
    assert not [name for name, field in fields if field.get("type") == "null"]


def test_the_license_is_named() -> None:
    assert document()["info"]["license"]["identifier"] == "Apache-2.0"


def test_every_call_lists_its_errors_with_their_codes() -> None:
    for path, _, call in operations():
        answers = call["responses"]
        assert {"400", "404", "405", "413", "500", "503"} <= set(answers)
        assert ("401" in answers) is (path not in OPEN)
        assert all(a["x-codes"] for status, a in answers.items() if status >= "400")


def examples(shown: Any) -> list[Any]:
    """Of a media type: its only example, or all of them in order."""
    if "examples" not in shown:
        return [shown["example"]]
    assert "example" not in shown, "OpenAPI allows only one of the two"
    return [each["value"] for each in shown["examples"].values()]


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/videos", 202), ("/v1/estimates", 200)]
)
def test_the_first_example_of_a_video_works_as_it_is_for_a_user(
    path: str, status: int, client: FlaskClient
) -> None:
    shown = document()["paths"][path]["post"]["requestBody"]["content"]

    sent = examples(shown["application/json"])[0]

    assert client.post(path, json=sent, headers=ANN).status_code == status
    assert not {"image_url", "last_image_url", "webhook_url"} & sent.keys()


def test_the_example_of_a_video_could_have_been_made() -> None:
    shown = document()["paths"]["/v1/videos"]["post"]["responses"]["202"]["content"]

    (video,) = examples(shown["application/json"])

    model = CATALOGUE[video["generated_by"]["model"]]
    assert video["generated_by"]["vendor"] == PROVIDERS[video["ai_model"]].vendor
    assert video["delivered"]["duration"] == model.fit(video["duration"])


def test_the_example_of_a_video_for_openais_clients_has_no_error() -> None:
    shown = document()["paths"]["/openai/v1/videos"]["post"]["responses"]["200"]

    (video,) = examples(shown["content"]["application/json"])

    assert (video["status"], video["error"]) == ("completed", None)


def test_the_example_of_an_error_is_one_of_its_status() -> None:
    for path, _, call in operations():
        for status, answer in call["responses"].items():
            if status < "400":
                continue
            ((media_type, shown),) = answer["content"].items()
            (body,) = examples(shown)
            if media_type == "application/json":
                assert body["error"]["code"] == answer["x-codes"][0], path
                assert "`errors`" not in answer["description"], path
            else:
                assert (str(body["status"]), body["code"]) == (
                    status,
                    answer["x-codes"][0],
                )
                assert ("errors" in body) is (status == "422"), path


def test_every_call_field_and_answer_has_a_description_and_an_example() -> None:
    for path, method, call in operations():
        where = f"{method} {path}"
        assert call["summary"] and call["description"] and call["tags"][0] in TAGS, (
            where
        )
        assert all(p["description"] for p in call["parameters"]), where
        contents = [
            call.get("requestBody", {"content": {}}),
            *call["responses"].values(),
        ]
        for content in contents:
            for shown in content.get("content", {}).values():
                for example in examples(shown):
                    check_schema(shown["schema"], example)
    assert not [
        name
        for name, part in schemas()
        if "description" not in part and "enum" not in part
    ]


def test_a_field_that_is_left_out_may_be_sent_as_its_default_or_null() -> None:
    """Many generated clients send every field."""
    every = {name: field.default for name, field in VIDEO_FIELDS.items()}
    body = every | {"prompt": "a cat"}

    assert VideoRequest.parse(body) == VideoRequest.parse({"prompt": "a cat"})
    check_schema(document()["components"]["schemas"]["VideoRequest"], body)


def test_only_calls_that_may_spend_can_be_paused() -> None:
    pausable = {
        (method, path)
        for path, method, call in operations()
        if "generation_paused" in call["responses"]["503"]["x-codes"]
    }

    assert pausable == {
        ("post", "/v1/videos"),
        ("post", "/v1/prompts"),
        ("post", "/openai/v1/videos"),
    }


def texts_for_people(part: Any) -> set[str]:
    return {
        node[name]
        for node in nodes(part)
        for name in ("summary", "description", "x-displayName")
        if isinstance(node.get(name), str)
    }


def is_korean(text: str) -> bool:
    return any("가" <= character <= "힣" for character in text)


def test_all_texts_are_korean_in_korean_and_english_otherwise() -> None:
    korean = json_response(openapi(ROUTES, language=Language.KOREAN)).get_json()

    foreign = {text for text in texts_for_people(korean) if not is_korean(text)}
    assert foreign - PHRASES == {"`Bearer`"}
    assert not [text for text in texts_for_people(document()) if is_korean(text)]


def test_every_translation_belongs_to_a_text_of_the_document() -> None:
    assert korean_texts()["document"].keys() <= texts_for_people(document())


def test_a_form_comes_before_json() -> None:
    """OpenAPI Generator 7.26 writes no class for a form, and imports it unless it comes
    first: the TypeScript, Java and Kotlin that it makes then don't compile.
    """
    body = document()["paths"]["/openai/v1/videos"]["post"]["requestBody"]

    assert list(body["content"]) == ["multipart/form-data", "application/json"]


def test_every_field_for_an_image_states_the_smallest_size() -> None:
    def properties(title: str) -> Any:
        return document()["components"]["schemas"][title]["properties"]

    given = [
        document()["paths"]["/v1/uploads"]["post"],
        properties("VideoRequest")["image_url"],
        properties("OpenAIVideoRequest")["input_reference"],
        properties("OpenAIVideoRequestForm")["input_reference"],
    ]

    for each in given:
        assert f"{MIN_SIDE_PIXELS} pixels a side" in each["description"]

"""The document: valid, complete, in two languages, and true of requests and jobs."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from functions.api import ROUTES
from functions.docs import TAGS, korean_texts, openapi
from functions.http.bodies import answer
from shared.domain.job import Language
from tests.functions.calling import check_schema, document

Node = Mapping[str, Any]
OPEN = {"/health", "/v1/openapi.json", "/docs"}
PHRASES = {status.phrase for status in HTTPStatus}


def operations() -> Iterator[tuple[str, str, Node]]:
    for path, calls in document()["paths"].items():
        for method, operation in calls.items():
            yield path, method, operation


def nodes(part: Any) -> Iterator[Any]:
    """Every object inside; examples are values, not descriptions."""
    if isinstance(part, list):
        for item in part:
            yield from nodes(item)
    elif isinstance(part, dict):
        yield part
        for name, inner in part.items():
            if name not in ("example", "examples", "default"):
                yield from nodes(inner)


def schemas() -> Iterator[tuple[str, Node]]:
    for title, schema in document()["components"]["schemas"].items():
        yield title, schema
        for name, part in schema.get("properties", {}).items():
            yield f"{title}.{name}", part


def test_it_is_valid_openapi() -> None:
    assert [e.message for e in OPENAPI_31_VALIDATOR.iter_errors(document())] == []
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_route_is_described_but_for_what_is_not_offered() -> None:
    described = {(method.upper(), path) for path, method, _ in operations()}

    assert described == {
        (route.method, route.path.replace("<", "{").replace(">", "}"))
        for route in ROUTES
        if route.path != "/docs/viewer.js" and route.most_bytes > 0
    }


def test_only_the_open_calls_need_no_token() -> None:
    free = {path for path, _, call in operations() if call.get("security") == []}

    assert free == OPEN
    assert document()["security"] == [{"bearer": []}]


def test_generators_get_a_name_for_everything_and_nothing_to_merge() -> None:
    names = [call["operationId"] for _, _, call in operations()]
    sets = [tuple(n["enum"]) for n in nodes(document()) if "enum" in n]
    components = document()["components"]["schemas"].values()
    parts = [document()["paths"], *(s.get("properties") for s in components)]

    assert len(set(names)) == len(names)
    assert not [n for n in nodes(document()) if {"allOf", "oneOf", "not"} & n.keys()]
    assert len(set(sets)) == len(sets), "what is shared is a component"
    assert not [n for n in nodes(parts) if "enum" in n]


def test_a_webhook_has_no_tag_of_a_call() -> None:
    """openapi-generator writes a file a tag, and the webhooks' over the calls'."""
    sent = [c for hook in document()["webhooks"].values() for c in hook.values()]
    tags = {tag for call in sent for tag in call["tags"]}

    assert tags == {"webhooks"}
    assert tags.isdisjoint(tag for *_, call in operations() for tag in call["tags"])
    assert tags <= {tag["name"] for tag in document()["tags"]}


def test_no_field_is_always_null_by_its_type() -> None:
    """openapi-generator's Python client can't be made from one."""
    fields = [
        (name, node)
        for schema in nodes(document())
        for name, node in schema.get("properties", {}).items()
    ]

    assert fields
    assert not [name for name, field in fields if field.get("type") == "null"]


def test_the_license_is_said() -> None:
    assert document()["info"]["license"]["identifier"] == "Apache-2.0"


def test_every_call_says_its_errors_with_their_codes() -> None:
    for path, _, call in operations():
        answers = call["responses"]
        assert {"400", "404", "405", "413", "500", "503"} <= set(answers)
        assert ("401" in answers) is (path not in OPEN)
        assert all(a["x-codes"] for status, a in answers.items() if status >= "400")


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
                assert "example" in shown, where
                check_schema(shown["schema"], shown["example"])
    assert not [
        name
        for name, part in schemas()
        if "description" not in part and "enum" not in part
    ]


def test_only_what_may_spend_can_be_paused() -> None:
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


def spoken(part: Any) -> set[str]:
    return {
        node[name]
        for node in nodes(part)
        for name in ("summary", "description", "x-displayName")
        if isinstance(node.get(name), str)
    }


def is_korean(text: str) -> bool:
    return any("가" <= character <= "힣" for character in text)


def test_all_that_people_read_is_korean_in_korean_and_english_else() -> None:
    korean = answer(openapi(ROUTES, language=Language.KOREAN)).get_json()

    foreign = {text for text in spoken(korean) if not is_korean(text)}
    assert foreign - PHRASES == {"`Bearer`"}
    assert not [text for text in spoken(document()) if is_korean(text)]


def test_every_translation_is_of_something_that_is_said() -> None:
    assert korean_texts()["document"].keys() <= spoken(document())

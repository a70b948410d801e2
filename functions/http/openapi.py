"""The api in OpenAPI 3.1, made of what its routes say of themselves."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from functions.http.problems import (
    PROBLEM_JSON,
    codes_by_status,
    title,
)
from functions.http.route import FORM, JSON, PATH_ARGUMENT, Operation, Route, Schema
from functions.http.schemas import (
    FIELD_PROBLEMS,
    PROBLEM,
)
from shared.domain.fields import Field, FormSpec

VERSION = "1"
DESCRIPTION = """\
One image and one English prompt become an MP4. Times are RFC 3339 in UTC, money is a
decimal string in USD. Send a Firebase ID token, or an API key (`rk_…`) from a server,
as `Authorization: Bearer TOKEN`. Errors are RFC 9457 problems; `detail` and messages
come in English or Korean by `Accept-Language`."""
DESCRIPTION_KO = """\
이미지 한 장과 영어 프롬프트로 MP4 영상을 만듭니다. 시각은 RFC 3339(UTC), 금액은 USD
십진수 문자열입니다. Firebase ID 토큰이나 서버용 API 키(`rk_…`)를
`Authorization: Bearer TOKEN`으로 보내 주세요. 오류는 RFC 9457 형식이며, 메시지는
`Accept-Language`에 따라 영어 또는 한국어로 제공됩니다."""

_REQUEST_HEADERS: Mapping[str, Schema] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
}
_ANSWER_HEADERS: Mapping[str, tuple[str, Schema]] = {
    "Location": ("Where to look.", {"type": "string"}),
    "Idempotent-Replayed": (
        "`true` where the same key and body came before.",
        {"type": "string", "const": "true"},
    ),
    "X-Request-Id": ("Names this request in our logs.", {"type": "string"}),
    "Retry-After": (
        "Seconds after which it is worth another try.",
        {"type": "integer", "minimum": 0},
    ),
    "Allow": ("The methods that the path takes.", {"type": "string"}),
    "WWW-Authenticate": ("`Bearer`", {"type": "string"}),
}
_HEADERS_OF_PROBLEMS: Mapping[int, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_OF_ANY_CALL = (400, 404, 405, 413, 500, 503)
_ARGUMENT = re.compile(r"<(\w+)>")


def document(routes: Sequence[Route], server_url: str = "/") -> dict[str, Any]:
    """OpenAPI 3.1. A schema with a title of its own is kept once and referred to.

    `server_url`: the path below which the calls are, as `/`; no host is in it.
    """
    described = [(route, route.operation) for route in routes if route.operation]
    schemas: dict[str, Any] = {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Reelay",
            "version": VERSION,
            "description": DESCRIPTION,
            "x-description-ko": DESCRIPTION_KO,
        },
        "servers": [{"url": server_url}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in _unique(a.tag for _, a in described)],
        "paths": _named(_paths(described), schemas),
        "components": {
            "schemas": schemas,
            "headers": {
                name: {"description": what, "schema": schema}
                for name, (what, schema) in _ANSWER_HEADERS.items()
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths(described: Iterable[tuple[Route, Operation]]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for route, operation in described:
        name = _operation_id(route, taken)
        taken.add(name)
        calls = paths.setdefault(_ARGUMENT.sub(r"{\1}", route.path), {})
        calls[route.method.lower()] = {
            "operationId": name,
            **_operation(route, operation),
        }
    return paths


def _operation_id(route: Route, taken: set[str]) -> str:
    """The handler's name, where another call has it with the path's first part."""
    name = route.handler.__name__.strip("_")
    return f"{route.path.split('/')[1]}_{name}" if name in taken else name


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "summary": operation.summary,
        "x-summary-ko": operation.summary_ko,
        "tags": [operation.tag],
        "parameters": [*_parameters(route, operation)],
        "responses": _answers(operation) | _problems(route, operation),
    }
    if operation.body:
        entry["requestBody"] = {"required": True, "content": _body(operation)}
    if route.is_open:
        entry["security"] = []
    return entry


def _parameters(route: Route, operation: Operation) -> Iterable[dict[str, Any]]:
    argument: Schema = {"type": "string", "pattern": f"^{PATH_ARGUMENT.pattern}$"}
    for name in _ARGUMENT.findall(route.path):
        yield _parameter("path", name, argument, operation, required=True)
    for name, field in operation.query.items():
        # A query has no null: a parameter is there, or it is not.
        required = field.required
        yield _parameter("query", name, _plain(field), operation, required=required)
    for name in operation.request_headers:
        schema = _REQUEST_HEADERS.get(name, {"type": "string"})
        yield _parameter("header", name, schema, operation, required=False)


def _parameter(
    place: str, name: str, schema: Schema, operation: Operation, *, required: bool
) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    return parameter | _note(operation, name)


def _note(operation: Operation, name: str) -> dict[str, Any]:
    if name not in operation.notes:
        return {}
    english, korean = operation.notes[name]
    return {"description": english, "x-description-ko": korean}


def _body(operation: Operation) -> dict[str, Any]:
    """By media type. A form has a file where JSON has its address."""
    content: dict[str, Any] = {JSON: {"schema": _body_schema(operation, _schema)}}
    if operation.example is not None:
        content[JSON]["example"] = operation.example
    if operation.takes_form:
        content[FORM] = {"schema": _body_schema(operation, _in_form)}
    return content


def _body_schema(operation: Operation, read: Callable[[Field], Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name for name, field in operation.body.items() if field.required],
        "properties": {
            name: read(field) | _note(operation, name)
            for name, field in operation.body.items()
        },
        "additionalProperties": False,
        **operation.body_rule,
    }


def _in_form(field: Field) -> dict[str, Any]:
    match field.spec:
        case FormSpec() as spec:
            return dict(spec.form_schema())
        case _:
            return _schema(field)


def _schema(field: Field) -> dict[str, Any]:
    """As `_plain`; where null is taken, it says so, and a closed set lists it."""
    schema = _plain(field)
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _plain(field: Field) -> dict[str, Any]:
    schema: dict[str, Any] = dict(field.spec.schema())
    return schema if field.default is None else schema | {"default": field.default}


def _answers(operation: Operation) -> dict[str, Any]:
    return {
        str(status): {
            "description": title(status),
            "headers": _headers("X-Request-Id", *operation.answer_headers),
            **(
                {"content": {operation.media_type: {"schema": schema}}}
                if schema
                else {}
            ),
        }
        for status, schema in operation.answers.items()
    }


def _problems(route: Route, operation: Operation) -> dict[str, Any]:
    known = codes_by_status()
    statuses = {*operation.problems, *_OF_ANY_CALL}
    statuses |= set() if route.is_open else {HTTPStatus.UNAUTHORIZED}
    statuses |= {HTTPStatus.UNSUPPORTED_MEDIA_TYPE} if operation.body else set()
    takes = operation.body or operation.query or operation.request_headers
    statuses |= {HTTPStatus.UNPROCESSABLE_ENTITY} if takes else set()
    return {
        str(int(status)): _problem(
            status, operation, _possible(known[status], route, operation)
        )
        for status in sorted(statuses)
    }


def _possible(codes: Iterable[str], route: Route, operation: Operation) -> list[str]:
    impossible = set()
    if not route.spends:
        impossible.add("generation_paused")
    if "Idempotency-Key" not in operation.request_headers:
        impossible.add("idempotency_conflict")
    return [code for code in codes if code not in impossible]


def _problem(status: int, operation: Operation, codes: Sequence[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"status": {"const": int(status)}, "code": {"enum": codes}}
    rule: dict[str, Any] = {"properties": said}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        said["errors"], rule["required"] = FIELD_PROBLEMS, ["errors"]
    schema = operation.refusal or {"allOf": [PROBLEM, rule]}
    return {
        "description": title(status),
        "headers": _headers("X-Request-Id", *_HEADERS_OF_PROBLEMS.get(status, ())),
        "content": {JSON if operation.refusal else PROBLEM_JSON: {"schema": schema}},
        "x-codes": codes,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _named(value: Any, schemas: dict[str, Any]) -> Any:
    """`value` with every titled schema in it moved to `schemas`."""
    if isinstance(value, Mapping):
        title = value.get("title")
        inside = {name: _named(part, schemas) for name, part in value.items()}
        if not isinstance(title, str) or "properties" not in value:
            return inside
        schemas[title] = inside
        return {"$ref": f"#/components/schemas/{title}"}
    if isinstance(value, list | tuple):
        return [_named(part, schemas) for part in value]
    return value


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))

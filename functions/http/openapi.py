"""Generates the API's OpenAPI 3.1 document from its routes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from functions.http.components import example_of, with_components
from functions.http.problems import PROBLEMS, codes_by_status, title
from functions.http.route import FORM, JSON, PATH_ARGUMENT, Body, Route
from functions.http.schemas import Schema, or_null
from shared.domain.fields import Field
from shared.domain.job import Language

_RESPONSE_HEADERS: Mapping[str, tuple[str, Schema]] = {
    "Location": ("The video's URL.", {"type": "string"}),
    "Idempotent-Replayed": (
        "`true` if the same key and body were sent before.",
        {"type": "string", "enum": ["true"]},
    ),
    "X-Request-Id": ("Identifies this request in the logs.", {"type": "string"}),
    "Retry-After": (
        "Seconds after which a retry makes sense.",
        {"type": "integer", "minimum": 0},
    ),
    "Allow": ("The methods that the path supports.", {"type": "string"}),
    "WWW-Authenticate": ("`Bearer`", {"type": "string"}),
}
_REQUEST_HEADERS: Mapping[str, Schema] = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
}
_HEADERS_OF_PROBLEMS: Mapping[int, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A Firebase ID token, or an API key (`rk_…`) for servers.",
}
_OF_ANY_CALL = (400, 404, 405, 413, 500, 503)
_ALL_FIELDS = "Every field (webhook_url only with an API key)"
_ARGUMENT = re.compile(r"<(\w+)>")


def document(
    routes: Sequence[Route],
    info: Mapping[str, Any],
    language: Language,
    webhooks: Mapping[str, Any] = {},
) -> dict[str, Any]:
    """The document as a JSON value.

    `info`: all top-level fields that don't depend on routes, such as `info` and `tags`.
    `webhooks`: as in the document, but with schemas in place of references to them.
    Descriptions of errors are in `language`, everything else is in English.
    """
    components: dict[str, Any] = {}
    paths = with_components(_paths(routes, language), components)
    sent = with_components(webhooks, components)
    return {
        "openapi": "3.1.0",
        **info,
        "security": [{"bearer": []}],
        "paths": paths,
        "webhooks": sent,
        "components": {
            "schemas": dict(sorted(components.items())),
            "headers": {
                name: {"description": what, "schema": schema}
                for name, (what, schema) in _RESPONSE_HEADERS.items()
            },
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def _paths(
    routes: Iterable[Route], language: Language
) -> dict[str, dict[str, dict[str, Any]]]:
    paths: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for route in routes:
        if not route.summary:
            continue
        name = _operation_id(route, names)
        names.add(name)
        calls = paths.setdefault(_ARGUMENT.sub(r"{\1}", route.path), {})
        calls[route.method.lower()] = {
            "operationId": name,
            **_operation(route, language),
        }
    return paths


def _operation_id(route: Route, taken: set[str]) -> str:
    """The handler's name; if another call has it, with the path's first part."""
    name = route.handler.__name__.strip("_")
    return f"{route.path.split('/')[1]}_{name}" if name in taken else name


def _operation(route: Route, language: Language) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "summary": route.summary,
        "description": route.description,
        "tags": [route.tag],
        "parameters": [*_parameters(route)],
        "responses": _responses(route) | _problems(route, language),
    }
    if route.body:
        content = _body(route.body)
        entry["requestBody"] = {"required": True, "content": content}
    if route.is_open:
        entry["security"] = []
    return entry


def _parameters(route: Route) -> Iterable[dict[str, Any]]:
    argument = {"type": "string", "pattern": f"^{PATH_ARGUMENT.pattern}$"}
    for name in _ARGUMENT.findall(route.path):
        what = route.arguments[name]
        yield parameter("path", name, argument, what, required=True)
    for name, field in route.query.items():
        # A query can't express null: a parameter is present or absent.
        schema = _plain(field)
        what = field.description
        yield parameter("query", name, schema, what, required=field.required)
    for name, what in route.request_headers.items():
        schema = dict(_REQUEST_HEADERS.get(name, {"type": "string"}))
        yield parameter("header", name, schema, what, required=False)


def parameter(
    place: str, name: str, schema: Schema, description: str, *, required: bool
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": {n: v for n, v in schema.items() if n != "description"},
    }


def _body(body: Body) -> dict[str, Any]:
    """The schemas by media type. A form has a file where JSON has the file's URL.

    The form comes first: OpenAPI Generator makes code that doesn't compile otherwise.
    """
    plain = {JSON: _content(_object(body, body.title, _json_property))}
    if body.small_example:
        plain[JSON]["examples"] = {
            "small": {"summary": "A small request", "value": body.small_example},
            "all": {"summary": _ALL_FIELDS, "value": plain[JSON].pop("example")},
        }
    if not body.takes_form:
        return plain
    return {FORM: _content(_object(body, f"{body.title}Form", _form_property))} | plain


def _object(body: Body, title: str, read: Callable[[Field], Schema]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "object",
        "description": body.description,
        "required": [name for name, field in body.fields.items() if field.required],
        "properties": {name: read(field) for name, field in body.fields.items()},
        "additionalProperties": False,
    }


def _form_property(field: Field) -> Schema:
    if field.form_schema is None:
        return _json_property(field)
    return {**field.form_schema, "description": field.description}


def _json_property(field: Field) -> Schema:
    schema = _plain(field)
    return or_null(schema) if field.nullable else schema


def _plain(field: Field) -> dict[str, Any]:
    """A field's schema; if it has a title, a reference to it as a component."""
    schema: dict[str, Any] = dict(field.spec.schema())
    if "title" in schema:
        schema = {"$ref": schema}
    schema["description"] = field.description
    if field.default is not None:
        schema["default"] = field.default
    if field.example is not None:
        schema["examples"] = [field.example]
    return schema


def _responses(route: Route) -> dict[str, Any]:
    return {
        str(status): {
            "description": title(status),
            "headers": _headers("X-Request-Id", *route.response_headers),
            **({"content": {route.media_type: _content(schema)}} if schema else {}),
        }
        for status, schema in route.responses.items()
    }


def _content(schema: Schema) -> dict[str, Any]:
    reference = {"$ref": schema} if "title" in schema else schema
    return {"schema": reference, "example": example_of(schema)}


def _problems(route: Route, language: Language) -> dict[str, Any]:
    return {
        str(status): _problem(status, route, codes, language)
        for status, codes in sorted(_codes(route).items())
    }


def _codes(route: Route) -> dict[int, list[str]]:
    """Every error code that the route can answer with, by status."""
    statuses = {*route.problems, *_OF_ANY_CALL}
    if not route.is_open:
        statuses |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
    statuses |= {HTTPStatus.FORBIDDEN} if route.is_for_admins else set()
    statuses |= {HTTPStatus.UNSUPPORTED_MEDIA_TYPE} if route.body else set()
    takes = route.body or route.query or route.request_headers
    statuses |= {HTTPStatus.UNPROCESSABLE_ENTITY} if takes else set()
    impossible = _impossible(route)
    known = codes_by_status()
    codes = {s: [c for c in known[s] if c not in impossible] for s in sorted(statuses)}
    if takes and route.errors is not PROBLEMS:
        # OpenAI's API answers an invalid field with 400.
        codes[HTTPStatus.BAD_REQUEST].append("invalid_request")
        codes[HTTPStatus.UNPROCESSABLE_ENTITY].remove("invalid_request")
    return {status: possible for status, possible in codes.items() if possible}


def _impossible(route: Route) -> set[str]:
    possible = {
        "generation_paused": route.spends,
        "exceeds_limit": route.has_price,
        "idempotency_conflict": "Idempotency-Key" in route.request_headers,
    }
    return {code for code, is_possible in possible.items() if not is_possible}


def _problem(
    status: int, route: Route, codes: Sequence[str], language: Language
) -> dict[str, Any]:
    """All problems share one schema: generators ignore what `allOf` would narrow."""
    errors = route.errors
    sentences = {code: errors.describe(code, language) for code in codes}
    lines = (f"- `{code}`: {sentence}" for code, sentence in sentences.items())
    example = errors.example(status, *next(iter(sentences.items())))
    content = _content(errors.schema) | {"example": example}
    return {
        "description": "\n".join((title(status), "", *lines)),
        "headers": _headers("X-Request-Id", *_HEADERS_OF_PROBLEMS.get(status, ())),
        "content": {errors.media_type: content},
        "x-codes": codes,
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}

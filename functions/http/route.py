"""A call of the api: where it is, what handles it, and how OpenAPI describes it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Request, Response

from shared.domain.fields import Field
from shared.domain.job import Language
from shared.ports.identity import Caller

Fields = Mapping[str, Field]
Schema = Mapping[str, object]
JSON = "application/json"
FORM = "multipart/form-data"
# What a name in a path can be: anything else names nothing of ours.
PATH_ARGUMENT = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """A route's description. `answers`: JSON Schema by status, None: without a body.

    `body` and `query` are the very specs that parse the request; `body_rule` is what
    JSON Schema says of the body as a whole, beside its fields. `problems`: the statuses
    that it can be refused with, beside those that any call of its shape may meet.
    `notes`: what a field, parameter or header means, in English and Korean. `example`:
    a body that is accepted. `refusal`: the shape of its errors where they are not
    problem+json. `tag` groups the calls on the page.
    """

    summary: str
    summary_ko: str
    tag: str
    answers: Mapping[int, Schema | None]
    body: Fields = field(default_factory=dict)
    query: Fields = field(default_factory=dict)
    request_headers: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ()
    takes_form: bool = False
    problems: tuple[int, ...] = ()
    body_rule: Schema = field(default_factory=dict)
    notes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    example: Mapping[str, object] | None = None
    media_type: str = JSON
    refusal: Schema | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to a handler. `caller` is ANYONE on open routes alone."""

    request: Request
    caller: Caller
    language: Language
    arguments: Mapping[str, str]


Handler = Callable[[Call], Response]
ANYONE = Caller(user_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`is_open`: answered without a token. `spends`: it may cost money."""

    method: str
    path: str
    handler: Handler
    operation: Operation | None = None
    is_open: bool = False
    spends: bool = False

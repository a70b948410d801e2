"""A call of the api: where it is, what handles it, and how OpenAPI describes it."""

import re
from collections.abc import Callable, Mapping

from flask import Request, Response
from msgspec import Struct, field

from functions.http.receiving import SMALL_BODY_BYTES
from functions.http.schemas import Schema
from shared.domain.fields import Field
from shared.domain.job import Language
from shared.ports.identity import Caller

Fields = Mapping[str, Field]
JSON = "application/json"
FORM = "multipart/form-data"
# What a name in a path can be (`gemini-veo-3.1`): anything else names nothing of ours.
PATH_ARGUMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


class Body(Struct, frozen=True, kw_only=True):
    """A JSON object: its name as a component, and the fields, which also parse it."""

    title: str
    description: str
    fields: Fields
    takes_form: bool = False


class Operation(Struct, frozen=True, kw_only=True, eq=False):
    """A route's description in English; `openapi.ko.json` has the Korean.

    `answers`: the schema by status, or None for an answer without a body. `problems`:
    the statuses of refusals, beside those that any call of its shape may meet.
    `arguments`: what the names in the path and the request's headers mean. `refusal`:
    the shape of errors where they are not problem+json. `has_price`: a price that no
    limit could admit is refused.
    """

    summary: str
    description: str
    tag: str
    answers: Mapping[int, Schema | None]
    body: Body | None = None
    query: Fields = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)
    answer_headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    media_type: str = JSON
    refusal: Schema | None = None
    has_price: bool = False


class Call(Struct, frozen=True, kw_only=True):
    """One request on its way to a handler. `caller` is ANYONE on open routes alone."""

    request: Request
    caller: Caller
    language: Language
    arguments: Mapping[str, str]


Handler = Callable[[Call], Response]
ANYONE = Caller(user_id="")


class Route(Struct, frozen=True, kw_only=True):
    """`is_open`: answered without a token. `spends`: it may cost money.

    `most_bytes`: the largest body that it reads. `tokens`: what it takes of a user's
    rate, by what it costs us.
    """

    method: str
    path: str
    handler: Handler
    operation: Operation | None = None
    is_open: bool = False
    is_for_admins: bool = False
    spends: bool = False
    most_bytes: int = SMALL_BODY_BYTES
    tokens: int = 1

    @property
    def checks_revoked(self) -> bool:
        """Whether a revoked token stops at once; an administrator's always does."""
        return self.method != "GET"

    @property
    def reads_body(self) -> bool:
        if self.operation is None:
            return self.most_bytes > 0
        return self.operation.body is not None

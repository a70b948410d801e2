"""A route of the api: its path, its handler, and its description for OpenAPI."""

import re
from collections.abc import Callable, Mapping

from flask import Request, Response
from msgspec import Struct, field

from functions.http.problems import PROBLEMS, ErrorFormat
from functions.http.receiving import SMALL_BODY_BYTES
from functions.http.schemas import Schema
from shared.domain.fields import Field
from shared.domain.job import Language
from shared.ports.identity import Caller

Fields = Mapping[str, Field]
JSON = "application/json"
FORM = "multipart/form-data"
# What a path argument (such as `gemini-veo-3.1`) can be. Anything else is a 404.
PATH_ARGUMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")


class Body(Struct, frozen=True, kw_only=True):
    """A request's JSON object. `title` names it in OpenAPI; `fields` also parse it.

    `small_example`: shown before the example of all fields, to be sent as it is.
    """

    title: str
    description: str
    fields: Fields
    takes_form: bool = False
    small_example: Mapping[str, object] = {}


class Call(Struct, frozen=True, kw_only=True):
    """What a handler gets. `caller` is ANYONE on open routes, and only there."""

    request: Request
    caller: Caller
    language: Language
    arguments: Mapping[str, str]


Handler = Callable[[Call], Response]
ANYONE = Caller(user_id="")


class Route(Struct, frozen=True, kw_only=True, eq=False):
    """`is_open`: no token is needed. `spends`: a request may cost money.

    `max_bytes`: the largest body that is read. `tokens`: what a request counts for in
    its user's rate limit, according to what it costs us.

    The rest describes the route in English for OpenAPI; `functions/docs.ko.json` has
    the Korean. Without a `summary`, the route is not documented. `responses`: schemas
    by status, None for a response without a body. `problems`: error statuses, in
    addition to those that every route of this kind can return. `arguments` describes
    the path's arguments, `request_headers` the request's headers. `has_price`: a
    price that the caps could never admit is refused (`exceeds_limit`).
    """

    method: str
    path: str
    handler: Handler
    is_open: bool = False
    is_for_admins: bool = False
    spends: bool = False
    max_bytes: int = SMALL_BODY_BYTES
    tokens: Callable[[Request], int] = lambda _request: 1
    summary: str = ""
    description: str = ""
    tag: str = ""
    responses: Mapping[int, Schema | None] = field(default_factory=dict)
    body: Body | None = None
    query: Fields = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)
    response_headers: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    media_type: str = JSON
    errors: ErrorFormat = PROBLEMS
    has_price: bool = False

    @property
    def checks_revoked(self) -> bool:
        """Whether a revoked token is refused at once. An administrator's always is."""
        return self.method != "GET"

    @property
    def reads_body(self) -> bool:
        return self.body is not None if self.summary else self.max_bytes > 0

"""What a route says of itself, in the words from which OpenAPI and /docs are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.fields import Field

Fields = Mapping[str, Field]
Schema = Mapping[str, object]
JSON = "application/json"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """A route's description. `answers`: JSON Schema by status, None: without a body.

    `body` and `query` are the very specs that parse the request; `body_rule` is what
    JSON Schema says of the body as a whole, beside its fields. `problems`: the statuses
    that it can be refused with, beside those that any call of its shape may meet.
    `notes`: what a field, parameter or header means, in English and Korean. `example`:
    a body that is taken. `refusal`: the shape of its errors where they are no
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

"""The parts of JSON Schema from which answers are described."""

from collections.abc import Iterable, Mapping

from shared.domain.errors import ErrorCode

Schema = Mapping[str, object]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ADDRESS: Schema = {"type": "string", "format": "uri"}
MONEY: Schema = {
    "type": "string",
    "pattern": r"^\d+(\.\d+)?$",
    "description": "USD",
    "examples": ["0.25"],
}


def one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def record(title: str, /, **properties: Schema) -> Schema:
    """An object with all of `properties`; more may be added to it one day."""
    return nested(**properties) | {"title": title}


def nested(**properties: Schema) -> dict[str, object]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
    }


def list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """Where `schema` has a type of its own; None is a value of its enum then."""
    nullable = dict(schema) | {"type": [schema["type"], "null"]}
    values = schema.get("enum")
    return nullable | ({"enum": [*values, None]} if isinstance(values, list) else {})


FAILURE = nested(code=one_of(ErrorCode), message=TEXT)


PROBLEM = {
    **record(
        "Problem",
        type=TEXT,
        title=TEXT,
        status=WHOLE,
        detail=TEXT,
        code=TEXT,
    ),
    "description": "RFC 9457. `detail` and messages come by Accept-Language.",
}
FIELD_PROBLEMS = list_of(nested(field=TEXT, message=TEXT))

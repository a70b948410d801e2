"""Builds the JSON Schemas of responses.

Each property has a description and an example. A schema with a title becomes one of the
document's components; `{"$ref": schema}` stands for a reference to it, which
`components.py` resolves.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Schema = Mapping[str, object]
Order = Callable[[Any], Any]


def text(description: str, example: str | None, **more: object) -> Schema:
    return _plain("string", description, example) | more


def whole(description: str, example: int, **more: object) -> Schema:
    return _plain("integer", description, example) | more


def number(description: str, example: float) -> Schema:
    return _plain("number", description, example)


def flag(description: str, *, example: bool) -> Schema:
    return _plain("boolean", description, example)


def moment(description: str, example: str = "2026-11-28T12:00:00.000Z") -> Schema:
    return text(description, example, format="date-time")


def day(description: str, example: str = "2026-11-28") -> Schema:
    return text(description, example, format="date")


def url(description: str, example: str) -> Schema:
    return text(description, example, format="uri")


def money(description: str, example: str) -> Schema:
    """USD, as a decimal string."""
    return text(description, example, pattern=r"^\d+(\.\d+)?$")


def constant(description: str, value: str) -> Schema:
    return text(description, value, const=value)


def choice(title: str, values: Iterable[str]) -> Schema:
    """A closed set of strings, as a component of its own."""
    return {"title": title, "type": "string", "enum": [str(value) for value in values]}


def described(schema: Schema, description: str, example: object = None) -> Schema:
    """A reference to the component `schema`, with a description for this place."""
    reference: Schema = {"$ref": schema, "description": description}
    return reference if example is None else {**reference, "examples": [example]}


def record(title: str, description: str, /, **properties: Schema) -> Schema:
    """An object, as a component. All of `properties` are required, others allowed."""
    return {
        "title": title,
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
    }


def with_optional(schema: Schema, **properties: Schema) -> Schema:
    """The object `schema` with additional, optional properties."""
    required = schema["properties"]
    assert isinstance(required, Mapping)
    return {**schema, "properties": {**required, **properties}}


def list_of(items: Schema, description: str) -> Schema:
    inner = {"$ref": items} if "title" in items else items
    return {"type": "array", "description": description, "items": inner}


def texts_by_name(description: str, example: Mapping[str, str]) -> Schema:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": {"type": "string"},
        "examples": [example],
    }


def or_null(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return {**rest, "anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}]}


def ordering(schema: Schema) -> Order:
    """A function that sorts a response's properties, nested ones too, as in `schema`.

    It drops properties that the schema doesn't have.
    """
    return _ordering(schema) or (lambda answer: answer)


def _ordering(schema: Mapping[str, Any]) -> Order | None:
    """None if there is nothing to sort, so that such values aren't visited at all."""
    match schema:
        case {"$ref": inner} | {"anyOf": [{"$ref": inner}, {"type": "null"}]}:
            return _ordering(inner)
        case {"items": items} if each := _ordering(items):
            return lambda values: [each(value) for value in values]
        case {"properties": properties}:
            parts = {name: _ordering(part) for name, part in properties.items()}
            return lambda value: (
                value
                and {
                    name: order(value[name]) if order else value[name]
                    for name, order in parts.items()
                    if name in value
                }
            )
    return None


def _plain(kind: str, description: str, example: object) -> dict[str, object]:
    return {"type": kind, "description": description, "examples": [example]}

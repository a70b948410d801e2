"""Moves titled schemas into OpenAPI's `components`, and builds examples of schemas."""

from collections.abc import Mapping
from typing import Any

from functions.http.schemas import Schema


def with_components(value: Any, components: dict[str, Any]) -> Any:
    """`value`, with each schema under a `$ref` moved to `components`, by its title."""
    if isinstance(value, Mapping):
        return {
            name: _referred(part, components)
            if name == "$ref" and isinstance(part, Mapping)
            else with_components(part, components)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [with_components(part, components) for part in value]
    return value


def _referred(schema: Schema, components: dict[str, Any]) -> str:
    name = str(schema["title"])
    written = with_components(schema, components)
    assert components.setdefault(name, written) == written, f"two schemas named {name}"
    return f"#/components/schemas/{name}"


def example_of(schema: Any) -> Any:
    """An example value of `schema`, built from those of its parts.

    Optional properties without an example or a default are left out.
    """
    for name in ("examples", "enum"):
        if name in schema:
            return schema[name][0]
    if "default" in schema:
        return schema["default"]
    if "$ref" in schema:
        return example_of(schema["$ref"])
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0])
    if "items" in schema:
        return [example_of(schema["items"])]
    if "properties" in schema:
        return {
            name: example_of(part)
            for name, part in schema["properties"].items()
            if name in schema["required"] or "examples" in part or "default" in part
        }
    return None

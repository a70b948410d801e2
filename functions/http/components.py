"""OpenAPI's components, gathered from the schemas that refer to them; and examples."""

from collections.abc import Mapping
from typing import Any

from functions.http.schemas import Schema


def with_components(value: Any, components: dict[str, Any]) -> Any:
    """`value` with every schema that is referred to moved to `components`."""
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
    """A value of `schema`, made of its parts' examples; without optional nulls."""
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

"""The Terraform files parsed as data, with quotes removed from texts."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

INFRA = Path(__file__).parent.parent.parent / "infra"


@cache
def _files() -> list[dict[str, Any]]:
    """Parsed once, as that takes seconds."""
    return [hcl2.loads(file.read_text()) for file in INFRA.glob("*.tf")]


def _blocks(kind: str) -> Iterator[tuple[str, Any]]:
    """Name and body of every block of this kind."""
    for file in _files():
        for block in file.get(kind, ()):
            yield from _plain(block).items()


@cache
def local_values() -> dict[str, Any]:
    """All locals by name; expressions stay text in the form ${…}."""
    return dict(_blocks("locals"))


@cache
def variables() -> dict[str, Any]:
    return dict(_blocks("variable"))


@cache
def providers() -> dict[str, Any]:
    return dict(_blocks("provider"))


@cache
def resources() -> dict[str, Any]:
    """Bodies of resources by `type.name`."""
    return {
        f"{kind}.{name}": body
        for kind, named in _blocks("resource")
        for name, body in named.items()
    }


def _plain(value: Any) -> Any:
    """The value without quotes and without the parser's additions."""
    match value:
        case str():
            return value.removeprefix('"').removesuffix('"')
        case list():
            return [_plain(item) for item in value]
        case dict():
            kept = {k: v for k, v in value.items() if not k.startswith("__")}
            return {_plain(k): _plain(v) for k, v in kept.items()}
        case _:
            return value

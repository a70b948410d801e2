"""Terraform's files as data: its locals, plain text without its quotes."""

from functools import cache
from pathlib import Path
from typing import Any

import hcl2

INFRA = Path(__file__).parent.parent.parent / "infra"


@cache
def local_values() -> dict[str, Any]:
    """All locals by name; expressions stay texts of the form ${…}."""
    found: dict[str, Any] = {}
    for file in INFRA.glob("*.tf"):
        for block in hcl2.loads(file.read_text()).get("locals", ()):
            found |= _plain(block)
    return found


@cache
def variables() -> dict[str, Any]:
    blocks = hcl2.loads((INFRA / "variables.tf").read_text())["variable"]
    return {name: body for block in blocks for name, body in _plain(block).items()}


@cache
def resources() -> dict[str, Any]:
    """Bodies of resources by `type.name`."""
    found: dict[str, Any] = {}
    for file in INFRA.glob("*.tf"):
        for block in hcl2.loads(file.read_text()).get("resource", ()):
            for kind, named in _plain(block).items():
                found |= {f"{kind}.{name}": body for name, body in named.items()}
    return found


def _plain(value: Any) -> Any:
    """Without quotes, and without what the parser adds."""
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

"""The page's types of the API's answers; `python -m tests.e2e.page_types` writes them.

They are generated from our OpenAPI document, without its descriptions.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.api import ROUTES
from functions.docs import openapi
from local.stack import ROOT
from tests.e2e.node import write_types

TYPES = ROOT / "web" / "src" / "api-types.ts"
_PROSE = ("description", "example", "examples", "title")


def page_types(folder: Path) -> str:
    """The types, generated in `folder`."""
    document, made = folder / "openapi.json", folder / "api-types.ts"
    document.write_text(json.dumps(_schemas_alone(openapi(ROUTES))))
    write_types(str(document), str(made), folder)
    return made.read_text()


def _schemas_alone(document: Mapping[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    return {
        **document,
        "paths": {},
        "webhooks": {},
        "components": {"schemas": {name: _bare(s) for name, s in schemas.items()}},
    }


def _bare(schema: Any, *, names: bool = False) -> Any:
    """The schema without prose; with `names`, keys are names of properties and stay."""
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(part, names=key == "properties")
        for key, part in schema.items()
        if names or key not in _PROSE
    }


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as made_in:
        TYPES.write_text(page_types(Path(made_in)))

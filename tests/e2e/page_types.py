"""The page's types of the API's answers: `python -m tests.e2e.page_types` writes them.

They come from our OpenAPI, without its prose.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from functions.api import ROUTES
from functions.docs import openapi
from local.stack import ROOT
from tests.e2e.node import installed, run_node

TYPES = ROOT / "web" / "src" / "api-types.ts"
GENERATOR = "node_modules/openapi-typescript/bin/cli.js"
_PROSE = ("description", "example", "examples", "title")


def page_types(folder: Path) -> str:
    """Made anew, in `folder`."""
    document, made = folder / "openapi.json", folder / "api-types.ts"
    document.write_text(json.dumps(_schemas_alone(openapi(ROUTES))))
    generator = installed(Path(__file__).with_name("frontend")) / GENERATOR
    run_node(str(generator), str(document), "-o", str(made), folder=folder)
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
    """`names`: the keys are properties' names, none of which is prose."""
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

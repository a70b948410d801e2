"""Common generators make clients from our OpenAPI document without warnings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from functions.api import ROUTES
from functions.docs import openapi
from functions.http.bodies import json_response
from shared.domain.request import VideoRequest
from tests.e2e.conftest import bare_environment
from tests.e2e.node import FRONTEND, TSC, installed, run_node, write_types
from tests.e2e.page_types import TYPES, page_types

TYPED = """
import type { components, paths } from "./reelay";
type Video = components["schemas"]["Video"];
export const asked: components["schemas"]["VideoRequest"] = { prompt: "A cat" };
export const path: keyof paths = "/v1/videos/{job_id}";
export const url = ({ status, video_url }: Video): string | null =>
  status === "completed" ? video_url : null;
"""

SENT = """
from reelay import VideoRequest
request = VideoRequest.model_validate({"prompt": "A cat"})
print(request.model_dump_json(warnings=False))
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(json_response(openapi(ROUTES)).data)
    return path


def run_python(*command: str, folder: Path) -> str:
    """Run it; returns its output. The generator formats with this Python's ruff."""
    beside = f"{Path(sys.executable).parent}:{bare_environment()['PATH']}"
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=bare_environment() | {"PATH": beside},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_openapi_python_client_generates_a_client(
    document: Path, tmp_path: Path
) -> None:
    options = ("--meta", "none", "--fail-on-warning", "--output-path", "reelay")
    generate = ("generate", "--path", str(document), *options)

    run_python("-m", "openapi_python_client", *generate, folder=tmp_path)

    made = {path.stem for path in (tmp_path / "reelay" / "models").glob("*.py")}
    assert {"video", "video_request", "problem", "error_code"} <= made
    assert not [name for name in made if "_type_" in name], "it had to make up a name"
    run_python("-c", "import reelay.api.videos.create_video", folder=tmp_path)


def test_datamodel_codegen_generates_models(document: Path, tmp_path: Path) -> None:
    kind = ("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin")
    options = ("--input-file-type", "openapi", "--output", "reelay.py", *kind)
    generate = ("--input", str(document), *options)

    said = run_python("-m", "datamodel_code_generator", *generate, folder=tmp_path)

    assert said == ""
    run_python("-c", "from reelay import Problem, Video, VideoRequest", folder=tmp_path)
    # What pydantic sends for a request with a prompt alone.
    assert VideoRequest.parse(json.loads(run_python("-c", SENT, folder=tmp_path)))


def test_openapi_typescript_generates_types(document: Path, tmp_path: Path) -> None:
    said = write_types(str(document), "reelay.ts", tmp_path)

    assert [line[0] for line in said if line] == ["✨", "🚀"], said
    (tmp_path / "page.ts").write_text(TYPED)
    options = ("--strict", "--noEmit", "--skipLibCheck")
    tsc = str(installed(FRONTEND) / TSC)
    run_node(tsc, *options, "page.ts", folder=tmp_path)


def test_the_pages_types_are_up_to_date(tmp_path: Path) -> None:
    again = "run `.venv/bin/python -m tests.e2e.page_types`"
    assert TYPES.read_text() == page_types(tmp_path), again

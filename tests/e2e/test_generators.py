"""Common generators make clients of our OpenAPI without a warning."""

import subprocess
import sys
from pathlib import Path

import pytest

from functions.api import ROUTES
from functions.docs import openapi
from functions.http.bodies import answer
from tests.e2e.conftest import bare_environment
from tests.e2e.node import installed, run_node
from tests.e2e.page_types import TYPES, page_types

# Installing packages and generators take their time on a busy machine.
pytestmark = pytest.mark.timeout(600)
FRONTEND = Path(__file__).with_name("frontend")
TYPED = """
import type { components, paths } from "./reelay";
type Video = components["schemas"]["Video"];
export const path: keyof paths = "/v1/videos/{job_id}";
export const url = ({ status, video_url }: Video): string | null =>
  status === "completed" ? video_url : null;
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(answer(openapi(ROUTES)).data)
    return path


def run_python(*command: str, folder: Path) -> str:
    """All that it printed. The generator formats with the ruff beside this Python."""
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


def test_openapi_python_client_makes_a_client(document: Path, tmp_path: Path) -> None:
    options = ("--meta", "none", "--fail-on-warning", "--output-path", "reelay")
    generate = ("generate", "--path", str(document), *options)

    run_python("-m", "openapi_python_client", *generate, folder=tmp_path)

    made = {path.stem for path in (tmp_path / "reelay" / "models").glob("*.py")}
    assert {"video", "video_request", "problem", "error_code"} <= made
    assert not [name for name in made if "_type_" in name], "it had to make up a name"
    run_python("-c", "import reelay.api.videos.create_video", folder=tmp_path)


def test_datamodel_codegen_makes_models(document: Path, tmp_path: Path) -> None:
    kind = ("--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin")
    options = ("--input-file-type", "openapi", "--output", "reelay.py", *kind)
    generate = ("--input", str(document), *options)

    said = run_python("-m", "datamodel_code_generator", *generate, folder=tmp_path)

    assert said == ""
    run_python("-c", "from reelay import Problem, Video, VideoRequest", folder=tmp_path)


def test_openapi_typescript_makes_types(document: Path, tmp_path: Path) -> None:
    packages = installed(FRONTEND) / "node_modules"
    made = tmp_path / "reelay.ts"

    generator = str(packages / "openapi-typescript/bin/cli.js")
    done = run_node(generator, str(document), "-o", str(made), folder=tmp_path)

    said = (done.stdout + done.stderr).splitlines()
    assert [line[0] for line in said if line] == ["✨", "🚀"], said
    (tmp_path / "page.ts").write_text(TYPED)
    options = ("--strict", "--noEmit", "--skipLibCheck")
    run_node(str(packages / "typescript/bin/tsc"), *options, "page.ts", folder=tmp_path)


def test_the_page_has_the_types_of_todays_api(tmp_path: Path) -> None:
    again = "run `.venv/bin/python -m tests.e2e.page_types`"
    assert TYPES.read_text() == page_types(tmp_path), again

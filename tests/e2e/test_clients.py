"""Every program of docs/clients.md runs as it stands, against the running stack."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from local.dev import FIRST_PORT, stable_ports
from local.processes import free_port
from local.stack import ROOT, Stack
from tests.e2e.client import IMAGE, Frontend, Server, wait_for
from tests.e2e.conftest import bare_environment
from tests.e2e.node import LOCAL, ai_sdk, installed, node, run_node
from tests.e2e.receiver import Receiver, passed_on

pytestmark = pytest.mark.timeout(600)
FRONTEND = Path(__file__).with_name("frontend")
SOURCE = (ROOT / "docs/clients.md").read_text()
KOREAN = (ROOT / "docs/clients.ko.md").read_text()
LITELLM = Path(__file__).with_name("requirements-litellm.txt")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", SOURCE, re.DOTALL)
# The page's own parts of the block for a browser: it deletes the video it is shown.
PAGE = """
const { API, AUTHORIZATION, JOB: jobId } = process.env;
const show = async (text) => {
  console.log(text);
  if (!text.startsWith("http")) process.exit(0);
  const headers = { Authorization: AUTHORIZATION };
  await fetch(`${API}/v1/videos/${jobId}`, { method: "DELETE", headers });
};
"""


def block(language: str, containing: str) -> str:
    (found,) = (c for name, c in BLOCKS if name == language and containing in c)
    return str(found)


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    token = Frontend(stack, "clients").headers["Authorization"].removeprefix("Bearer ")
    return {"API": stack.addresses["api"], "TOKEN": token}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the image where the programs look for it."""
    (tmp_path / "local").mkdir()
    (tmp_path / "local/raccoon.jpg").symlink_to(IMAGE)
    return tmp_path


def run(program: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        program,
        cwd=folder,
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_js(source: str, packages: Path, folder: Path, environment: Any) -> str:
    """In `folder`, as a module that finds the packages."""
    script = packages / f"{folder.name}.mjs"
    script.write_text(source)
    return run_node(str(script), folder=folder, environment=environment).stdout


def is_mp4(path: Path) -> bool:
    return path.read_bytes()[4:8] == b"ftyp"


def test_curl(checkout: Path, environment: dict[str, str]) -> None:
    run(["sh", "-e", "-c", block("sh", "ask()")], checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


def test_curl_stops_and_shows_why_it_was_refused(
    checkout: Path, environment: dict[str, str]
) -> None:
    done = run_curl(checkout, environment | {"TOKEN": "bad"})

    assert done.returncode != 0
    assert "unauthenticated" in done.stderr
    assert not (checkout / "raccoon.mp4").exists()


@pytest.mark.parametrize("created", ["{}", '{"id": "0123"}'], ids=["no id", "deleted"])
def test_curl_stops_when_a_poll_fails(checkout: Path, created: str) -> None:
    """Instead of curl, a program that makes a video and knows of none."""
    curl = checkout / "curl"
    curl.write_text(
        f"#!/bin/sh\ncase $* in *prompt=*) echo '{created}' ;;"
        " *) echo not_found; exit 22 ;; esac\n"
    )
    curl.chmod(0o755)
    path = f"{checkout}:{bare_environment()['PATH']}"

    done = run_curl(checkout, {"PATH": path, "API": "", "TOKEN": ""})

    assert (done.returncode, done.stderr) == (1, "not_found\n")


def run_curl(folder: Path, environment: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", block("sh", "ask()")],
        cwd=folder,
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_python(checkout: Path, environment: dict[str, str]) -> None:
    shown = block("python", "import requests")

    printed = run([sys.executable, "-c", shown], checkout, environment)

    assert printed.startswith("http") and "X-Goog-Signature" in printed


def typed(folder: Path, api: str) -> None:
    """With the npm packages, and our OpenAPI as types."""
    modules = installed(FRONTEND) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    generator = str(modules / "openapi-typescript/bin/cli.js")
    document = f"{api}/v1/openapi.json"
    run_node(generator, document, "-o", "reelay.ts", folder=folder)


def compiled(folder: Path, program: str) -> None:
    compiler = str(folder / "node_modules/typescript/bin/tsc")
    options = ("--strict", "--noEmit", "--skipLibCheck", "--allowImportingTsExtensions")
    module = ("--module", "nodenext", "--target", "es2023", "--types", "node")
    run_node(compiler, *options, *module, program, folder=folder)


def test_typescript(checkout: Path, environment: dict[str, str]) -> None:
    typed(checkout, environment["API"])
    (checkout / "client.ts").write_text(block("ts", "async function call"))

    compiled(checkout, "client.ts")
    done = run_node("client.ts", folder=checkout, environment=environment)

    assert done.stdout.startswith("http") and "X-Goog-Signature" in done.stdout


def test_a_listener_sees_the_video_and_then_that_it_was_deleted(
    stack: Stack, tmp_path: Path
) -> None:
    user = Frontend(stack, "me")
    video = user.wait(user.create(duration=3))

    printed = listen(user, video["job_id"], tmp_path)

    assert "X-Goog-Signature" in printed[0]
    assert printed[1:] == ["There is no such video."]


def test_a_listener_on_no_video_is_told_so(stack: Stack, tmp_path: Path) -> None:
    printed = listen(Frontend(stack, "me"), "0" * 32, tmp_path)

    assert printed == ["There is no such video."]


def listen(user: Frontend, job_id: str, folder: Path) -> list[str]:
    """What a page of this user shows, until it shows no video."""
    stack = user.stack
    host, _, port = stack.announcement()["firestore"].rpartition(":")
    address = f'"127.0.0.1", {stable_ports(FIRST_PORT)["firestore"]}'
    shown = block("js", "onSnapshot").replace("demo-reelay", stack.project)
    assert address in shown
    shown = PAGE + shown.replace(address, f'"{host}", {port}')
    environment = {"JOB": job_id, "API": stack.addresses["api"]}
    environment["AUTHORIZATION"] = user.headers["Authorization"]
    return run_js(shown, installed(FRONTEND), folder, environment).splitlines()


@contextmanager
def receiving(
    program: list[str], port: int, folder: Path, secret: str
) -> Iterator[subprocess.Popen[str]]:
    """A receiver's program while it runs, once it listens."""
    running = subprocess.Popen(
        program,
        cwd=folder,
        env=bare_environment() | {"SECRET": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: listens(port))
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize("language", ["python", "ts"])
def test_a_webhook_is_taken_by_its_receiver_and_by_no_other(
    stack: Stack, server: Server, receiver: Receiver, checkout: Path, language: str
) -> None:
    port = free_port()
    program = receivers_program(language, port, checkout, stack)
    receiver.programs["/webhook"] = f"http://127.0.0.1:{port}"
    asking = ["sh", "-e", "-c", block("sh", "webhook_url")]
    keys = {"API": stack.addresses["api"], "API_KEY": server.api_key}

    with receiving(program, port, checkout, server.webhook_secret) as shown:
        video = json.loads(run(asking, checkout, keys))
        assert shown.stdout
        printed = shown.stdout.readline()
    with receiving(program, port, checkout, Server(stack).webhook_secret):
        message = receiver.messages["/webhook"][-1]
        answer = passed_on(receiver.programs["/webhook"], message)

    assert printed == f"video.completed {video['job_id']}\n"
    assert answer.status_code == 400


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def receivers_program(
    language: str, port: int, folder: Path, stack: Stack
) -> list[str]:
    """The program as it is shown, at another port."""
    shown = block(language, "standardwebhooks").replace("4000", str(port))
    if language == "python":
        return [sys.executable, "-c", shown]
    typed(folder, stack.addresses["api"])
    (folder / "receiver.ts").write_text(shown)
    compiled(folder, "receiver.ts")
    return [node(), "receiver.ts"]


def test_openais_python_client(checkout: Path, environment: dict[str, str]) -> None:
    shown = block("python", "from openai")

    run([sys.executable, "-W", "ignore", "-c", shown], checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


def test_litellm(checkout: Path, environment: dict[str, str]) -> None:
    # Prices would otherwise be fetched from elsewhere when it is imported.
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    shown = block("python", "litellm")

    run([python_of_litellm(), "-c", shown], checkout, environment | offline)

    assert is_mp4(checkout / "raccoon.mp4")


def python_of_litellm() -> str:
    """The Python of an environment of its own, installed once as the lock says."""
    folder, lock = LOCAL / "litellm", LITELLM.read_text()
    python, done = str(folder / "bin/python"), folder / "lock"
    if not done.is_file() or done.read_text() != lock:
        uv = [sys.executable, "-m", "uv"]
        make = ["venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
        subprocess.run([*uv, *make], check=True)
        # Named, since `python -m uv` would otherwise sync this Python's environment.
        sync = ["pip", "sync", "--quiet", "--python", python, "--require-hashes"]
        subprocess.run([*uv, *sync, str(LITELLM)], check=True, timeout=300)
        done.write_text(lock)
    return python


def test_the_ai_sdk(checkout: Path, environment: dict[str, str]) -> None:
    run_js(block("js", "@reelay/ai-sdk"), ai_sdk(), checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


def test_the_versions_that_are_named_are_the_ones_that_ran() -> None:
    npm = json.loads((FRONTEND / "package.json").read_text())["dependencies"]
    package = json.loads((ROOT / "packages/ai-sdk/package.json").read_text())
    (litellm,) = re.findall(r"^litellm==(\S+)", LITELLM.read_text(), re.MULTILINE)
    tested = {
        f"`openai` {version('openai')}",
        f"`openai` {npm['openai']}",
        f"`litellm` {litellm}",
        f"`ai` {package['devDependencies']['ai']}",
    }

    for page in (SOURCE, KOREAN):
        assert not [name for name in tested if name not in page]


def test_openais_node_client(checkout: Path, environment: dict[str, str]) -> None:
    run_js(block("js", 'from "openai"'), installed(FRONTEND), checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")

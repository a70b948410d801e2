"""Every program in the README and in docs/clients.md runs as pasted."""

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
from tests.e2e.client import IMAGE, Frontend, Server, Video, wait_for
from tests.e2e.conftest import bare_environment
from tests.e2e.node import (
    FRONTEND,
    LOCAL,
    OPTIONAL,
    TSC,
    ai_sdk,
    installed,
    node,
    run_node,
    write_types,
)
from tests.e2e.receiver import Receiver, forwarded

README = (ROOT / "README.md").read_text()
SOURCE = (ROOT / "docs/clients.md").read_text()
KOREAN = (ROOT / "docs/clients.ko.md").read_text()
LITELLM = Path(__file__).with_name("requirements-litellm.txt")
# What the README's block expects of its page: the job's ID, and a `<video>`.
PLAYER = """
const jobId = process.env.JOB;
const player = { set src(url) { console.log(url); process.exit(0); } };
"""
# What the browser block expects of its page, which deletes the video once shown.
PAGE = """
const { API, AUTHORIZATION, JOB: jobId } = process.env;
const show = async (text) => {
  console.log(text);
  if (!text.startsWith("http")) process.exit(0);
  const headers = { Authorization: AUTHORIZATION };
  await fetch(`${API}/v1/videos/${jobId}`, { method: "DELETE", headers });
};
"""
# The client has no answer to its first request, which creates the video.
LOSE_AN_ANSWER = """
const send = fetch;
let lost = false;
globalThis.fetch = async (...request) => {
  const response = await send(...request);
  if (lost) return response;
  lost = true;
  throw new TypeError("fetch failed");
};
"""


def block(language: str, containing: str, document: str = SOURCE) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)
    (found,) = (each for each in blocks if containing in each)
    return str(found)


CURL = ["sh", "-c", block("sh", "ask()")]
PYTHON = [sys.executable, "-c", block("python", "import requests")]
LISTENER = PAGE + block("js", "onSnapshot")


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    return environment_of(Frontend(stack, "clients"))


def environment_of(user: Frontend) -> dict[str, str]:
    token = user.headers["Authorization"].removeprefix("Bearer ")
    return {"API": user.stack.addresses["api"], "TOKEN": token}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the image in the place where the programs look for it."""
    (tmp_path / "local").mkdir()
    (tmp_path / "local/raccoon.jpg").symlink_to(IMAGE)
    return tmp_path


def attempted(
    program: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        program,
        cwd=folder,
        env=bare_environment() | environment,
        capture_output=True,
        text=True,
        timeout=800,
    )


def run(program: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = attempted(program, folder, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_js(source: str, packages: Path, folder: Path, environment: Any) -> str:
    """Run it in `folder`, as a module that finds the packages."""
    script = packages / f"{folder.name}.mjs"
    script.write_text(source)
    return run_node(str(script), folder=folder, environment=environment).stdout


def is_mp4(path: Path) -> bool:
    return path.read_bytes()[4:8] == b"ftyp"


@pytest.fixture(scope="module")
def pasted(running_stack: Stack) -> Video:
    """The job that the README's shell block created."""
    api = f"http://127.0.0.1:{stable_ports(FIRST_PORT)['api']}"
    shown = block("sh", "/v1/videos", README)
    assert api in shown
    shown = shown.replace(api, running_stack.addresses["api"])
    shown = shown.replace(".venv/bin/python", sys.executable)
    project = {"GOOGLE_CLOUD_PROJECT": running_stack.project}
    job: Video = json.loads(run(["sh", "-e", "-c", shown], ROOT, project))
    return job


def test_the_shell_of_the_readme(stack: Stack, pasted: Video) -> None:
    assert Frontend(stack, "me").wait(pasted)["status"] == "completed"


def test_the_browser_of_the_readme(stack: Stack, pasted: Video, tmp_path: Path) -> None:
    shown = PLAYER + block("js", "onSnapshot", README)

    (printed,) = listen(shown, Frontend(stack, "me"), pasted["job_id"], tmp_path)

    assert printed.startswith("http") and "X-Goog-Signature" in printed


def test_curl(checkout: Path, environment: dict[str, str]) -> None:
    run(CURL, checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


@pytest.mark.parametrize("program", [CURL, PYTHON], ids=["curl", "Python"])
def test_a_program_stops_and_shows_why_it_was_refused(
    program: list[str], checkout: Path, environment: dict[str, str]
) -> None:
    done = attempted(program, checkout, environment | {"TOKEN": "bad"})

    assert done.returncode != 0
    assert "unauthenticated" in done.stderr
    assert not (checkout / "raccoon.mp4").exists()


@pytest.mark.parametrize("created", ["{}", '{"id": "0123"}'], ids=["no id", "deleted"])
def test_curl_stops_when_a_poll_fails(checkout: Path, created: str) -> None:
    """A stand-in for curl creates a video and then finds none."""
    curl = checkout / "curl"
    curl.write_text(
        f"#!/bin/sh\ncase $* in *prompt=*) echo '{created}' ;;"
        " *) echo not_found; exit 22 ;; esac\n"
    )
    curl.chmod(0o755)
    path = f"{checkout}:{bare_environment()['PATH']}"

    done = attempted(CURL, checkout, {"PATH": path, "API": "", "TOKEN": ""})

    assert (done.returncode, done.stderr) == (1, "not_found\n")


def test_python(checkout: Path, environment: dict[str, str]) -> None:
    printed = run(PYTHON, checkout, environment)

    assert printed.startswith("http") and "X-Goog-Signature" in printed


def typed(folder: Path, api: str) -> None:
    """Fill the folder with the npm packages and the types of our OpenAPI document."""
    modules = installed(FRONTEND) / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    write_types(f"{api}/v1/openapi.json", "reelay.ts", folder)


def compiled(folder: Path, program: str) -> None:
    options = ("--strict", "--noEmit", "--skipLibCheck", "--allowImportingTsExtensions")
    module = ("--module", "nodenext", "--target", "es2023", "--types", "node")
    run_node(str(folder / TSC), *options, *module, program, folder=folder)


def test_typescript(checkout: Path, environment: dict[str, str]) -> None:
    command = f"npx openapi-typescript $API/v1/openapi.json {OPTIONAL} -o reelay.ts"
    assert command in SOURCE and command in KOREAN
    typed(checkout, environment["API"])
    (checkout / "client.ts").write_text(block("ts", "async function call"))

    compiled(checkout, "client.ts")
    done = run_node("client.ts", folder=checkout, environment=environment)

    assert done.stdout.startswith("http") and "X-Goog-Signature" in done.stdout


def test_a_listener_sees_the_video_and_then_its_deletion(
    stack: Stack, tmp_path: Path
) -> None:
    user = Frontend(stack, "me")
    video = user.wait(user.create(duration=3))

    printed = listen(LISTENER, user, video["job_id"], tmp_path)

    assert "X-Goog-Signature" in printed[0]
    assert printed[1:] == ["There is no such video."]


def test_a_listener_on_a_missing_video_says_so(stack: Stack, tmp_path: Path) -> None:
    printed = listen(LISTENER, Frontend(stack, "me"), "0" * 32, tmp_path)

    assert printed == ["There is no such video."]


def listen(program: str, user: Frontend, job_id: str, folder: Path) -> list[str]:
    """The lines that this user's page shows."""
    stack = user.stack
    host, _, port = stack.announcement()["firestore"].rpartition(":")
    address = f'"127.0.0.1", {stable_ports(FIRST_PORT)["firestore"]}'
    assert address in program
    shown = program.replace(address, f'"{host}", {port}')
    shown = shown.replace("demo-reelay", stack.project)
    environment = {"JOB": job_id, "API": stack.addresses["api"]}
    environment["AUTHORIZATION"] = user.headers["Authorization"]
    return run_js(shown, installed(FRONTEND), folder, environment).splitlines()


@contextmanager
def receiving(
    program: list[str], port: int, folder: Path, secret: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a receiver's program; yields it once it listens."""
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
def test_a_webhook_is_accepted_only_with_its_keys_secret(
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
        answer = forwarded(receiver.programs["/webhook"], message)

    assert printed == f"video.completed {video['job_id']}\n"
    assert answer.status_code == 400


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def receivers_program(
    language: str, port: int, folder: Path, stack: Stack
) -> list[str]:
    """The program as documented, at another port."""
    shown = block(language, "standardwebhooks").replace("4000", str(port))
    if language == "python":
        return [sys.executable, "-c", shown]
    typed(folder, stack.addresses["api"])
    (folder / "receiver.ts").write_text(shown)
    compiled(folder, "receiver.ts")
    return [node(), "receiver.ts"]


@pytest.mark.parametrize("document", [README, SOURCE], ids=["README", "clients.md"])
def test_openais_python_client(
    document: str, checkout: Path, environment: dict[str, str]
) -> None:
    shown = block("python", "from openai", document)

    run([sys.executable, "-W", "ignore", "-c", shown], checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


def test_litellm(checkout: Path, environment: dict[str, str]) -> None:
    # Else it would fetch prices from the network on import.
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    shown = block("python", "litellm")

    printed = run([python_of_litellm(), "-c", shown], checkout, environment | offline)

    assert is_mp4(checkout / "raccoon.mp4")
    assert printed == ""


def python_of_litellm() -> str:
    """The Python of LiteLLM's own environment, installed once as locked."""
    folder, lock = LOCAL / "litellm", LITELLM.read_text()
    python, done = str(folder / "bin/python"), folder / "lock"
    if not done.is_file() or done.read_text() != lock:
        uv = [sys.executable, "-m", "uv"]
        make = ["venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
        subprocess.run([*uv, *make], check=True)
        # Else `python -m uv` would sync this Python's environment.
        sync = ["pip", "sync", "--quiet", "--python", python, "--require-hashes"]
        subprocess.run([*uv, *sync, str(LITELLM)], check=True, timeout=800)
        done.write_text(lock)
    return python


def test_the_ai_sdk(checkout: Path, environment: dict[str, str]) -> None:
    run_js(block("js", "@reelay/ai-sdk"), ai_sdk(), checkout, environment)

    assert is_mp4(checkout / "raccoon.mp4")


def test_the_documented_versions_are_the_tested_ones() -> None:
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


def test_openais_node_client_repeats_a_request_whose_answer_is_lost(
    stack: Stack, checkout: Path
) -> None:
    user = Frontend(stack, "one-video")
    program = LOSE_AN_ANSWER + block("js", 'from "openai"')

    run_js(program, installed(FRONTEND), checkout, environment_of(user))

    assert is_mp4(checkout / "raccoon.mp4")
    assert len(user.retry("GET", "/v1/videos").json()["videos"]) == 1

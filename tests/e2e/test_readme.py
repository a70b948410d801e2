"""Every block of the README runs as it is pasted, one after the other."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.dev import FIRST_PORT, stable_ports
from local.stack import ROOT, Stack
from tests.e2e.client import Frontend
from tests.e2e.conftest import bare_environment
from tests.e2e.node import installed

FRONTEND = Path(__file__).with_name("frontend")
README = (ROOT / "README.md").read_text()
# The browser's own parts of the block: the job just made, and a `<video>`.
PAGE = """
const jobId = process.env.JOB;
const player = { set src(url) { console.log(url); process.exit(0); } };
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def pasted(running_stack: Stack) -> Any:
    """What the block for a shell printed: the job; and what it exported."""
    api = f"http://127.0.0.1:{stable_ports(FIRST_PORT)['api']}"
    assert api in block("sh")
    shown = block("sh").replace(api, running_stack.addresses["api"])
    done = run(
        ["sh", "-e"],
        input=shown.replace(".venv/bin/python", sys.executable)
        + '\nprintf "%s\\n%s\\n" "$API" "$TOKEN"',
        env=bare_environment() | {"GOOGLE_CLOUD_PROJECT": running_stack.project},
    )
    job, api, token = done.strip().splitlines()
    return {"job": json.loads(job), "API": api, "TOKEN": token}


def run(command: list[str], **options: Any) -> str:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=100, **options
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_the_shell_asks_for_a_video(stack: Stack, pasted: Any) -> None:
    video = Frontend(stack, "me").wait(pasted["job"])

    assert video["status"] == "completed"


def test_a_browser_follows_the_job_and_plays_it(
    stack: Stack, pasted: Any, tmp_path: Path
) -> None:
    host, _, port = stack.announcement()["firestore"].rpartition(":")
    shown = block("js").replace("demo-reelay", stack.project)
    address = f'"127.0.0.1", {stable_ports(FIRST_PORT)["firestore"]}'
    assert address in shown
    shown = shown.replace(address, f'"{host}", {port}')
    script = installed(FRONTEND) / f"{tmp_path.name}.mjs"
    script.write_text(PAGE + shown)

    environment = bare_environment() | {"JOB": pasted["job"]["job_id"]}
    printed = run(["node", str(script)], env=environment)

    assert printed.startswith("http") and "X-Goog-Signature" in printed


def test_openais_client_makes_and_downloads_a_video(
    stack: Stack, pasted: Any, tmp_path: Path
) -> None:
    shown = block("python").replace('"raccoon.mp4"', repr(str(tmp_path / "v.mp4")))
    environment = dict(os.environ) | {name: pasted[name] for name in ("API", "TOKEN")}

    run([sys.executable, "-W", "ignore", "-c", shown], env=environment)

    assert (tmp_path / "v.mp4").read_bytes()[4:8] == b"ftyp"

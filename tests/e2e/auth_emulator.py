"""Firebase's own Auth emulator, without the rest of firebase-tools."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests

from local.emulators.firestore import FIREBASE_TOOLS
from local.processes import RunningProcess
from tests.e2e.conftest import bare_environment
from tests.e2e.node import LOCAL, QUIET

_TOOLS = LOCAL / FIREBASE_TOOLS
# An interrupted installation is repeated.
_DONE = _TOOLS / "node_modules/.done"
_START = """
const { createApp } = require("firebase-tools/lib/emulator/auth/server");
createApp(process.argv[2]).then((app) => {
    const server = app.listen(0, "127.0.0.1", () => {
        console.log(JSON.stringify({ port: server.address().port }));
    });
});
"""


@contextmanager
def auth_emulator(project: str, folder: Path) -> Iterator[str]:
    """host:port of an emulator without users; its log goes into `folder`."""
    tools = _installed_tools()
    start = tools / "start.cjs"
    start.write_text(_START)
    node = shutil.which("node")
    assert node, "Install Node.js 20 or newer, with npm."
    with RunningProcess(
        [node, str(start), project],
        environment=bare_environment(),
        log=folder / "auth.log",
        announces=True,
    ) as running:
        yield f"127.0.0.1:{running.announcement()['port']}"


@contextmanager
def tools_on_their_way() -> Iterator[None]:
    """Installs firebase-tools while other tests run: that can take minutes."""
    installation = _installation()
    yield
    if installation:
        installation.terminate()
        installation.wait()


@cache
def _installation() -> subprocess.Popen[bytes] | None:
    """npm at work, without the packages of other emulators; None if it was earlier."""
    if _DONE.is_file():
        return None
    options = (*QUIET, "--ignore-scripts", "--omit=optional", "--prefix")
    command = ["npm", "install", *options, str(_TOOLS), FIREBASE_TOOLS]
    return subprocess.Popen(command)


def _installed_tools() -> Path:
    if installation := _installation():
        assert installation.wait(timeout=600) == 0, "npm could not install them"
        _DONE.touch()
    return _TOOLS


def link_sent_to(email: str, emulator: str, project: str) -> str:
    """The link in the latest sign-in mail, which the emulator doesn't send."""
    url = f"http://{emulator}/emulator/v1/projects/{project}/oobCodes"
    codes = requests.get(url, timeout=100).json()["oobCodes"]
    (*_, last) = [code["oobLink"] for code in codes if code["email"] == email]
    answer = requests.get(last, allow_redirects=False, timeout=100)
    return answer.headers["Location"]


def claims_of(authorization: str) -> dict[str, Any]:
    """The claims of a token from the emulator, which doesn't sign them."""
    payload = authorization.removeprefix("Bearer ").split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims

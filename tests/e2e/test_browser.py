"""Hostile web pages in a real browser attack each port of a running stack.

`python -m local up` runs as on a developer's machine. A control test shows that the
same pages could read and write on a server without protection.
"""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import quote, urlencode

import psutil
import pytest
import requests
from playwright.sync_api import Browser, Error, Page

from local.blocked_ports import BLOCKED_PORTS
from local.database import firestore_of
from local.stack import ROOT
from tests.e2e.client import Frontend
from tests.e2e.conftest import bare_environment
from tests.e2e.visitor import chromium
from tests.fakes.raw_server import RawServer, Received

STRANGER = "evil.example"
FLAGS = (
    f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1",
    # Chromium's own protection of this machine is not what is tested.
    "--disable-features=LocalNetworkAccessChecks",
)
SECRET = "a raccoon that no stranger may read of"
OWNER = {"Authorization": "Bearer owner"}
PLAIN, FORM = "text/plain", "application/x-www-form-urlencoded"

# Sends each of `attempts`, POSTs also by a form, and opens a WebSocket.
ATTACK = """async ([attempts, milliseconds]) => {
    const asked = attempts.map(async ([url, options]) => {
        const signal = AbortSignal.timeout(milliseconds);
        try {
            const answer = await fetch(url, {...options, signal});
            const text = await answer.text();
            return {url, status: answer.status, text};
        } catch (error) {
            return {url, status: 0, text: ""};
        }
    });
    const opened = new Promise((resolve) => {
        const url = new URL("/", attempts[0][0].replace("http", "ws")).href;
        const done = (status) => () => resolve({url, status, text: ""});
        const socket = new WebSocket(url);
        socket.onopen = done(101);
        socket.onclose = socket.onerror = done(0);
        setTimeout(done(0), milliseconds);
    });
    const posts = attempts.filter(([, {method, mode}]) => method === "POST" && !mode);
    const sent = posts.map(([url, {method, body}]) => new Promise((resolve) => {
        const frame = document.createElement("iframe");
        frame.name = crypto.randomUUID?.() ?? String(Math.random());
        document.body.append(frame);
        const form = document.createElement("form");
        const input = document.createElement("input");
        Object.assign(form, {method, action: url, target: frame.name});
        form.enctype = "text/plain";
        input.name = body;
        form.append(input);
        document.body.append(form);
        frame.onload = () => resolve({url, status: 0, text: ""});
        form.submit();
        setTimeout(frame.onload, milliseconds);
    }));
    return Promise.all([...asked, opened, ...sent]);
}"""


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """A stack in its own process: the addresses that it announced, and its ports."""

    process: psutil.Process
    addresses: dict[str, str]
    project: str

    @property
    def ports(self) -> list[int]:
        """All ports that the stack listens on, announced or not."""
        return sorted(
            {
                connection.laddr.port
                for process in (self.process, *self.process.children(recursive=True))
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            }
        )


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    project = f"demo-{uuid.uuid4().hex[:8]}"
    command = [sys.executable, "-m", "local", "up", "--seconds", "1"]
    environment = bare_environment() | {"GOOGLE_CLOUD_PROJECT": project}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield LocalStack(
                process=psutil.Process(process.pid),
                addresses=json.loads(process.stdout.readline()),
                project=project,
            )
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture(scope="module")
def frontend(stack: LocalStack) -> Frontend:
    """A user with a video whose prompt is the secret."""
    frontend = Frontend(cast(Any, stack), admin=True)
    frontend.wait(frontend.create(prompt=SECRET, duration=3))
    return frontend


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*FLAGS) as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        context.set_default_timeout(100_000)
        yield context.new_page()


class Strangers(RawServer):
    """A server of the hostile page, without any protection."""

    def respond(self, request: Received) -> Iterator[bytes]:
        yield (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
            "Access-Control-Allow-Origin: *\r\n"
            "Access-Control-Allow-Headers: authorization,content-type\r\n"
            "Access-Control-Allow-Methods: GET,POST,PUT,PATCH,DELETE\r\n"
            f"Connection: close\r\n\r\n{SECRET}"
        ).encode()


@pytest.fixture
def strangers() -> Iterator[Strangers]:
    with Strangers() as found:
        yield found


Attempt = tuple[str, dict[str, Any]]


def attempts(
    address: str, project: str, bearer: dict[str, str] | None = None
) -> list[Attempt]:
    """Requests that read, write or spend at any of the stack's servers."""
    database = f"projects/{project}/databases/(default)"
    documents = f"/v1/{database}/documents"
    channel = f"/google.firestore.v1.Firestore/Write/channel?database={quote(database)}"
    begin = {"headers": "Authorization:Bearer owner\r\n", "count": "1", "ofs": "0"}
    begin |= {"req0___data__": json.dumps({"database": database})}
    document = json.dumps({"fields": {"job_id": {"stringValue": "evil"}}})
    video = json.dumps({"prompt": "evil", "model": "runway", "duration": 5})
    objects = "/storage/v1/b/reelay-videos/o"
    bearer = bearer or {}
    as_json = {"Content-Type": "application/json"}
    requests: list[tuple[str, str, dict[str, str], str | None]] = [
        ("GET", f"{documents}/videos", OWNER, None),
        ("POST", f"{documents}/videos?documentId=evil", {}, document),
        ("PATCH", f"{documents}/videos/evil", OWNER | as_json, document),
        ("DELETE", f"/emulator/v1/{database}/documents", {}, None),
        ("POST", f"{channel}&VER=8&RID=1&CVER=22", {}, urlencode(begin)),
        ("GET", "/v1/videos", bearer, None),
        ("GET", "/v1/usage?scope=all", bearer, None),
        ("POST", "/v1/videos", bearer | as_json, video),
        ("POST", "/v1/admin/generation", bearer | as_json, '{"level": "paused"}'),
        ("POST", "/v1/image_to_video", bearer | as_json, video),
        ("POST", "/interactions", bearer | as_json, video),
        ("GET", "/_control/submissions", {}, None),
        ("POST", "/_control/faults", {}, '{"provider": "runway", "kind": "503"}'),
        ("DELETE", "/_control/faults", {}, None),
        ("GET", "/queues", {}, None),
        ("POST", "/faults", {}, '{"drop": 1}'),
        ("POST", "/key", {}, "/etc/hostname"),
        ("POST", "/token", {}, "grant_type=evil"),
        ("POST", "/development/token", {}, '{"user": "seo-yeon"}'),
        ("POST", "/", bearer | as_json, "{}"),
        ("GET", "/certs", {}, None),
        ("GET", objects, {}, None),
        ("POST", f"/upload{objects}?uploadType=media&name=evil", {}, "evil"),
        ("PUT", "/reelay-videos/evil", {}, "evil"),
    ]
    tries: list[Attempt] = []
    for method, path, headers, body in requests:
        options = {"method": method, "headers": headers, "body": body}
        tries.append((address + path, options))
        if method in ("GET", "POST"):
            # These need no preflight; the second one is sent without the page's origin.
            kind = FORM if "channel" in path else PLAIN
            plain = {"mode": "no-cors", "headers": {"Content-Type": kind}}
            tries.append((address + path, options | plain))
            tries.append(
                (address + path, options | plain | {"referrerPolicy": "no-referrer"})
            )
    return tries


def attack_port(
    page: Page, address: str, stack: LocalStack, frontend: Frontend
) -> list[Any]:
    """All attempts at an HTTP server, a few at others: gRPC servers don't answer."""
    tries = attempts(address, stack.project, frontend.headers)
    if speaks_http(int(address.rpartition(":")[2])):
        return attack(page, tries)
    return attack(page, tries[:5], milliseconds=1000)


@cache
def speaks_http(port: int) -> bool:
    try:
        # One port of the Firestore emulator never answers.
        requests.get(f"http://127.0.0.1:{port}/", timeout=10)
    except requests.RequestException:
        return False
    return True


def attack(
    page: Page, tries: list[Attempt], *, milliseconds: int = 10_000
) -> list[Any]:
    """The result of each attempt, with `status` and `text` as the page sees them."""
    answers: list[Any] = page.evaluate(ATTACK, [tries, milliseconds])
    return answers


def state(stack: LocalStack, frontend: Frontend) -> dict[str, object]:
    """All that an attack could have changed, as the developer's programs see it."""

    def shown(address: str) -> Any:
        return requests.get(address, headers=OWNER, timeout=100).json()

    there = stack.addresses
    return {
        "documents": documents(stack),
        "objects": shown(f"{there['storage']}/storage/v1/b/reelay-videos/o"),
        "level": frontend.call("GET", "/v1/admin/generation").json(),
        **{
            vendor: (
                shown(f"{there[vendor]}/_control/submissions")["submissions"],
                shown(f"{there[vendor]}/_control/faults"),
            )
            for vendor in ("runway", "google")
        },
    }


def documents(stack: LocalStack) -> dict[str, object]:
    with closing(firestore_of(stack.addresses["firestore"], stack.project)) as client:
        return {
            document.reference.path: document.to_dict()
            for collection in client.collections()
            for document in collection.stream()
        }


def test_the_stacks_own_firestore_applies_the_rules(
    stack: LocalStack, frontend: Frontend
) -> None:
    (video,) = frontend.call("GET", "/v1/videos").json()["videos"]
    documents = f"projects/{stack.project}/databases/(default)/documents"
    root = f"http://{stack.addresses['firestore']}/v1/{documents}"
    users = (frontend, Frontend(cast(Any, stack), "somebody"))

    statuses = [
        requests.get(
            f"{root}/videos/{video['job_id']}", headers=user.headers, timeout=100
        ).status_code
        for user in users
    ]

    assert statuses == [200, 403]


@pytest.mark.parametrize("host", [STRANGER, "127.0.0.1"])
def test_a_page_of_another_origin_reads_and_changes_nothing(
    page: Page, stack: LocalStack, frontend: Frontend, strangers: Strangers, host: str
) -> None:
    page.goto(f"http://{host}:{strangers.server_port}/page")
    before, answers = state(stack, frontend), []
    for port in stack.ports:
        answers += attack_port(page, f"http://127.0.0.1:{port}", stack, frontend)

    assert [answer for answer in answers if answer["status"]] == []
    assert state(stack, frontend) == before


def test_a_page_whose_name_is_rebound_to_this_machine_reads_and_changes_nothing(
    page: Page, stack: LocalStack, frontend: Frontend
) -> None:
    """DNS rebinding: the page's name now leads here, so it has the server's origin."""
    before, answers = state(stack, frontend), []
    page.route("**/page", lambda route: route.fulfill(body="<body>"))
    for port in stack.ports:
        address = f"http://{STRANGER}:{port}"
        page.goto(f"{address}/page")
        answers += attack_port(page, address, stack, frontend)

    assert {answer["status"] for answer in answers} == {0, 403}
    assert not [answer for answer in answers if SECRET in answer["text"]]
    assert state(stack, frontend) == before


@pytest.mark.parametrize("host", [STRANGER, "127.0.0.1"])
def test_the_same_page_reaches_a_server_without_protection(
    page: Page, strangers: Strangers, host: str
) -> None:
    page.goto(f"http://{host}:{strangers.server_port}/page")
    address = f"http://127.0.0.1:{strangers.server_port}"
    tries = attempts(address, "demo", OWNER)

    answers = attack(page, tries, milliseconds=100_000)

    arrived = {
        (each.method, each.path.partition("?")[0]) for each in strangers.received
    }
    for (url, options), answer in zip(tries, answers, strict=False):
        path = url.removeprefix(address).partition("?")[0]
        assert (options["method"], path) in arrived
        assert "mode" in options or SECRET in answer["text"]


def test_browsers_refuse_the_ports_listed_as_blocked(page: Page) -> None:
    for port in BLOCKED_PORTS:
        with pytest.raises(Error, match="ERR_UNSAFE_PORT"):
            page.goto(f"http://127.0.0.1:{port}")

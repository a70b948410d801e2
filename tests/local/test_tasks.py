"""The local Cloud Tasks as the real client sees it, with a real HTTP target."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from google.api_core import exceptions
from google.auth import jwt
from google.auth.transport.requests import Request as GoogleRequest
from google.oauth2 import id_token
from werkzeug import Request, Response
from werkzeug.datastructures import Headers

from local.emulators.cloud_tasks.rules import QueueRules, terraforms_queues
from local.emulators.tasks import TasksServer
from local.http_server import HttpServer, WsgiApp
from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from shared.gcp.task_queue import client as tasks_client

QUEUE = "projects/demo/locations/us-central1/queues/steps"
INVOKER = "tasks-invoker@demo.iam.gserviceaccount.com"
OIDC = {"service_account_email": INVOKER, "audience": "https://worker"}
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    method: str
    path: str
    headers: Headers
    body: bytes
    at: datetime


@dataclass(slots=True, kw_only=True)
class Target:
    """Answers with `statuses` in turn, then 200; keeps callers waiting while held."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, hit: Hit) -> int:
        with self.changed:
            self.hits.append(hit)
            status = self.statuses.pop(0) if self.statuses else 200
            self.changed.notify_all()
        self.free.wait(PATIENCE_SECONDS)
        return status

    def wait_for(self, count: int) -> list[Hit]:
        with self.changed:
            assert self.changed.wait_for(
                lambda: len(self.hits) >= count, PATIENCE_SECONDS
            ), f"{len(self.hits)} of {count} requests came"
            return self.hits[:count]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    target.free.set()

    @Request.application
    def app(request: Request) -> Response:
        hit = Hit(
            method=request.method,
            path=request.environ["RAW_URI"],
            headers=Headers(request.headers.items()),
            body=request.get_data(),
            at=datetime.now(UTC),
        )
        return Response(status=target.answer(hit))

    with HttpServer(cast(WsgiApp, app)) as server:
        target.url = server.url
        yield target
        target.free.set()


@pytest.fixture(scope="module")
def identity() -> LocalIdentity:
    return LocalIdentity.generate("demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A running server and the real client that talks to it."""

    server: TasksServer
    client: Any

    def task(self, url: str, *, name: str = "", **extra: Any) -> Any:
        request = {"url": url, **extra.pop("http_request", {})}
        task = {"http_request": request, **extra}
        if name:
            task["name"] = f"{QUEUE}/tasks/{name}"
        return self.client.create_task(parent=QUEUE, task=task)

    def report(self) -> dict[str, Any]:
        url = f"{self.server.control_url}/queues"
        report: dict[str, Any] = requests.get(url, timeout=5).json()[QUEUE]
        return report

    def control(self, what: str, body: object) -> None:
        url = f"{self.server.control_url}/{what}"
        requests.post(url, data=body, timeout=5).raise_for_status()  # type: ignore[arg-type]


@contextmanager
def cloud_of(identity: LocalIdentity, **options: Any) -> Iterator[Cloud]:
    queues = {"steps": QueueRules(min_backoff_seconds=0.01)}
    with TasksServer(identity, queues, **options) as server:
        client = tasks_client(server.address)
        yield Cloud(server=server, client=client)
        client.transport.close()


@pytest.fixture
def cloud(identity: LocalIdentity) -> Iterator[Cloud]:
    with cloud_of(identity) as cloud:
        yield cloud


def test_the_queues_are_those_that_terraform_makes() -> None:
    queues = terraforms_queues()

    assert queues.keys() == {"starts", "steps", "webhooks"}
    assert queues["starts"].max_attempts == 10


def test_a_missing_queue_is_not_found(cloud: Cloud) -> None:
    with pytest.raises(exceptions.NotFound):
        cloud.client.create_task(
            parent=QUEUE[:-1], task={"http_request": {"url": "http://127.0.0.1:9"}}
        )


@pytest.mark.parametrize(
    "task",
    [
        pytest.param({"name": "a.b"}, id="dot in the name"),
        pytest.param({"name": "a" * 501}, id="long name"),
        pytest.param({"http_request": {"url": "ftp://x"}}, id="not http"),
        pytest.param({"http_request": {"http_method": "GET"}}, id="not POST"),
        pytest.param({"http_request": {"body": b"x" * 102_400}}, id="over 100 KB"),
        pytest.param({"dispatch_deadline": timedelta(seconds=14)}, id="deadline 14 s"),
        pytest.param({"dispatch_deadline": timedelta(minutes=31)}, id="31 minutes"),
        pytest.param(
            {"schedule_time": datetime.now(UTC) + timedelta(days=31)}, id="31 days"
        ),
    ],
)
def test_a_task_that_the_cloud_refuses_is_refused(
    task: dict[str, Any], cloud: Cloud
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        cloud.task("http://127.0.0.1:9", **task)


def test_a_task_arrives_as_the_cloud_sends_it(cloud: Cloud, target: Target) -> None:
    headers = {
        "Content-Type": "application/json",
        "user-agent": "mine",
        "x-cloudtasks-taskname": "mine",
        "X-Google-Anything": "mine",
    }

    task = cloud.task(
        f"{target.url}/work?x=1",
        name="a_1",
        http_request={"headers": headers, "body": b'{"job": 1}'},
    )

    (hit,) = target.wait_for(1)
    # WSGI writes names alike, however they came.
    assert (hit.method, hit.path, hit.body) == ("POST", "/work?x=1", b'{"job": 1}')
    assert dict(hit.headers) == {
        "Host": target.url.removeprefix("http://"),
        "Content-Length": "10",
        "Content-Type": "application/json",
        "User-Agent": "Google-Cloud-Tasks",
        "X-Cloudtasks-Queuename": "steps",
        "X-Cloudtasks-Taskname": "a_1",
        "X-Cloudtasks-Taskretrycount": "0",
        "X-Cloudtasks-Taskexecutioncount": "0",
        "X-Cloudtasks-Tasketa": f"{task.schedule_time.timestamp():.6f}",
    }


def test_a_task_is_not_delivered_before_its_time(cloud: Cloud, target: Target) -> None:
    due = datetime.now(UTC) + timedelta(seconds=0.2)

    cloud.task(target.url, schedule_time=due)

    (hit,) = target.wait_for(1)
    assert hit.at >= due


def test_a_failed_task_comes_again_and_says_so(cloud: Cloud, target: Target) -> None:
    target.statuses = [500]

    cloud.task(target.url)

    _, hit = target.wait_for(2)
    assert hit.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskExecutionCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskPreviousResponse"] == "500"


def test_a_target_that_is_down_is_tried_again(cloud: Cloud) -> None:
    cloud.task("http://127.0.0.1:1", name="a")

    until(lambda: cloud.report()["failed"] > 1)
    assert cloud.report()["tasks"] == ["a"]


def test_an_attempt_past_its_deadline_is_dropped_and_repeated(
    identity: LocalIdentity, target: Target
) -> None:
    target.free.clear()
    with cloud_of(identity, shortest_deadline=timedelta(0)) as cloud:
        cloud.task(target.url, dispatch_deadline=timedelta(seconds=0.2))

        _, again = target.wait_for(2)
        target.free.set()

    assert int(again.headers["X-CloudTasks-TaskRetryCount"]) >= 1
    assert again.headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert "X-CloudTasks-TaskPreviousResponse" not in again.headers


def test_the_targets_token_is_one_that_google_auth_takes(
    identity: LocalIdentity, cloud: Cloud, target: Target
) -> None:
    cloud.task(target.url, http_request={"oidc_token": OIDC})

    scheme, _, token = target.wait_for(1)[0].headers["Authorization"].partition(" ")
    with IdentityServer(identity) as server, requests.Session() as session:
        claims = id_token.verify_token(
            token,
            GoogleRequest(session=session),
            audience="https://worker",
            certs_url=server.certs_url,
        )
    assert (scheme, claims["email"]) == ("Bearer", INVOKER)


def test_from_a_rotation_on_another_key_signs(
    cloud: Cloud, target: Target, tmp_path: Path
) -> None:
    rotated = LocalIdentity.generate("demo")
    rotated.save(tmp_path / "key.pem")
    cloud.control("key", str(tmp_path / "key.pem"))

    cloud.task(target.url, http_request={"oidc_token": OIDC})

    (hit,) = target.wait_for(1)
    token = hit.headers["Authorization"].removeprefix("Bearer ")
    assert jwt.decode_header(token)["kid"] == rotated.key_id


def test_a_purged_queue_has_no_tasks_and_their_names_stay_used(cloud: Cloud) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    cloud.task("http://127.0.0.1:9", name="a", schedule_time=later)
    assert cloud.report()["tasks"] == ["a"]

    cloud.control("purge", b"")

    assert cloud.report()["tasks"] == []
    with pytest.raises(exceptions.AlreadyExists):
        cloud.task("http://127.0.0.1:9", name="a")


def test_tasks_come_twice_when_the_control_asks_for_it(
    cloud: Cloud, target: Target
) -> None:
    wanted = {"twice_share": 1.0, "late_by_seconds": 0.05, "seed": 7}
    cloud.control("faults", json.dumps(wanted))

    cloud.task(target.url, name="a")

    names = {hit.headers["X-CloudTasks-TaskName"] for hit in target.wait_for(2)}
    assert names == {"a"}
    until(lambda: cloud.report()["delivered"] == 2)
    assert cloud.report()["duplicates"] == 1


def test_the_command_serves_until_told_to_stop_even_with_an_attempt_under_way(
    identity: LocalIdentity, tmp_path: Path, target: Target
) -> None:
    key = tmp_path / "key.pem"
    identity.save(key)
    target.free.clear()
    command = [sys.executable, "-m", "local.emulators.tasks", "--project", "demo"]
    process = subprocess.Popen(
        [*command, "--key", str(key)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    client: Any = tasks_client(ready["tasks"])
    client.create_task(parent=QUEUE, task={"http_request": {"url": target.url}})
    target.wait_for(1)
    client.transport.close()
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert ready["ready"] is True
    assert (process.returncode, rest, errors) == (0, "", "")

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

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.auth import jwt
from google.auth.transport.requests import Request as GoogleRequest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcTransport,
)
from google.oauth2 import id_token
from werkzeug import Request, Response
from werkzeug.datastructures import Headers

from local.emulators.cloud_tasks.messages import TaskLimits
from local.emulators.cloud_tasks.rules import Throttle
from local.emulators.tasks import TasksOptions, TasksServer
from local.http_server import HttpServer, WsgiApp
from local.identity import LocalIdentity
from local.identity_server import IdentityServer

LOCATION = "projects/demo/locations/here"
QUEUE = f"{LOCATION}/queues/steps"
INVOKER = "tasks-invoker@demo.iam.gserviceaccount.com"
QUICK = {"min_backoff": timedelta(milliseconds=10)}
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
    parallel: int = 0
    most_parallel: int = 0
    free: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, hit: Hit) -> int:
        with self.changed:
            self.hits.append(hit)
            self.parallel += 1
            self.most_parallel = max(self.most_parallel, self.parallel)
            status = self.statuses.pop(0) if self.statuses else 200
            self.changed.notify_all()
        self.free.wait(PATIENCE_SECONDS)
        with self.changed:
            self.parallel -= 1
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

    def queue(self, *, name: str = QUEUE, **config: object) -> Any:
        queue = {"name": name, "retry_config": QUICK, **config}
        return self.client.create_queue(parent=LOCATION, queue=queue)

    def task(self, url: str, *, name: str = "", **extra: Any) -> Any:
        request = {"url": url, **extra.pop("http_request", {})}
        task = {"http_request": request, **extra}
        if name:
            task["name"] = f"{QUEUE}/tasks/{name}"
        return self.client.create_task(parent=QUEUE, task=task)

    def counts(self) -> dict[str, object]:
        return self.server.report()[QUEUE]


@contextmanager
def client_of(address: str) -> Iterator[Any]:
    with grpc.insecure_channel(address) as channel:
        yield tasks_v2.CloudTasksClient(
            transport=CloudTasksGrpcTransport(channel=channel)
        )


@contextmanager
def cloud_of(
    identity: LocalIdentity, options: TasksOptions | None = None
) -> Iterator[Cloud]:
    with (
        TasksServer(identity, options) as server,
        client_of(server.address) as client,
    ):
        yield Cloud(server=server, client=client)


@pytest.fixture
def cloud(identity: LocalIdentity) -> Iterator[Cloud]:
    with cloud_of(identity) as cloud:
        yield cloud


def test_a_queue_gets_the_clouds_defaults(cloud: Cloud) -> None:
    cloud.client.create_queue(parent=LOCATION, queue={"name": QUEUE})

    queue = cloud.client.get_queue(name=QUEUE)

    assert queue.state == tasks_v2.Queue.State.RUNNING
    assert queue.rate_limits.max_dispatches_per_second == 500
    assert queue.rate_limits.max_concurrent_dispatches == 1000
    assert queue.retry_config.max_attempts == 100
    assert queue.retry_config.min_backoff == timedelta(seconds=0.1)
    assert queue.retry_config.max_backoff == timedelta(hours=1)


def test_a_queue_exists_once(cloud: Cloud) -> None:
    cloud.queue()

    with pytest.raises(exceptions.AlreadyExists):
        cloud.queue()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.task("http://127.0.0.1:9"), id="create task"),
        pytest.param(lambda c: c.client.get_queue(name=QUEUE), id="get queue"),
        pytest.param(lambda c: c.client.pause_queue(name=QUEUE), id="pause queue"),
        pytest.param(lambda c: c.client.purge_queue(name=QUEUE), id="purge queue"),
        pytest.param(
            lambda c: c.client.get_task(name=f"{QUEUE}/tasks/a"), id="get task"
        ),
    ],
)
def test_a_missing_queue_is_not_found(
    call: Callable[[Cloud], object], cloud: Cloud
) -> None:
    with pytest.raises(exceptions.NotFound):
        call(cloud)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param({"name": "a.b"}, id="dot in the name"),
        pytest.param({"name": "a" * 501}, id="long name"),
        pytest.param({"http_request": {"url": "ftp://x"}}, id="not http"),
        pytest.param({"http_request": {"url": ""}}, id="no address"),
        pytest.param(
            {"http_request": {"http_method": "GET", "body": b"x"}}, id="GET with a body"
        ),
        pytest.param({"http_request": {"headers": {"A": "é"}}}, id="header not ASCII"),
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
    cloud.queue()

    with pytest.raises(exceptions.InvalidArgument):
        cloud.task("http://127.0.0.1:9", **task)


def test_a_task_arrives_as_the_cloud_sends_it(cloud: Cloud, target: Target) -> None:
    cloud.queue()
    headers = {
        "Content-Type": "application/json",
        "user-agent": "mine",
        "x-cloudtasks-taskname": "mine",
        "X-Google-Anything": "mine",
    }

    task = cloud.task(
        f"{target.url}/work?x=1",
        name="a_1",
        http_request={"http_method": "PUT", "headers": headers, "body": b'{"job": 1}'},
    )

    (hit,) = target.wait_for(1)
    # WSGI writes names alike, however they came.
    assert (hit.method, hit.path, hit.body) == ("PUT", "/work?x=1", b'{"job": 1}')
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
    cloud.queue()
    due = datetime.now(UTC) + timedelta(seconds=0.4)

    cloud.task(target.url, schedule_time=due)

    (hit,) = target.wait_for(1)
    assert hit.at >= due


def test_a_failed_task_comes_again_and_says_so(cloud: Cloud, target: Target) -> None:
    target.statuses = [500]
    cloud.queue()

    cloud.task(target.url)

    _, hit = target.wait_for(2)
    assert hit.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskExecutionCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskPreviousResponse"] == "500"


def test_an_exhausted_task_is_dropped_and_its_name_stays_blocked(
    cloud: Cloud, target: Target
) -> None:
    target.statuses = [500] * 9
    cloud.queue(retry_config={**QUICK, "max_attempts": 3})

    task = cloud.task(target.url, name="a")

    until(lambda: cloud.counts()["exhausted"] == 1)
    assert len(target.hits) == 3
    with pytest.raises(exceptions.NotFound):
        cloud.client.get_task(name=task.name)
    with pytest.raises(exceptions.AlreadyExists):
        cloud.task(target.url, name="a")


def test_a_target_that_is_down_is_tried_again(cloud: Cloud, target: Target) -> None:
    cloud.queue(retry_config={"min_backoff": timedelta(seconds=60)})

    task = cloud.task("http://127.0.0.1:1")

    until(lambda: cloud.counts()["failed"] == 1)
    seen = cloud.client.get_task(name=task.name)
    assert seen.last_attempt.response_status.message == "UNAVAILABLE"
    assert (seen.dispatch_count, seen.response_count) == (1, 0)
    assert seen.schedule_time > task.schedule_time + timedelta(seconds=59)


def test_an_attempt_past_its_deadline_is_dropped_and_repeated(
    identity: LocalIdentity, target: Target
) -> None:
    limits = TaskLimits(shortest_deadline=timedelta(0))
    target.free.clear()
    with cloud_of(identity, TasksOptions(limits=limits)) as cloud:
        cloud.queue()
        cloud.task(target.url, dispatch_deadline=timedelta(seconds=0.3))

        _, again = target.wait_for(2)
        target.free.set()

    assert int(again.headers["X-CloudTasks-TaskRetryCount"]) >= 1
    assert again.headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert "X-CloudTasks-TaskPreviousResponse" not in again.headers


def test_the_targets_token_is_one_that_google_auth_takes(
    identity: LocalIdentity, cloud: Cloud, target: Target
) -> None:
    cloud.queue()
    oidc = {"service_account_email": INVOKER, "audience": "https://worker"}

    cloud.task(target.url, http_request={"oidc_token": oidc})

    scheme, _, token = target.wait_for(1)[0].headers["Authorization"].partition(" ")
    with IdentityServer(identity) as server, requests.Session() as session:
        claims = id_token.verify_token(
            token,
            GoogleRequest(session=session),
            audience="https://worker",
            certs_url=server.certs_url,
        )
    assert scheme == "Bearer"
    assert claims["email"] == INVOKER


def test_the_tokens_signature_can_be_stripped_as_cloud_run_does(
    identity: LocalIdentity, target: Target
) -> None:
    with cloud_of(identity, TasksOptions(strip_signature=True)) as cloud:
        cloud.queue()
        oidc = {"service_account_email": INVOKER}
        cloud.task(target.url, http_request={"oidc_token": oidc})
        (hit,) = target.wait_for(1)

    _, claims, signature = hit.headers["Authorization"].split(".")
    assert claims
    assert signature == "SIGNATURE_REMOVED_BY_GOOGLE"


def test_a_paused_queue_delivers_once_it_is_resumed(
    cloud: Cloud, target: Target
) -> None:
    cloud.queue()
    cloud.client.pause_queue(name=QUEUE)
    cloud.task(target.url)

    assert cloud.counts()["depth"] == 1
    assert cloud.client.get_queue(name=QUEUE).state == tasks_v2.Queue.State.PAUSED
    cloud.client.resume_queue(name=QUEUE)
    assert len(target.wait_for(1)) == 1


def test_a_purged_queue_has_no_tasks(cloud: Cloud, target: Target) -> None:
    cloud.queue()
    later = datetime.now(UTC) + timedelta(hours=1)
    cloud.task(target.url, name="a", schedule_time=later)

    purged = cloud.client.purge_queue(name=QUEUE)

    assert "purge_time" in purged
    assert list(cloud.client.list_tasks(parent=QUEUE)) == []
    with pytest.raises(exceptions.AlreadyExists):
        cloud.task(target.url, name="a")


def test_tasks_are_listed_in_pages_and_bodies_only_when_asked(cloud: Cloud) -> None:
    cloud.queue()
    cloud.client.pause_queue(name=QUEUE)
    for name in "abcde":
        cloud.task("http://127.0.0.1:9", name=name, http_request={"body": b"x"})

    full = {"parent": QUEUE, "page_size": 2, "response_view": "FULL"}
    tasks = list(cloud.client.list_tasks(request=full))

    assert [task.name[-1] for task in tasks] == list("abcde")
    assert {task.http_request.body for task in tasks} == {b"x"}
    assert cloud.client.get_task(name=tasks[0].name).http_request.body == b""


def test_no_more_than_the_allowed_number_run_at_once(
    cloud: Cloud, target: Target
) -> None:
    target.free.clear()
    cloud.queue(rate_limits={"max_concurrent_dispatches": 2})
    for _ in range(5):
        cloud.task(target.url)

    target.wait_for(2)
    assert cloud.counts()["running"] == 2
    target.free.set()

    target.wait_for(5)
    assert target.most_parallel == 2


def test_a_503_throttles_the_queue_and_a_success_ends_it(
    identity: LocalIdentity, target: Target
) -> None:
    target.statuses = [503]
    throttle = Throttle(shortest=timedelta(seconds=0.3))
    with cloud_of(identity, TasksOptions(throttle=throttle)) as cloud:
        cloud.queue()
        cloud.task(target.url)
        until(lambda: cloud.counts()["throttled"] == 1)
        cloud.task(target.url)

        first, second, _ = target.wait_for(3)

    assert second.at - first.at >= timedelta(seconds=0.3)


def test_tasks_come_twice_when_the_control_asks_for_it(
    cloud: Cloud, target: Target
) -> None:
    cloud.queue()
    control = cloud.server.control_url
    wanted = {"twice_share": 1.0, "late_by_seconds": 0.05, "seed": 7}
    assert requests.post(f"{control}/faults", json=wanted, timeout=5).ok

    cloud.task(target.url, name="a")

    names = {hit.headers["X-CloudTasks-TaskName"] for hit in target.wait_for(2)}
    assert names == {"a"}
    until(lambda: cloud.counts()["delivered"] == 2)
    counts = requests.get(f"{control}/queues", timeout=5).json()[QUEUE]
    assert (counts["depth"], counts["duplicates"]) == (0, 1)


def test_from_a_rotation_on_another_key_signs(
    cloud: Cloud, target: Target, tmp_path: Path
) -> None:
    rotated = LocalIdentity.generate("demo")
    rotated.save(tmp_path / "key.pem")
    address = f"{cloud.server.control_url}/key"
    requests.post(address, data=str(tmp_path / "key.pem"), timeout=5).raise_for_status()
    cloud.queue()

    cloud.task(
        target.url, http_request={"oidc_token": {"service_account_email": INVOKER}}
    )

    (hit,) = target.wait_for(1)
    token = hit.headers["Authorization"].removeprefix("Bearer ")
    assert jwt.decode_header(token)["kid"] == rotated.key_id


def test_faults_that_make_no_sense_are_refused(cloud: Cloud) -> None:
    address = f"{cloud.server.control_url}/faults"

    for wanted in ({"twice_share": 2}, {"wrong": 1}):
        assert requests.post(address, json=wanted, timeout=5).status_code == 400


def test_closing_leaves_no_thread_even_with_an_attempt_under_way(
    identity: LocalIdentity, target: Target
) -> None:
    target.free.clear()
    before = set(threading.enumerate())

    with TasksServer(identity) as server:
        with client_of(server.address) as client:
            cloud = Cloud(server=server, client=client)
            cloud.queue()
            cloud.task(target.url)
            target.wait_for(1)
        courier = {t for t in threading.enumerate() if t.name == "task-courier"}
    target.free.set()

    assert courier
    until(lambda: set(threading.enumerate()) <= before)


def test_the_command_serves_until_it_is_told_to_stop(
    identity: LocalIdentity, tmp_path: Path, target: Target
) -> None:
    key = tmp_path / "key.pem"
    identity.save(key)
    command = [sys.executable, "-m", "local.emulators.tasks", "--project", "demo"]
    process = subprocess.Popen(
        [*command, "--key", str(key)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    with client_of(ready["tasks"]) as client:
        client.create_queue(parent=LOCATION, queue={"name": QUEUE})
        client.create_task(parent=QUEUE, task={"http_request": {"url": target.url}})
        target.wait_for(1)
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert ready["ready"] is True
    assert (process.returncode, rest, errors) == (0, "", "")

"""The local Cloud Tasks, with the real client and a real HTTP target."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions
from werkzeug import Request, Response

from local.emulators.cloud_tasks.queue import QueuedTask, TaskQueue
from local.emulators.cloud_tasks.rules import QueueRules
from local.emulators.tasks import TasksServer
from local.http_server import HttpServer, application
from local.identity import LocalIdentity
from shared.gcp.task_queue import client as tasks_client

QUEUE = "projects/demo/locations/us-central1/queues/steps"
WAIT_SECONDS = 100.0


@dataclass(slots=True, kw_only=True)
class Target:
    """Answers with `statuses` in turn, then 200; blocks callers while held."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    hits: list[Request] = field(default_factory=list)
    answered: int = 0
    free: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def answer(self, request: Request) -> Response:
        request.get_data()
        with self.changed:
            self.hits.append(request)
            status = self.statuses.pop(0) if self.statuses else 200
            self.changed.notify_all()
        self.free.wait(WAIT_SECONDS)
        self.answered += 1
        return Response(status=status)

    def wait_for(self, count: int) -> list[Request]:
        with self.changed:
            assert self.changed.wait_for(
                lambda: len(self.hits) >= count, WAIT_SECONDS
            ), f"{len(self.hits)} of {count} requests came"
            return self.hits[:count]


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    target.free.set()
    with HttpServer(application(target.answer)) as server:
        target.url = server.url
        yield target
        target.free.set()


@pytest.fixture(scope="module")
def identity() -> LocalIdentity:
    return LocalIdentity.generate("demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A running server and a real client of it."""

    server: TasksServer
    client: Any

    def task(self, url: str, *, name: str = "", **extra: Any) -> Any:
        request = {"url": url, **extra.pop("http_request", {})}
        task = {"http_request": request, **extra}
        if name:
            task["name"] = f"{QUEUE}/tasks/{name}"
        return self.client.create_task(parent=QUEUE, task=task)


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


REFUSED: dict[str, dict[str, Any]] = {
    "dot in the name": {"name": "a.b"},
    "long name": {"name": "a" * 501},
    "deadline 14 s": {"dispatch_deadline": timedelta(seconds=14)},
    "31 minutes": {"dispatch_deadline": timedelta(minutes=31)},
    "31 days": {"schedule_time": datetime.now(UTC) + timedelta(days=31)},
}


@pytest.mark.parametrize("task", REFUSED.values(), ids=REFUSED)
def test_a_task_that_the_cloud_refuses_is_refused(
    task: dict[str, Any], cloud: Cloud
) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        cloud.task("http://127.0.0.1:9", **task)


def test_a_task_waits_for_its_time_and_its_name_is_taken(
    cloud: Cloud, target: Target
) -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    cloud.task(target.url, name="later", schedule_time=in_an_hour)

    with pytest.raises(exceptions.AlreadyExists):
        cloud.task(target.url, name="later")
    for nth in range(2):
        cloud.task(target.url, name=f"now{nth}")
        hits = target.wait_for(nth + 1)

    names = [hit.headers["X-CloudTasks-TaskName"] for hit in hits]
    assert names == ["now0", "now1"]


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
    # WSGI normalizes names of headers.
    assert (hit.method, hit.full_path) == ("POST", "/work?x=1")
    assert hit.get_data() == b'{"job": 1}'
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


def dispatched(rules: QueueRules, *seconds: float) -> list[int]:
    """How many of twenty tasks a queue dispatches at each of these times."""
    start = datetime.now(UTC)
    queue = TaskQueue.empty(rules, now=start)
    for number in range(20):
        name = str(number)
        task = QueuedTask(name=name, content=None, scheduled_at=start, due_at=start)
        queue.add(task, now=start)
    times = [start + timedelta(seconds=each) for each in seconds]
    return [len(queue.dispatch(now=time)) for time in times]


def test_a_queue_keeps_to_its_rate_and_to_its_limit_of_concurrent_deliveries() -> None:
    slow = QueueRules(max_dispatches_per_second=2)
    narrow = QueueRules(max_concurrent_dispatches=2)

    assert dispatched(slow, 0, 0.4, 0.6, 1.1, 2.2) == [10, 0, 1, 1, 2]
    assert dispatched(narrow, 0, 60) == [2, 0]


def test_retries_back_off_as_in_the_example_of_googles_documentation() -> None:
    rules = QueueRules(min_backoff_seconds=10, max_backoff_seconds=300, max_doublings=3)

    waits = [rules.backoff(nth).total_seconds() for nth in range(1, 9)]

    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]


def test_a_failed_task_is_delivered_again_with_its_count(
    cloud: Cloud, target: Target
) -> None:
    target.statuses = [500]

    cloud.task(target.url)

    _, hit = target.wait_for(2)
    assert hit.headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskExecutionCount"] == "1"
    assert hit.headers["X-CloudTasks-TaskPreviousResponse"] == "500"


def test_an_attempt_past_its_deadline_is_dropped_and_repeated(
    identity: LocalIdentity, target: Target
) -> None:
    target.free.clear()
    with cloud_of(identity, min_deadline=timedelta(0)) as cloud:
        cloud.task(target.url, dispatch_deadline=timedelta(seconds=0.2))

        hits = target.wait_for(2)
        target.free.set()

    # The first attempt may arrive after the next one.
    again = max(hits, key=lambda hit: int(hit.headers["X-CloudTasks-TaskRetryCount"]))
    assert int(again.headers["X-CloudTasks-TaskRetryCount"]) >= 1
    assert again.headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert "X-CloudTasks-TaskPreviousResponse" not in again.headers


def test_stopping_does_not_wait_for_a_delivery_under_way(
    identity: LocalIdentity, target: Target
) -> None:
    target.free.clear()
    with cloud_of(identity) as cloud:
        cloud.task(target.url)
        target.wait_for(1)

    assert target.answered == 0

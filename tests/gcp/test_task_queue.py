"""The contract of the task queues, for the real adapter and its fake."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import grpc
import pytest
import requests
from google.api_core.retry import Retry
from google.cloud import tasks_v2
from msgspec import convert

import shared.gcp.task_queue
from local.emulators.cloud_tasks.rules import terraform_queues
from local.emulators.tasks import TasksServer, create_task_server
from local.identity import LocalIdentity
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.outcomes import Accepted
from shared.domain.structs import replace
from shared.gcp.task_queue import CloudTasksQueue, client
from shared.ports.store import PendingAnswer, Queue, Task, TaskQueue
from tests.fakes.queue import FakeQueue

NOW = datetime.now(UTC).replace(microsecond=0)
PARENT = "projects/demo-reelay/locations/us-central1"
INVOKER = "tasks-invoker@demo-reelay.iam.gserviceaccount.com"
WORKER_URL = "http://127.0.0.1:1/worker"
IN_AN_HOUR = timedelta(hours=1)


def a_task(**other: Any) -> Task:
    one = Task(job_id="job", name="name", at=NOW, queue=TaskQueue.STEPS)
    return replace(one, **other)


def queue_at(address: str) -> tuple[CloudTasksQueue, Any]:
    tasks = client(address)
    queue = CloudTasksQueue(
        client=tasks,
        project="demo-reelay",
        location="us-central1",
        queues={queue: queue.value for queue in TaskQueue},
        worker_url=WORKER_URL,
        audience="https://worker.example",
        invoker_email=INVOKER,
        dispatch_deadline=timedelta(seconds=180),
        task_headers=lambda: {"Trace": "the step's"},
    )
    return queue, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The port, and the names of the tasks in each of its queues."""

    queue: Queue
    names: Callable[[str], Sequence[str]]
    remove_all: Callable[[], object]


@pytest.fixture
def real() -> Iterator[Subject]:
    """No worker answers, so tasks stay in the queue."""
    identity = LocalIdentity.generate("demo-reelay")
    with TasksServer(identity, terraform_queues()) as server:
        queue, tasks = queue_at(server.address)

        def names(queue_name: str) -> Sequence[str]:
            found: Sequence[str] = server.report()[f"{PARENT}/queues/{queue_name}"][
                "tasks"
            ]
            return found

        def remove_all() -> None:
            requests.post(f"{server.control_url}/purge", timeout=100)

        yield Subject(queue=queue, names=names, remove_all=remove_all)
        tasks.transport.close()


@pytest.fixture
def fake() -> Subject:
    queue = FakeQueue()

    def names(queue_name: str) -> Sequence[str]:
        tasks = (*queue.tasks, *queue.webhooks)
        return [each.name for each in tasks if each.queue == queue_name]

    return Subject(queue=queue, names=names, remove_all=queue.take)


@pytest.fixture(params=["real", "fake"])
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(request.param)
    return found


# The contract


def test_starts_steps_and_webhooks_are_in_three_queues_once(subject: Subject) -> None:
    for _ in range(2):  # a name that exists is success
        subject.queue.enqueue(a_task(name="a", queue=TaskQueue.STARTS))
        subject.queue.enqueue(a_task(name="b", queue=TaskQueue.STEPS))
        subject.queue.enqueue(a_task(name="c", queue=TaskQueue.WEBHOOKS))

    assert list(subject.names("starts")) == ["a"]
    assert list(subject.names("steps")) == ["b"]
    assert list(subject.names("webhooks")) == ["c"]


def test_enqueueing_a_used_name_succeeds_without_a_task(subject: Subject) -> None:
    subject.queue.enqueue(a_task())
    subject.remove_all()

    subject.queue.enqueue(a_task())

    assert list(subject.names("steps")) == []


def test_a_name_is_used_only_in_its_own_queue(subject: Subject) -> None:
    subject.queue.enqueue(a_task(queue=TaskQueue.STARTS))
    subject.queue.enqueue(a_task(queue=TaskQueue.STEPS))

    assert [*subject.names("starts"), *subject.names("steps")] == ["name", "name"]


# The real adapter, against a server that records requests


@dataclass(slots=True)
class Listener:
    """A gRPC server of `CreateTask` alone, which first answers with `failures`."""

    failures: list[grpc.StatusCode] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    remaining_seconds: list[float] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, request: tasks_v2.CreateTaskRequest, context: Any) -> Any:
        with self.lock:
            text = tasks_v2.CreateTaskRequest.to_json(
                request,
                use_integers_for_enums=False,
                always_print_fields_with_no_presence=False,
            )
            self.requests.append(json.loads(text))
            self.remaining_seconds.append(context.time_remaining())
            self.metadata.append(dict(context.invocation_metadata()))
            failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            context.abort(failure, "staged")
        return request.task


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def retry_seconds() -> float:
    """For how many seconds a queue retries; read when the queue is created."""
    return 100


@pytest.fixture
def queue(
    listener: Listener, retry_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CloudTasksQueue]:
    retry: Retry = shared.gcp.task_queue._RETRY
    quick = retry.with_delay(initial=0.01, maximum=0.02).with_timeout(retry_seconds)
    monkeypatch.setattr(shared.gcp.task_queue, "_RETRY", quick)
    monkeypatch.setattr(shared.gcp.task_queue, "_TIMEOUT_SECONDS", 100)
    with create_task_server(listener.create) as address:
        made, tasks = queue_at(address)
        yield made
        tasks.transport.close()


def test_a_task_is_a_signed_post_of_the_job_id(
    queue: CloudTasksQueue, listener: Listener
) -> None:
    queue.enqueue(a_task(at=NOW + IN_AN_HOUR))

    (request,) = listener.requests
    task = request["task"]
    http = task.pop("httpRequest")
    assert request["parent"] == f"{PARENT}/queues/steps"
    assert task == {
        "name": f"{PARENT}/queues/steps/tasks/name",
        "scheduleTime": f"{NOW + IN_AN_HOUR:%Y-%m-%dT%H:%M:%SZ}",
        "dispatchDeadline": "180s",
    }
    assert json.loads(base64.b64decode(http.pop("body"))) == {"job_id": "job"}
    assert http == {
        "url": WORKER_URL,
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json", "Trace": "the step's"},
        "oidcToken": {
            "serviceAccountEmail": INVOKER,
            "audience": "https://worker.example",
        },
    }


def test_a_task_carries_the_answer_that_it_is_to_record(
    queue: CloudTasksQueue, listener: Listener
) -> None:
    accepted = Accepted(task_id="1", max_cost_usd=Decimal("0.40"), platform="p")
    answer = PendingAnswer(
        attempt_id="a",
        provider_id=ProviderId.RUNWAY,
        accepted=accepted,
        kept_at=NOW,
    )

    queue.enqueue(a_task(answer=answer))

    (request,) = listener.requests
    body = json.loads(base64.b64decode(request["task"]["httpRequest"]["body"]))
    assert body.keys() == {"job_id", "answer"}
    assert convert(body["answer"], PendingAnswer) == answer


@pytest.mark.parametrize(
    "at",
    [pytest.param(NOW, id="now"), pytest.param(NOW - IN_AN_HOUR, id="in the past")],
)
def test_a_task_that_is_due_has_no_schedule_time(
    queue: CloudTasksQueue, listener: Listener, at: datetime
) -> None:
    queue.enqueue(a_task(at=at))

    assert "scheduleTime" not in listener.requests[0]["task"]


def test_a_call_has_a_time_limit_and_names_its_queue_and_its_client(
    queue: CloudTasksQueue, listener: Listener
) -> None:
    """Google routes calls by the queue."""
    queue.enqueue(a_task())

    (seconds,), (sent,) = listener.remaining_seconds, listener.metadata
    assert 0 < seconds < 200
    assert sent["x-goog-request-params"] == f"parent={PARENT}/queues/steps"
    assert "grpc/" in sent["x-goog-api-client"]


S = grpc.StatusCode


@pytest.mark.parametrize(
    ("failures", "is_reached", "requests"),
    [
        ([S.UNAVAILABLE] * 2, True, 3),
        ([S.DEADLINE_EXCEEDED] * 2, True, 3),
        ([S.UNAVAILABLE, S.ALREADY_EXISTS], True, 2),
        *(
            ([status], False, 1)
            for status in (
                *(S.NOT_FOUND, S.PERMISSION_DENIED, S.RESOURCE_EXHAUSTED),
                *(S.INVALID_ARGUMENT, S.INTERNAL),
            )
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_temporary_error_is_retried_and_any_other_is_unreachable(
    queue: CloudTasksQueue,
    listener: Listener,
    failures: list[grpc.StatusCode],
    is_reached: bool,
    requests: int,
) -> None:
    listener.failures = list(failures)

    with nullcontext() if is_reached else pytest.raises(Unreachable):
        queue.enqueue(a_task())

    assert requests == len(listener.requests)


@pytest.mark.parametrize("retry_seconds", [0.2])
def test_a_lasting_error_is_unreachable_after_a_while(
    queue: CloudTasksQueue, listener: Listener
) -> None:
    listener.failures = [S.UNAVAILABLE] * 10_000

    with pytest.raises(Unreachable):
        queue.enqueue(a_task())


def test_without_an_emulator_the_client_calls_the_cloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "key.json"
    LocalIdentity.generate("demo-reelay").write_service_account_file(
        path, account="api", token_uri="http://127.0.0.1:1/token"
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    tasks: Any = client(None)

    assert tasks.api_endpoint == "cloudtasks.googleapis.com"
    tasks.transport.close()

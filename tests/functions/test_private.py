"""The private functions: only their invoker may call; they never answer 429 or 503."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Request, Response
from flask.testing import FlaskClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

import main
from functions.http.internal_auth import restricted_to
from functions.sweep import sweep
from functions.worker import worker
from shared.domain.api_key import ApiKey
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.naming import task_name
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.request_time import left_seconds
from shared.settings import Settings
from shared.wiring import process, steps
from tests.domain.examples import (
    MINUTE,
    NOON,
    a_job,
    a_new_job,
    completed,
    running,
    started,
)
from tests.fakes.keys import FakeKeys
from tests.fakes.refusals import every_refusal
from tests.functions.calling import FakeCallers, client_of
from tests.infra.terraform_files import local_values
from tests.usecases.harness import Harness

INVOKER = {"Authorization": "Bearer invoker"}
STARTS = {**INVOKER, "X-CloudTasks-QueueName": "starts"}
STEPS = {**INVOKER, "X-CloudTasks-QueueName": "steps"}
# What anyone can send.
LIKE_A_TASK = {
    "User-Agent": "Google-Cloud-Tasks",
    "X-CloudTasks-QueueName": "starts",
    "X-CloudTasks-TaskName": "0123456789abcdef",
    "X-CloudTasks-TaskRetryCount": "0",
    "X-CloudScheduler": "true",
}
JOB = {"job_id": "job1"}


@pytest.fixture(autouse=True)
def wired(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"GOOGLE_CLOUD_PROJECT": "demo", "BUCKET": "demo"}
    settings = Settings.from_env(known)
    monkeypatch.setattr(process, "settings", lambda: settings)
    monkeypatch.setattr(steps, "advance", lambda: harness.advance)
    monkeypatch.setattr(steps, "sweep", lambda: harness.sweeper)
    key = ApiKey(sha256="0" * 64, name="k", user_id="ann", created_at=NOON)
    harness.keys = FakeKeys(key)
    monkeypatch.setattr(steps, "send_webhook", lambda: harness.send_webhook)
    monkeypatch.setattr(process, "_callers", lambda *_: FakeCallers())


def call(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.post("/", json=JOB, headers=headers)


def test_a_task_advances_its_job_by_one_step(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    response = call(client_of(worker), STEPS)

    assert (response.status_code, response.data) == (204, b"")
    assert harness.job.image


def test_a_private_call_is_logged_under_the_id_that_it_gets_back() -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        response = call(client_of(worker), STEPS)

    (line,) = [line for line in lines if line["event"] == "request_served"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "worker", 204)
    assert line["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize(("headers", "starts"), [(STARTS, 1), (STEPS, 0), (INVOKER, 0)])
def test_only_a_task_of_the_starts_queue_sends_the_paid_post(
    harness: Harness, headers: dict[str, str], starts: int
) -> None:
    harness.jobs.put(a_job())

    assert call(client_of(worker), headers).status_code == 204
    assert harness.providers[ProviderId.RUNWAY].starts == starts


def test_an_early_task_leaves_one_with_another_name(harness: Harness) -> None:
    job = harness.jobs.put(running(a_job(), ProviderId.RUNWAY)).value
    own = task_name("job1", job.version)
    harness.clock.move(-MINUTE)

    call(client_of(worker), {**STEPS, "X-CloudTasks-TaskName": own})

    assert own not in [task.name for task in harness.queue.tasks] != []


def test_a_task_with_an_answer_records_it(harness: Harness) -> None:
    harness.jobs.put(started(a_job(), ProviderId.RUNWAY))
    accepted = {"task_id": "task1", "max_cost_usd": "0.50"}
    runway = ProviderId.RUNWAY.value
    answer = {"attempt_id": runway, "provider_id": runway, "accepted": accepted}

    body = {**JOB, "answer": answer}
    response = client_of(worker).post("/", json=body, headers=STEPS)

    assert response.status_code == 204
    assert harness.job.attempts[0].task_id == "task1"
    assert harness.job.cost_usd == Decimal("0.50")


@pytest.mark.parametrize(
    ("failures", "status"), [([], 204), ([Unreachable("no Pillow")], 500)]
)
def test_a_deploys_task_succeeds_only_if_the_worker_can_decode(
    monkeypatch: pytest.MonkeyPatch, failures: list[Exception], status: int
) -> None:
    def check() -> None:
        for failure in failures:
            raise failure

    monkeypatch.setattr(steps, "decoder_check", lambda: check)

    with capture_logs() as lines:
        response = client_of(worker).post("/", json={"check": "decoder"}, headers=STEPS)

    assert response.status_code == status
    failed = [line["reason"] for line in lines if line["event"] == "step_failed"]
    assert failed == [str(failure) for failure in failures]


@pytest.mark.parametrize(("queue", "messages"), [("webhooks", 1), ("steps", 0)])
def test_only_a_task_of_the_webhooks_queue_sends_the_webhook(
    harness: Harness, queue: str, messages: int
) -> None:
    harness.receivers.answers = [500]
    webhook = Webhook(key_id="0" * 12).scheduled(NOON)
    ended = completed(a_job(webhook_url="https://example.com/"), ProviderId.RUNWAY)
    harness.jobs.put(replace(ended, webhook=webhook))

    response = call(client_of(worker), {**INVOKER, "X-CloudTasks-QueueName": queue})

    # The task succeeded, although its receiver failed.
    assert response.status_code == 204
    assert len(harness.receivers.messages) == messages


def test_a_task_for_a_missing_job_succeeds() -> None:
    assert call(client_of(worker), STEPS).status_code == 204


def test_a_step_whose_successor_cannot_be_enqueued_is_retried(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.queue.failures = [Unreachable("down")]

    with capture_logs() as lines:
        assert call(client_of(worker), STEPS).status_code == 500

    assert "step_failed" in [line["event"] for line in lines]


def test_a_step_of_a_later_releases_job_is_retried_and_its_reason_logged(
    harness: Harness,
) -> None:
    """As after a roll-back: the job waits for that release."""
    harness.jobs.written_later.add("job1")

    with capture_logs() as lines:
        assert call(client_of(worker), STEPS).status_code == 500

    failed = [line["reason"] for line in lines if line["event"] == "step_failed"]
    assert failed == ["job1"]


def test_the_sweep_answers_how_many_jobs_it_enqueued(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(MINUTE)

    response = call(client_of(sweep), INVOKER)

    assert (response.status_code, response.get_json()) == (200, {"woken": 1})


@pytest.mark.parametrize("function", [worker, sweep])
@pytest.mark.parametrize(
    ("authorization", "status"),
    [(None, 401), ("Bearer eve", 401), ("Bearer other", 403)],
)
def test_only_the_invoker_may_call(
    harness: Harness,
    function: Callable[[Request], Response],
    authorization: str | None,
    status: int,
) -> None:
    harness.jobs.put(a_job())
    harness.clock.move(MINUTE)
    headers = {"Authorization": authorization} if authorization else {}

    response = call(client_of(function), LIKE_A_TASK | headers)

    assert response.status_code == status
    assert (harness.starts, harness.queue.tasks, response.data) == (0, [], b"")


@pytest.mark.parametrize(
    "error",
    [Unreachable("down"), KeyError("a bug"), *every_refusal()],
    ids=lambda error: type(error).__name__,
)
def test_no_error_is_answered_with_a_status_that_slows_the_queue(
    error: Exception,
) -> None:
    def broken(_: Request) -> Response:
        raise error

    guarded = restricted_to(FakeCallers, seconds=1)(broken)

    status = call(client_of(guarded), INVOKER).status_code

    assert 400 <= status <= 501
    assert status not in (429, 503)


@pytest.mark.parametrize("name", ["worker", "sweep", "budget_alert"])
def test_a_functions_time_for_firestore_ends_before_its_timeout(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []
    monkeypatch.setattr(FakeCallers, "check", lambda *_: left.append(left_seconds()))

    client_of(getattr(main, name)).post("/", json={}, headers=INVOKER)

    may_run = local_values()["functions"][name]["timeout_seconds"]
    assert 0 < left[0] <= may_run - 10


@pytest.mark.parametrize("name", ["worker", "sweep", "budget_alert"])
def test_a_function_admits_only_tokens_for_itself(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"GOOGLE_CLOUD_PROJECT": "demo", "BUCKET": "demo"}
    known[f"{name.upper()}_AUDIENCE"] = name
    settings, asked = Settings.from_env(known), list[str]()
    monkeypatch.setattr(process, "settings", lambda: settings)

    def callers(audience: str, _invoker: str) -> FakeCallers:
        asked.append(audience)
        return FakeCallers()

    monkeypatch.setattr(process, "_callers", callers)

    client_of(getattr(main, name)).post("/", json={}, headers=INVOKER)

    assert asked == [name]


def test_a_restricted_function_keeps_its_name() -> None:
    assert (worker.__name__, sweep.__name__) == ("worker", "sweep")

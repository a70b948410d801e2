"""The private functions: only their own invoker gets in, and 429 or 503 never out."""

from collections.abc import Callable

import pytest
from flask import Request, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import main
from functions.http.internal_auth import for_callers_of
from functions.sweep import sweep
from functions.worker import worker
from shared import wiring
from shared.domain.api_key import ApiKey
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unreachable
from shared.domain.naming import task_name
from shared.domain.structs import replace
from shared.domain.webhook import Webhook
from shared.gcp.oidc import OidcCheck
from shared.ports.identity import Callers
from shared.request_time import left_seconds
from shared.settings import Settings
from shared.worker.sweep import Sweep
from tests.domain.examples import MINUTE, NOON, a_job, a_new_job, completed, running
from tests.fakes.keys import FakeKeys
from tests.fakes.refusals import every_refusal
from tests.functions.calling import FakeCallers, client_of
from tests.infra.terraform_files import local_values
from tests.usecases.harness import Harness

INVOKER = {"Authorization": "Bearer invoker"}
STARTS = {**INVOKER, "X-CloudTasks-QueueName": "starts"}
STEPS = {**INVOKER, "X-CloudTasks-QueueName": "steps"}
JOB = {"job_id": "job1"}


@pytest.fixture
def callers() -> Callers:
    return FakeCallers()


@pytest.fixture(autouse=True)
def wired(harness: Harness, callers: Callers, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"GOOGLE_CLOUD_PROJECT": "demo", "BUCKET": "demo"}
    settings = Settings.from_env(known)
    waking = Sweep(
        jobs=harness.jobs,
        queries=harness.jobs,
        queue=harness.queue,
        clock=harness.clock,
        wake_webhooks=lambda now: None,
        audit_ledger=harness.audit_ledger,
    )
    monkeypatch.setattr(wiring, "settings", lambda: settings)
    monkeypatch.setattr(wiring, "advance", lambda: harness.advance)
    monkeypatch.setattr(wiring, "sweep", lambda: waking)
    key = ApiKey(sha256="0" * 64, name="k", user_id="ann", created_at=NOON)
    harness.keys = FakeKeys(key)
    monkeypatch.setattr(wiring, "send_webhook", lambda: harness.send_webhook)
    monkeypatch.setattr(wiring, "_callers", lambda audience, email: callers)


def call(client: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return client.post("/", json=JOB, headers=headers)


def test_a_task_advances_its_job_by_one_step(harness: Harness) -> None:
    harness.jobs.put(a_new_job())

    response = call(client_of(worker), STEPS)

    assert (response.status_code, response.data) == (204, b"")
    assert harness.job.image


@pytest.mark.parametrize(("headers", "starts"), [(STARTS, 1), (STEPS, 0), (INVOKER, 0)])
def test_only_a_task_of_the_starts_queue_starts(
    harness: Harness, headers: dict[str, str], starts: int
) -> None:
    harness.jobs.put(a_job())

    assert call(client_of(worker), headers).status_code == 204
    assert harness.providers[ProviderId.RUNWAY].starts == starts


def test_a_task_that_comes_too_early_leaves_one_of_another_name(
    harness: Harness,
) -> None:
    job = harness.jobs.put(running(a_job(), ProviderId.RUNWAY)).value
    own = task_name("job1", job.version)
    harness.clock.move(-MINUTE)

    call(client_of(worker), {**STEPS, "X-CloudTasks-TaskName": own})

    assert own not in [task.name for task in harness.queue.tasks] != []


@pytest.mark.parametrize(("queue", "messages"), [("webhooks", 1), ("steps", 0)])
def test_only_a_task_of_the_webhooks_queue_sends_the_webhook(
    harness: Harness, queue: str, messages: int
) -> None:
    harness.receivers.answers = [500]
    webhook = Webhook(key_id="0" * 12).armed(NOON)
    ended = completed(a_job(webhook_url="https://example.com/"), ProviderId.RUNWAY)
    harness.jobs.put(replace(ended, webhook=webhook))

    response = call(client_of(worker), {**INVOKER, "X-CloudTasks-QueueName": queue})

    # A receiver's failure is no failure of the task.
    assert response.status_code == 204
    assert len(harness.receivers.messages) == messages


def test_a_task_of_a_job_that_is_gone_is_done() -> None:
    assert call(client_of(worker), STEPS).status_code == 204


def test_a_step_that_could_not_be_enqueued_is_asked_for_again(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.queue.failures = [Unreachable("down")]

    assert call(client_of(worker), STEPS).status_code == 500


def test_the_sweep_says_how_many_it_woke(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    harness.clock.move(MINUTE)

    response = call(client_of(sweep), INVOKER)

    assert (response.status_code, response.get_json()) == (200, {"woken": 1})


@pytest.mark.parametrize("function", [worker, sweep])
@pytest.mark.parametrize(
    ("authorization", "status"),
    [(None, 401), ("Bearer eve", 401), ("Bearer other", 403)],
)
def test_nobody_else_gets_in(
    harness: Harness,
    function: Callable[[Request], Response],
    authorization: str | None,
    status: int,
) -> None:
    harness.jobs.put(a_job())
    harness.clock.move(MINUTE)
    headers = {"Authorization": authorization} if authorization else {}

    response = call(client_of(function), {**STARTS, "Authorization": ""} | headers)

    assert response.status_code == status
    assert (harness.starts, harness.queue.tasks, response.data) == (0, [], b"")


@pytest.mark.parametrize("function", [worker, sweep])
@pytest.mark.parametrize(
    "callers",
    [
        OidcCheck(
            audience="https://w.example",
            invoker_email="tasks@example.com",
            signature_removed=False,
            certs_url="http://127.0.0.1:1/",
        )
    ],
    ids=["the real check"],
)
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic YTpi"])
def test_the_real_check_lets_nobody_in_without_a_token(
    harness: Harness, function: Callable[[Request], Response], authorization: str
) -> None:
    harness.jobs.put(a_job())

    response = call(client_of(function), {"Authorization": authorization})

    assert response.status_code == 401
    assert harness.starts == 0


@pytest.mark.parametrize(
    "error",
    [Unreachable("down"), *every_refusal()],
    ids=lambda error: type(error).__name__,
)
def test_no_error_slows_the_whole_queue(error: Exception) -> None:
    def broken(_: Request) -> Response:
        raise error

    guarded = for_callers_of(FakeCallers, seconds=1)(broken)

    status = call(client_of(guarded), INVOKER).status_code

    assert 400 <= status <= 501
    assert status not in (429, 503)


@pytest.mark.parametrize("name", ["worker", "sweep", "budget_alert"])
def test_a_function_asks_firestore_no_longer_than_it_may_run(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []
    monkeypatch.setattr(FakeCallers, "check", lambda *_: left.append(left_seconds()))

    client_of(getattr(main, name)).post("/", json={}, headers=INVOKER)

    may_run = local_values()["functions"][name]["timeout_seconds"]
    assert 0 < left[0] <= may_run - 10


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"", "application/json"), (b"{}", "text/plain"), (b"[]", "application/json")],
)
def test_a_body_that_no_task_of_ours_has_does_nothing(
    harness: Harness, body: bytes, content_type: str
) -> None:
    harness.jobs.put(a_job())

    response = client_of(worker).post(
        "/", data=body, content_type=content_type, headers=STARTS
    )

    assert response.status_code in (400, 415)
    assert harness.starts == 0


def test_a_guard_keeps_the_name_of_its_function() -> None:
    assert (worker.__name__, sweep.__name__) == ("worker", "sweep")

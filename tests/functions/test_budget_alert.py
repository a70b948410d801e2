"""The function `budget_alert`: its answers to Pub/Sub, and the level it sets."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from functions.budget_alert import budget_alert
from shared.domain.kill_switch import KillSwitchState, Level
from shared.jobs.commit import SHORT_BACKOFF
from shared.settings import Settings
from shared.wiring import guards, process
from tests.domain.budgets import an_envelope
from tests.fakes.document import FakeDocument
from tests.fakes.jobs import Trouble
from tests.functions.calling import FakeCallers, client_of
from tests.usecases.harness import Harness

INVOKER = {"Authorization": "Bearer invoker"}
ENVIRON = {
    "GOOGLE_CLOUD_PROJECT": "demo",
    "BUCKET": "demo",
    "BUDGET_ALERT_AUDIENCE": "https://budget.example",
    "PUBSUB_INVOKER": "pubsub@example.com",
}


@pytest.fixture
def store(harness: Harness) -> FakeDocument[KillSwitchState]:
    return harness.switch


@pytest.fixture
def built() -> list[tuple[str, str]]:
    """The audience and the invoker of each check of callers that was built."""
    return []


@pytest.fixture
def client(
    harness: Harness, built: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> FlaskClient:
    def callers(audience: str, email: str) -> FakeCallers:
        built.append((audience, email))
        return FakeCallers()

    settings = Settings.from_env(ENVIRON)
    monkeypatch.setattr(process, "settings", lambda: settings)
    monkeypatch.setattr(process, "_callers", callers)
    monkeypatch.setattr(guards, "kill_switch", lambda: harness.kill_switch)
    return client_of(budget_alert)


def push(client: FlaskClient, envelope: dict[str, Any]) -> TestResponse:
    return client.post("/", json=envelope, headers=INVOKER)


def level(store: FakeDocument[KillSwitchState]) -> Level:
    return store.read().value.level


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(99_999, "normal"), (160_000, "tight"), (200_000, "paused"), (1e9, "paused")],
)
def test_a_notification_sets_the_level(
    client: FlaskClient,
    store: FakeDocument[KillSwitchState],
    cost: float,
    expected: str,
) -> None:
    response = push(client, an_envelope(costAmount=cost))

    assert (response.status_code, response.data) == (204, b"")
    assert level(store) == expected


@pytest.mark.parametrize(
    "troubles",
    [
        [Trouble.UNREACHABLE],
        [Trouble.LOST_RACE] * (len(SHORT_BACKOFF) + 1),
        [Trouble.NOT_APPLIED] * (len(SHORT_BACKOFF) + 1),
    ],
    ids=["refused", "always too late", "never answered"],
)
def test_a_failure_to_set_the_level_makes_pubsub_deliver_again(
    client: FlaskClient, store: FakeDocument[KillSwitchState], troubles: list[Trouble]
) -> None:
    store.troubles = list(troubles)
    envelope = an_envelope(costAmount=200_000)

    assert push(client, envelope).status_code == 500
    assert level(store) is Level.NORMAL
    assert push(client, envelope).status_code == 204
    assert level(store) is Level.PAUSED


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"message": {"data": "e30="}}', 400),
        (json.dumps(an_envelope(without="costIntervalStart")).encode(), 400),
        (b" " * 1_000_001, 413),
    ],
    ids=["empty", "no-json", "list", "no-message", "no-budget", "no-interval", "huge"],
)
def test_a_malformed_notification_is_rejected_and_logged_as_an_error(
    client: FlaskClient, store: FakeDocument[KillSwitchState], body: bytes, status: int
) -> None:
    with capture_logs() as logs:
        response = client.post(
            "/", data=body, content_type="application/json", headers=INVOKER
        )

    assert response.status_code == status
    assert store.read().value == KillSwitchState()
    errors = [e["event"] for e in logs if e["log_level"] == "error"]
    assert errors == ["budget_notification_malformed"]


@pytest.mark.parametrize(
    ("authorization", "status"), [("", 401), ("Bearer eve", 401), ("Bearer other", 403)]
)
def test_only_pubsub_may_call(
    client: FlaskClient,
    store: FakeDocument[KillSwitchState],
    authorization: str,
    status: int,
) -> None:
    headers = {"Authorization": authorization}

    response = client.post("/", json=an_envelope(costAmount=1e9), headers=headers)

    assert response.status_code == status
    assert store.commits == 0


def test_the_function_has_its_own_audience_and_invoker(
    client: FlaskClient, built: list[tuple[str, str]]
) -> None:
    push(client, an_envelope())

    assert built == [("https://budget.example", "pubsub@example.com")]
    assert budget_alert.__name__ == "budget_alert"

"""The function `budget_alert`: what Pub/Sub is answered, and what holds then."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from functions.budget_alert import budget_alert
from shared import wiring
from shared.domain.errors import Unreachable
from shared.domain.kill_switch import Level, Switch
from shared.guards.kill_switch import KillSwitch
from shared.jobs.commit import SHORT_BACKOFF
from shared.settings import Settings
from tests.domain.budgets import an_envelope
from tests.fakes.clock import FrozenClock
from tests.fakes.jobs import Trouble
from tests.fakes.switch import FakeSwitchStore
from tests.functions.calling import FakeCallers, client_of

INVOKER = {"Authorization": "Bearer invoker"}
ENVIRON = {
    "GOOGLE_CLOUD_PROJECT": "demo",
    "BUCKET": "demo",
    "BUDGET_ALERT_AUDIENCE": "https://budget.example",
    "PUBSUB_INVOKER": "pubsub@example.com",
}


@pytest.fixture
def store() -> FakeSwitchStore:
    return FakeSwitchStore()


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """Whose tokens for whom were asked for."""
    return []


@pytest.fixture
def client(
    store: FakeSwitchStore,
    asked: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> FlaskClient:
    def callers(audience: str, email: str) -> FakeCallers:
        asked.append((audience, email))
        return FakeCallers()

    switch = KillSwitch(store=store, pause=FrozenClock().pause)
    settings = Settings.from_env(ENVIRON)
    monkeypatch.setattr(wiring, "settings", lambda: settings)
    monkeypatch.setattr(wiring, "_callers", callers)
    monkeypatch.setattr(wiring, "kill_switch", lambda: switch)
    return client_of(budget_alert)


def push(client: FlaskClient, envelope: dict[str, Any]) -> TestResponse:
    return client.post("/", json=envelope, headers=INVOKER)


def level(store: FakeSwitchStore) -> Level:
    return store.read().value.level


@pytest.mark.parametrize(
    ("cost", "expected"),
    [(99_999, "normal"), (160_000, "tight"), (200_000, "paused"), (1e9, "paused")],
)
def test_a_notification_sets_the_level(
    client: FlaskClient, store: FakeSwitchStore, cost: float, expected: str
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
def test_a_failure_to_act_is_delivered_again(
    client: FlaskClient, store: FakeSwitchStore, troubles: list[Trouble]
) -> None:
    store.troubles = list(troubles)
    envelope = an_envelope(costAmount=200_000)

    assert push(client, envelope).status_code == 500
    assert level(store) is Level.NORMAL
    assert push(client, envelope).status_code == 204
    assert level(store) is Level.PAUSED


def test_a_switch_that_cannot_be_read_is_delivered_again(
    client: FlaskClient, store: FakeSwitchStore
) -> None:
    store.read_failures = [Unreachable("down")]

    assert push(client, an_envelope()).status_code == 500


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
def test_what_nobody_can_understand_ends_with_the_dead_letters_and_is_reported(
    client: FlaskClient, store: FakeSwitchStore, body: bytes, status: int
) -> None:
    with capture_logs() as logs:
        response = client.post(
            "/", data=body, content_type="application/json", headers=INVOKER
        )

    assert response.status_code == status
    assert store.read().value == Switch()
    errors = [e["event"] for e in logs if e["log_level"] == "error"]
    assert errors == ["budget_notice_not_understood"]


@pytest.mark.parametrize(
    ("authorization", "status"), [("", 401), ("Bearer eve", 401), ("Bearer other", 403)]
)
def test_nobody_but_pubsub_is_heard(
    client: FlaskClient, store: FakeSwitchStore, authorization: str, status: int
) -> None:
    headers = {"Authorization": authorization}

    response = client.post("/", json=an_envelope(costAmount=1e9), headers=headers)

    assert response.status_code == status
    assert store.commits == 0


def test_it_has_an_audience_and_an_invoker_of_its_own(
    client: FlaskClient, asked: list[tuple[str, str]]
) -> None:
    push(client, an_envelope())

    assert asked == [("https://budget.example", "pubsub@example.com")]
    assert budget_alert.__name__ == "budget_alert"

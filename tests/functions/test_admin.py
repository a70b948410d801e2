"""The kill switch over HTTP: operators alone see it and set it."""

import pytest
from flask.testing import FlaskClient

from functions import admin
from functions.admin import ADMIN_ROUTES
from functions.http.router import Router
from shared import wiring
from shared.domain.kill_switch import Level
from shared.guards.kill_switch import KillSwitch
from tests.domain.budgets import a_notification
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.switch import FakeSwitchStore
from tests.functions.calling import FakeTokens, client_of

PATH = "/v1/admin/generation"
PAUSE = {"level": "paused", "reason": "the bill"}
OPERATOR = {"Authorization": "Bearer operator"}


@pytest.fixture
def store() -> FakeSwitchStore:
    return FakeSwitchStore()


@pytest.fixture
def switch(store: FakeSwitchStore) -> KillSwitch:
    return KillSwitch(store=store, pause=FrozenClock().pause)


@pytest.fixture
def client(switch: KillSwitch, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(wiring, "kill_switch", lambda: switch)
    monkeypatch.setattr(admin, "SystemClock", FrozenClock)
    return client_of(Router(ADMIN_ROUTES, FakeTokens(), []))


def test_what_was_never_set_is_normal(client: FlaskClient) -> None:
    response = client.get(PATH, headers=OPERATOR)

    assert response.status_code == 200
    assert response.get_json() == {
        "level": "normal",
        "automatic": {"level": "normal", "budgets": []},
        "by_hand": None,
    }


def test_an_operator_pauses_and_everybody_sees_why(
    client: FlaskClient, switch: KillSwitch
) -> None:
    response = client.post(PATH, json=PAUSE, headers=OPERATOR)

    assert response.status_code == 200
    assert response.get_json() == client.get(PATH, headers=OPERATOR).get_json()
    assert response.get_json()["level"] == "paused"
    assert response.get_json()["by_hand"] == {
        "level": "paused",
        "reason": "the bill",
        "by": "min-ji",
        "at": "2026-11-22T12:00:00.000Z",
    }
    assert switch.level(NOON) is Level.PAUSED


def test_what_the_budgets_say_is_shown_beside_it(
    client: FlaskClient, switch: KillSwitch
) -> None:
    switch.on_budget_notification(a_notification("0.9"))
    body = {"level": "normal", "reason": "a launch"}

    shown = client.post(PATH, json=body, headers=OPERATOR).get_json()

    assert shown["level"] == "normal"
    assert shown["automatic"] == {
        "level": "tight",
        "budgets": [
            {
                "budget_id": "b1",
                "interval_start": "2026-11-01T07:00:00.000Z",
                "ratio": "0.9",
                "level": "tight",
                "overridden": True,
            }
        ],
    }


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"level", "reason"}),
        ({"level": "paused"}, {"reason"}),
        ({"level": "off", "reason": "x"}, {"level"}),
        ({"level": None, "reason": None}, {"level", "reason"}),
        ({"level": "PAUSED", "reason": ""}, {"level", "reason"}),
        ({"level": "paused", "reason": " "}, {"reason"}),
        ({"level": "paused", "reason": "x" * 501}, {"reason"}),
        ({"level": "paused", "reason": "x", "until": "noon"}, {"until"}),
    ],
)
def test_each_wrong_field_is_named_and_nothing_is_set(
    client: FlaskClient,
    store: FakeSwitchStore,
    body: dict[str, object],
    fields: set[str],
) -> None:
    response = client.post(PATH, json=body, headers=OPERATOR)

    assert response.status_code == 422
    assert {error["field"] for error in response.get_json()["errors"]} == fields
    assert store.commits == 0

"""The kill switch over HTTP: only operators see and set it."""

import pytest
from flask.testing import FlaskClient

from functions import admin
from shared.domain.kill_switch import Level
from tests.domain.budgets import a_notification
from tests.fakes.clock import NOON, FrozenClock
from tests.functions.calling import OPERATOR
from tests.usecases.harness import Harness

PATH = "/v1/admin/generation"
PAUSE = {"level": "paused", "reason": "the bill"}


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "SystemClock", FrozenClock)


def test_a_switch_that_was_never_set_is_normal(client: FlaskClient) -> None:
    response = client.get(PATH, headers=OPERATOR)

    assert response.status_code == 200
    assert response.get_json() == {
        "level": "normal",
        "automatic": {"level": "normal", "budgets": []},
        "by_hand": None,
    }


def test_an_operator_pauses_generation_and_users_are_told_why(
    client: FlaskClient, harness: Harness
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
    assert harness.kill_switch.level(NOON) is Level.PAUSED


def test_the_budgets_level_is_shown_beside_the_manual_one(
    client: FlaskClient, harness: Harness
) -> None:
    replaced = a_notification("1", budget_id="b0", minute=-4 * 24 * 60)
    for notification in (replaced, a_notification("0.9")):
        harness.kill_switch.on_budget_notification(notification)
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
def test_each_wrong_field_is_reported_and_nothing_is_set(
    client: FlaskClient, harness: Harness, body: dict[str, object], fields: set[str]
) -> None:
    response = client.post(PATH, json=body, headers=OPERATOR)

    assert response.status_code == 422
    assert {error["field"] for error in response.get_json()["errors"]} == fields
    assert harness.switch.commits == 0

"""`python -m local generation` on the real emulator: the switch, set and shown."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.cloud import firestore

from local.__main__ import main
from ops.generation import SAY_WHY, shown
from shared.domain.budget_notification import BudgetNotification
from shared.domain.kill_switch import (
    Level,
    Setting,
    Switch,
    apply_notification,
    set_manually,
)
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_switch import FirestoreSwitch

MAY = datetime(2027, 5, 1, tzinfo=UTC)


@pytest.fixture
def store(
    firestore_client: firestore.Client,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> FirestoreSwitch:
    """The switch of an empty project, which the environment names."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", str(firestore_client.project))
    monkeypatch.setenv("LOGNAME", "me")
    return FirestoreSwitch(database)


def notification(ratio: str) -> BudgetNotification:
    return BudgetNotification(
        budget_id="b1",
        budget_name="all",
        ratio=Decimal(ratio),
        budget_amount=Decimal(100),
        interval_start=MAY,
        published_at=MAY + timedelta(days=3),
        schema_version="1.0",
    )


def rows(table: str) -> list[list[str]]:
    """Cells, which at least two spaces part."""
    return [re.split("  +", line) for line in table.splitlines()[1:]]


def test_a_level_set_by_hand_is_in_force(
    store: FirestoreSwitch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generation", "paused", "--reason", "The bill looks wrong"]) == 0

    switch = store.read().value
    assert switch.level is Level.PAUSED
    assert (
        switch.manual_override
        and switch.manual_override.reason == "The bill looks wrong"
    )
    assert switch.manual_override.by == "os:me"
    assert capsys.readouterr().out == f"{shown(switch)}\n"


def test_showing_sets_nothing(
    store: FirestoreSwitch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generation", "show"]) == 0

    assert store.read().token is None
    assert capsys.readouterr().out == f"{shown(Switch())}\n"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_without_a_reason_nothing_is_set(
    store: FirestoreSwitch, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    assert main(["generation", "normal", "--reason", reason]) == 1

    assert store.read().token is None
    assert capsys.readouterr().err == f"{SAY_WHY}\n"


def set_to(level: Level, ratio: str) -> Switch:
    setting = Setting(
        level=level, reason="odd", by="ann@x.org", at=MAY + timedelta(days=4)
    )
    return set_manually(apply_notification(Switch(), notification(ratio)), setting)


@pytest.mark.parametrize(
    ("ratio", "level", "in_force", "automatic", "spent"),
    [
        ("0.999", "paused", "paused", "tight", "99 % spent"),
        ("1.2", "normal", "normal", "paused", "120 % spent"),
        ("Infinity", "paused", "paused", "paused", "no usable amounts, so all spent"),
    ],
)
def test_the_table_says_who_and_what_the_budgets_say(
    ratio: str, level: str, in_force: str, automatic: str, spent: str
) -> None:
    overridden = ", overridden manually" if level == "normal" else ""

    assert rows(shown(set_to(Level(level), ratio))) == [
        ["in force", in_force],
        ["set manually", level, "odd (ann@x.org, 2027-05-05 00:00 UTC)"],
        ["automatic", automatic],
        ["budget b1", automatic, f"{spent} since 2027-05-01{overridden}"],
    ]


def test_the_audit_line_is_json_beside_the_answer(store: FirestoreSwitch) -> None:
    command = [sys.executable, "-m", "local", "generation", "tight", "--reason", "odd"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    lines = [json.loads(x) for x in done.stderr.splitlines() if x.startswith("{")]
    [line] = [x for x in lines if x.get("audit")]
    assert line["message"] == "generation_set_manually"
    assert (line["level"], line["user_id"]) == ("tight", "os:me")
    assert done.stdout == f"{shown(store.read().value)}\n"

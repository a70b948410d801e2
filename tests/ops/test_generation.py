"""`python -m local generation` on the real emulator: the switch, set and shown."""

import json
import re
from datetime import timedelta

import pytest
from google.cloud import firestore

from local.__main__ import main
from ops.generation import SAY_WHY, shown
from shared.domain.kill_switch import (
    KillSwitchState,
    Level,
    ManualOverride,
    apply_notification,
    set_manually,
)
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_document import kill_switch_store
from shared.ports.store import KillSwitchStore
from tests.domain.budgets import a_notification
from tests.fakes.clock import NOON


@pytest.fixture
def store(
    firestore_client: firestore.Client,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> KillSwitchStore:
    """The switch of an empty project, to which the environment points."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", str(firestore_client.project))
    monkeypatch.setenv("LOGNAME", "me")
    return kill_switch_store(database)


def rows(table: str) -> list[list[str]]:
    """The table's cells, which are separated by two or more spaces."""
    return [re.split("  +", line) for line in table.splitlines()[1:]]


def test_a_manual_level_is_in_force_and_in_the_audit_log(
    store: KillSwitchStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generation", "paused", "--reason", "The bill looks wrong"]) == 0

    switch = store.read().value
    assert switch.level is Level.PAUSED
    assert (
        switch.manual_override
        and switch.manual_override.reason == "The bill looks wrong"
    )
    assert switch.manual_override.by == "os:me"
    printed = capsys.readouterr()
    assert printed.out == f"{shown(switch)}\n"
    assert "in the emulator at " in printed.err
    lines = [json.loads(x) for x in printed.err.splitlines() if x.startswith("{")]
    [audit] = [line for line in lines if line.get("audit")]
    assert audit["message"] == "generation_set_manually"
    assert (audit["level"], audit["user_id"]) == ("paused", "os:me")


def test_a_reason_in_another_encoding_stops_spending_all_the_same(
    store: KillSwitchStore,
) -> None:
    eucs = "사고".encode("euc-kr").decode("utf-8", "surrogateescape")

    assert main(["generation", "paused", "--reason", eucs]) == 0

    assert store.read().value.level is Level.PAUSED


def test_after_a_pause_the_budgets_alone_count_again(store: KillSwitchStore) -> None:
    """`normal` would override them until their next interval."""
    before = store.read()
    store.commit(
        before, apply_notification(before.value, a_notification("0.3", minute=-1))
    )
    assert main(["generation", "paused", "--reason", "ledger"]) == 0
    assert main(["generation", "automatic", "--reason", "it balances"]) == 0

    switch = store.read().value
    assert (switch.level, switch.manual_override) == (Level.NORMAL, None)
    assert apply_notification(switch, a_notification("1")).level is Level.PAUSED


def test_showing_sets_nothing(
    store: KillSwitchStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generation", "show"]) == 0

    assert store.read().token is None
    assert capsys.readouterr().out == f"{shown(KillSwitchState())}\n"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_nothing_is_set_without_a_reason(
    store: KillSwitchStore,
    capsys: pytest.CaptureFixture[str],
    reason: str,
) -> None:
    assert main(["generation", "normal", "--reason", reason]) == 1

    assert store.read().token is None
    assert capsys.readouterr().err == f"{SAY_WHY}\n"


# The last word of a budget that is shown no more, since another one replaced it.
REPLACED = apply_notification(
    KillSwitchState(), a_notification("1", budget_id="b0", minute=-4 * 24 * 60)
)


def set_to(level: Level, ratio: str) -> KillSwitchState:
    after_noon = NOON + timedelta(hours=1)
    setting = ManualOverride(level=level, reason="odd", by="ann@x.org", at=after_noon)
    return set_manually(apply_notification(REPLACED, a_notification(ratio)), setting)


@pytest.mark.parametrize(
    ("ratio", "level", "in_force", "automatic", "spent"),
    [
        ("0.999", "paused", "paused", "tight", "99 % spent"),
        ("1.2", "normal", "normal", "paused", "120 % spent"),
        ("0.3", "normal", "normal", "normal", "30 % spent"),
        ("Infinity", "paused", "paused", "paused", "no usable amounts, so all spent"),
    ],
)
def test_the_table_shows_who_set_the_level_and_what_the_budgets_report(
    ratio: str, level: str, in_force: str, automatic: str, spent: str
) -> None:
    overridden = ", overridden manually" if level == "normal" else ""

    assert rows(shown(set_to(Level(level), ratio))) == [
        ["in force", in_force],
        ["set manually", level, "odd (ann@x.org, 2026-11-22 13:00 UTC)"],
        ["automatic", automatic],
        ["budget b1", automatic, f"{spent} since 2026-11-01{overridden}"],
    ]

"""The audit logs whether the ledger balances, which account is off, and by how much."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from shared.domain.ledger import Account, Totals
from shared.domain.ledger_snapshot import LedgerSnapshot, OpenJob
from shared.worker.ledger_audit import LedgerAudit
from tests.fakes.clock import NOON, FrozenClock

ALL, ANNS = "all.2026-11.3", "user.ann.2026-11"


def held(usd: str, *, settled: str = "0", released: str = "0") -> Account:
    totals = Totals(
        held_usd=Decimal(usd),
        settled_usd=Decimal(settled),
        released_usd=Decimal(released),
    )
    return Account(days={"d22": totals})


def an_open_job(usd: str = "3.20", month: str = "2026-11") -> OpenJob:
    documents = (f"all.{month}.3", f"user.ann.{month}")
    return OpenJob(user_id="ann", documents=documents, hold_usd=Decimal(usd))


def ledger(
    *jobs: OpenJob,
    documents: Mapping[str, Account] | None = None,
    lent: str = "1",
    ann: int | None = None,
) -> LedgerSnapshot:
    """A snapshot in which shard 3 borrowed 1 USD and shard 4 lent `lent`."""
    count = len(jobs) if ann is None else ann
    return LedgerSnapshot(
        jobs=jobs,
        documents=documents or {},
        borrowed={ALL: {"d22": Decimal(1)}, "all.2026-11.4": {"d22": -Decimal(lent)}},
        open_jobs={"ann": count} if count else {},
    )


def balance(found: LedgerSnapshot | None) -> LedgerAudit:
    return LedgerAudit(read=lambda at, days: found, clock=FrozenClock(), zone=UTC)


OPEN, TINY = an_open_job(), an_open_job("0.0000004")
OCTOBERS = an_open_job(month="2026-10")
BOTH = {ALL: held("3.20"), ANNS: held("3.20")}
IN_OCTOBER = {"all.2026-10.3": held("3.2"), "user.ann.2026-10": held("3.2")}
BALANCED = {
    "nothing at all": ledger(),
    "an open job": ledger(OPEN, documents=BOTH),
    "all ended": ledger(documents={ALL: held("3", settled="1", released="2")}),
    "across a month's end": ledger(OPEN, OCTOBERS, documents=BOTH | IN_OCTOBER),
    "less than the smallest amount booked": ledger(
        *[TINY] * 3, documents={ALL: held("0"), ANNS: held("0")}
    ),
}


@pytest.mark.parametrize("found", BALANCED.values(), ids=BALANCED)
def test_a_ledger_that_balances_is_logged_as_such(found: LedgerSnapshot) -> None:
    with capture_logs() as logs:
        assert balance(found)() == 0

    assert [line["event"] for line in logs] == ["ledger_balanced"]


def off(document: str, usd: str) -> dict[str, object]:
    return {"document": document, "off_by_usd": usd}


TOO_LITTLE = BOTH | {ANNS: held("3")}
IMBALANCES: dict[str, tuple[LedgerSnapshot, dict[str, object]]] = {
    "a hold without a job": (
        ledger(documents={ALL: held("0.000001")}),
        off(ALL, "0.000001"),
    ),
    "too little held": (ledger(OPEN, documents=TOO_LITTLE), off(ANNS, "-0.200000")),
    "an account is missing": (
        ledger(OPEN, documents={ALL: held("3.20")}),
        off(ANNS, "-3.200000"),
    ),
    "a loan that nobody lent": (
        ledger(lent="0.75"),
        {"loans_of": "all.2026-11", "period": "d22", "off_by_usd": "0.25"},
    ),
    "a user has fewer jobs open than counted": (
        ledger(OPEN, documents=BOTH, ann=3),
        {"user_id": "ann", "off_by_jobs": 2},
    ),
    "a user has more jobs open than counted": (
        ledger(OPEN, documents=BOTH, ann=0),
        {"user_id": "ann", "off_by_jobs": -1},
    ),
    "a negative count": (ledger(ann=-1), {"user_id": "ann", "off_by_jobs": -1}),
}


@pytest.mark.parametrize(("found", "line"), IMBALANCES.values(), ids=IMBALANCES)
def test_each_imbalance_is_logged(
    found: LedgerSnapshot, line: dict[str, object]
) -> None:
    with capture_logs() as logs:
        assert balance(found)() == 1

    assert logs == [{"event": "ledger_out_of_balance", "log_level": "error", **line}]


def test_each_period_in_which_loans_are_off_is_logged() -> None:
    """A lost loan is missing from its day and from its month."""
    lost = {ALL: {"d22": Decimal(1), "month": Decimal(2)}}
    found = LedgerSnapshot(jobs=(), documents={}, borrowed=lost, open_jobs={})

    with capture_logs() as logs:
        assert balance(found)() == 2

    assert [(line["period"], line["off_by_usd"]) for line in logs] == [
        ("d22", "1"),
        ("month", "2"),
    ]


def test_a_ledger_with_too_many_open_jobs_is_not_checked() -> None:
    with capture_logs() as logs:
        assert balance(None)() == 0

    assert [line["event"] for line in logs] == ["ledger_not_checked"]


def test_the_audit_reads_a_past_moment_and_its_days_in_the_ledgers_zone() -> None:
    asked: list[tuple[datetime, list[date]]] = []
    midnight = datetime(2026, 11, 30, 15, 0, 9, tzinfo=UTC)  # of December in Seoul
    second = datetime(2026, 12, 1, 9, tzinfo=UTC)  # jobs of November have just ended

    def read(at: datetime, days: Sequence[date]) -> LedgerSnapshot:
        asked.append((at, list(days)))
        return ledger()

    LedgerAudit(read=read, clock=FrozenClock(midnight), zone=ZoneInfo("Asia/Seoul"))()
    LedgerAudit(read=read, clock=FrozenClock(), zone=UTC)()
    LedgerAudit(read=read, clock=FrozenClock(second), zone=UTC)()

    assert asked == [
        (midnight - timedelta(seconds=10), [date(2026, 11, 30), date(2026, 11, 29)]),
        (NOON - timedelta(seconds=10), [date(2026, 11, 22), date(2026, 11, 21)]),
        (second - timedelta(seconds=10), [date(2026, 12, 1), date(2026, 11, 30)]),
    ]

"""The audit logs whether the ledger balances, which account is off, and by how much."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
    return LedgerAudit(read=lambda at, account: found, clock=FrozenClock(), zone=UTC)


BOTH = {ALL: held("3.20"), ANNS: held("3.20")}


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(ledger(), id="nothing at all"),
        pytest.param(ledger(an_open_job(), documents=BOTH), id="an open job"),
        pytest.param(
            ledger(documents={ALL: held("3", settled="1", released="2")}),
            id="all ended",
        ),
        pytest.param(
            ledger(
                an_open_job(),
                an_open_job(month="2026-10"),
                documents=BOTH
                | {"all.2026-10.3": held("3.2"), "user.ann.2026-10": held("3.2")},
            ),
            id="across a month's end",
        ),
        pytest.param(
            ledger(
                *[an_open_job("0.0000004")] * 3,
                documents={ALL: held("0"), ANNS: held("0")},
            ),
            id="less than the smallest amount booked",
        ),
    ],
)
def test_a_ledger_that_balances_is_logged_as_such(found: LedgerSnapshot) -> None:
    with capture_logs() as logs:
        off = balance(found)()

    assert off == 0
    assert [line["event"] for line in logs] == ["ledger_balanced"]


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        pytest.param(
            ledger(documents={ALL: held("0.000001")}),
            [{"document": ALL, "off_by_usd": "0.000001"}],
            id="a hold without a job",
        ),
        pytest.param(
            ledger(an_open_job(), documents={ALL: held("3.20"), ANNS: held("3")}),
            [{"document": ANNS, "off_by_usd": "-0.200000"}],
            id="too little held",
        ),
        pytest.param(
            ledger(an_open_job(), documents={ALL: held("3.20")}),
            [{"document": ANNS, "off_by_usd": "-3.200000"}],
            id="an account is missing",
        ),
        pytest.param(
            ledger(lent="0.75"),
            [{"loans_of": "all.2026-11", "off_by_usd": "0.25"}],
            id="a loan that nobody lent",
        ),
        pytest.param(
            ledger(an_open_job(), documents=BOTH, ann=3),
            [{"user_id": "ann", "off_by_jobs": 2}],
            id="a user has fewer jobs open than counted",
        ),
        pytest.param(
            ledger(an_open_job(), documents=BOTH, ann=0),
            [{"user_id": "ann", "off_by_jobs": -1}],
            id="a user has more jobs open than counted",
        ),
        pytest.param(
            ledger(ann=-1),
            [{"user_id": "ann", "off_by_jobs": -1}],
            id="a negative count",
        ),
    ],
)
def test_each_imbalance_is_logged(
    found: LedgerSnapshot, lines: list[dict[str, object]]
) -> None:
    with capture_logs() as logs:
        off = balance(found)()

    assert off == len(lines)
    event = {"event": "ledger_out_of_balance", "log_level": "error"}
    assert logs == [event | line for line in lines]


def test_a_ledger_with_too_many_open_jobs_is_not_checked() -> None:
    with capture_logs() as logs:
        assert balance(None)() == 0

    assert [line["event"] for line in logs] == ["ledger_not_checked"]


def test_the_audit_reads_a_past_moment_and_its_month_in_the_ledgers_zone() -> None:
    asked: list[tuple[datetime, list[str]]] = []
    midnight = datetime(2026, 11, 30, 15, 0, 9, tzinfo=UTC)  # of December in Seoul
    second = datetime(2026, 12, 1, 9, tzinfo=UTC)  # jobs of November have just ended

    def read(at: datetime, accounts: Sequence[str]) -> LedgerSnapshot:
        asked.append((at, list(accounts)))
        return ledger()

    LedgerAudit(read=read, clock=FrozenClock(midnight), zone=ZoneInfo("Asia/Seoul"))()
    LedgerAudit(read=read, clock=FrozenClock(), zone=UTC)()
    LedgerAudit(read=read, clock=FrozenClock(second), zone=UTC)()

    november, december = "all.2026-11", "all.2026-12"
    assert asked == [
        (midnight - timedelta(seconds=10), [november, november]),
        (NOON - timedelta(seconds=10), [november, november]),
        (second - timedelta(seconds=10), [december, november]),
    ]

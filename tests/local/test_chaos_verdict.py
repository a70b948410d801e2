"""Each broken promise shows in its own figure; a run in which all held shows none."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from local.fault_injection.evidence import (
    Booked,
    Evidence,
    JobSeen,
    Paid,
    Tried,
    booked_days,
    job_seen,
)
from local.fault_injection.journal import (
    Entry,
    What,
)
from local.fault_injection.verdict import (
    judge,
    quantile,
    recovery_seconds,
)

ALL, ANN, DAY = "all.2026-11", "user.ann.2026-11", "d22"
PROMISES = (
    "lost",
    "not_terminal",
    "paid_twice",
    "ledger_drift_usd",
    "cap_overshoot_usd",
    "corrupt",
    "key_twice",
    "open_jobs_drift",
)
SPENT = Booked(
    held_usd=Decimal("1.60"), settled_usd=Decimal("0.15"), released_usd=Decimal("1.45")
)


def tried(state: str, vendor: str = "runway", cost_usd: str = "0") -> Tried:
    return Tried(vendor=vendor, state=state, cost_usd=Decimal(cost_usd))


def a_job(*attempts: Tried, **changes: Any) -> JobSeen:
    values: dict[str, Any] = {
        "job_id": "job1",
        "user": "ann",
        "prompt": "p",
        "status": "completed",
        "error_code": None,
        "attempts": attempts or (tried("succeeded", cost_usd="0.15"),),
        "accounts": (ALL, ANN),
        "day": DAY,
    }
    return JobSeen(**(values | changes))


def evidence(job: JobSeen | None = None, **changes: Any) -> Evidence:
    """Of a run with one job, in which all went well."""
    values: dict[str, Any] = {
        "accepted": frozenset({"job1"}),
        "job_of_key": {"key1": frozenset({"job1"})},
        "jobs": [job or a_job()],
        "paid": [Paid(vendor="runway", prompt="p")],
        "films": {"job1": None},
        "ledger": {(ALL, DAY): SPENT, (ANN, DAY): SPENT},
        "most_used_usd": {(ANN, DAY): Decimal("1.60")},
        "caps_usd": {"user": Decimal(2)},
        "open_jobs": {"ann": 0},
    }
    return Evidence(**(values | changes))


def paid(*vendors: str) -> list[Paid]:
    return [Paid(vendor=vendor, prompt="p") for vendor in vendors]


def broken(seen: Evidence) -> dict[str, object]:
    figures = judge(seen).figures
    return {name: figures[name] for name in PROMISES if figures[name]}


def test_a_run_in_which_all_held_has_only_zeros() -> None:
    verdict = judge(evidence())

    assert (broken(evidence()), verdict.broken) == ({}, [])
    assert verdict.figures["jobs"] == verdict.figures["completed"] == 1


OFF = replace(SPENT, settled_usd=Decimal("0.10"), released_usd=Decimal("1.50"))
STILL_HELD = replace(SPENT, released_usd=Decimal(0))


@pytest.mark.parametrize(
    ("seen", "figures"),
    [
        pytest.param(
            evidence(accepted=frozenset({"job1", "job2"})), {"lost": 1}, id="gone"
        ),
        pytest.param(
            evidence(a_job(status="failed", error_code=None)), {"lost": 1}, id="silent"
        ),
        pytest.param(
            evidence(
                a_job(status="processing"), ledger={}, paid=[], open_jobs={"ann": 1}
            ),
            {"not_terminal": 1},
            id="not ended",
        ),
        pytest.param(
            evidence(paid=paid("runway", "runway")), {"paid_twice": 1}, id="twice"
        ),
        pytest.param(
            evidence(paid=paid("runway", "vertex")),
            {"paid_twice": 1},
            id="not on record",
        ),
        pytest.param(
            evidence(paid=[Paid(vendor="runway", prompt="q")]),
            {"paid_twice": 1},
            id="for no job at all",
        ),
        pytest.param(
            evidence(
                ledger={(ALL, DAY): SPENT, (ANN, DAY): OFF},
            ),
            {"ledger_drift_usd": 0.05},
            id="settled too little",
        ),
        pytest.param(
            evidence(ledger={(ALL, DAY): SPENT, (ANN, DAY): STILL_HELD}),
            {"ledger_drift_usd": 1.45},
            id="never released",
        ),
        pytest.param(
            evidence(ledger={(ALL, DAY): SPENT}),
            {"ledger_drift_usd": 0.15},
            id="not booked",
        ),
        pytest.param(
            evidence(most_used_usd={(ANN, DAY): Decimal("2.01")}),
            {"cap_overshoot_usd": 0.01},
            id="over the cap",
        ),
        pytest.param(
            evidence(films={"job1": "it shows the image of job 7"}),
            {"corrupt": 1},
            id="another's image",
        ),
        pytest.param(evidence(films={}), {"corrupt": 1}, id="never looked at"),
        pytest.param(
            evidence(job_of_key={"key1": frozenset({"job1", "job2"})}),
            {"key_twice": 1},
            id="two jobs of one key",
        ),
        pytest.param(
            evidence(open_jobs={"ann": 1}), {"open_jobs_drift": 1}, id="open for ever"
        ),
    ],
)
def test_each_broken_promise_shows(seen: Evidence, figures: dict[str, object]) -> None:
    assert broken(seen) == figures
    assert judge(seen).broken


@pytest.mark.parametrize(
    ("states", "count", "too_many"),
    [
        pytest.param(["succeeded"], 1, 0, id="one"),
        pytest.param(["rejected", "succeeded"], 1, 0, id="rejected costs nothing"),
        pytest.param(["rejected", "succeeded"], 2, 1, id="rejected, and paid"),
        pytest.param(["not_sent", "succeeded"], 2, 1, id="not sent, and paid"),
        pytest.param(["failed", "succeeded"], 2, 0, id="two that were answered"),
        pytest.param(["unknown", "skipped"], 1, 0, id="unknown, then nothing"),
        pytest.param(["unknown", "succeeded"], 2, 1, id="again after an unknown"),
        pytest.param(["unknown"], 0, 0, id="unknown, and never arrived"),
    ],
)
def test_payments_are_held_against_what_was_recorded(
    states: list[str], count: int, too_many: int
) -> None:
    job = a_job(*(tried(state) for state in states))

    figures = judge(evidence(job, paid=paid(*["runway"] * count), ledger={})).figures

    assert figures["paid_twice"] == too_many


def test_what_was_spent_before_the_run_is_no_drift() -> None:
    earlier = Booked(held_usd=Decimal(9), settled_usd=Decimal(9))
    both = replace(SPENT, held_usd=Decimal("10.60"), settled_usd=Decimal("9.15"))
    seen = evidence(
        ledger={(ALL, DAY): SPENT, (ANN, DAY): both}, spent_before={(ANN, DAY): earlier}
    )

    assert broken(seen) == {}


def line(at: float, what: What, detail: str = "", **where: Any) -> Entry:
    at_home: dict[str, Any] = {"function": "worker", "pid": 1, "job_id": "job1"}
    return Entry(at=at, what=what, detail=detail, **(at_home | where))


KILL = "killed before copy"


@pytest.mark.parametrize(
    ("diary", "seconds"),
    [
        pytest.param(
            [
                line(1, What.BEGAN),
                line(2, What.STRUCK, KILL),
                line(5, What.COMMITTED, pid=2),
                line(6, What.COMMITTED, pid=2),
            ],
            [3],
            id="its own act",
        ),
        pytest.param(
            [
                line(1, What.BEGAN),
                line(1, What.BEGAN, thread=2, job_id="job2"),
                line(2, What.KILLED, pid=0, job_id=""),
                line(4, What.COMMITTED, pid=2),
                line(5, What.COMMITTED, pid=2, job_id="job2"),
            ],
            [2, 3],
            id="killed from outside, with all in hand",
        ),
        pytest.param(
            [
                line(1, What.BEGAN),
                line(1, What.ENDED),
                line(2, What.KILLED, pid=0, job_id=""),
                line(4, What.COMMITTED, pid=2),
            ],
            [],
            id="nothing in hand",
        ),
        pytest.param(
            [
                line(1, What.BEGAN),
                line(2, What.COMMITTED, "final"),
                line(3, What.STRUCK, "killed after finish commit"),
            ],
            [],
            id="it was over",
        ),
        pytest.param(
            [
                line(1, What.BEGAN),
                line(2, What.KILLED, function="api", pid=0, job_id=""),
                line(4, What.COMMITTED),
            ],
            [],
            id="another function died",
        ),
        pytest.param(
            [
                line(1, What.BEGAN),
                line(2, What.STRUCK, "unreachable copy"),
                line(4, What.COMMITTED),
            ],
            [],
            id="nobody died",
        ),
    ],
)
def test_recovery_is_from_the_death_to_the_next_commit(
    diary: list[Entry], seconds: list[float]
) -> None:
    assert recovery_seconds(diary) == seconds


def test_crashes_and_faults_are_counted_apart() -> None:
    diary = [
        line(1, What.STRUCK, KILL),
        line(2, What.STRUCK, "unreachable copy"),
        line(3, What.KILLED, pid=0, job_id=""),
    ]

    figures = judge(evidence(diary=diary, harm={"runway start 503": 4})).figures

    assert (figures["crashes"], figures["faults"]) == (2, 5)
    assert figures["injected"] == {
        KILL: 1,
        "unreachable copy": 1,
        "worker process killed": 1,
        "runway start 503": 4,
    }


def test_a_quantile_is_a_value_that_was_seen() -> None:
    hundred = [float(n) for n in range(1, 101)]

    assert (quantile(hundred, 0.5), quantile(hundred, 0.99)) == (50.0, 99.0)
    assert (quantile([3.0], 0.99), quantile([], 0.5)) == (3.0, None)


def test_records_are_read_as_they_lie_in_firestore() -> None:
    run = {
        "user_id": "ann",
        "request": {"prompt": "p"},
        "attempts": [{"vendor": "runway", "state": "succeeded", "cost_usd": "0.15"}],
        "ledger_key": {"accounts": [ALL, ANN], "day": DAY},
    }
    amounts = {"held": 1_600_000, "settled": 150_000, "released": 1_450_000}

    assert job_seen("job1", {"status": "completed", "error": None}, run) == a_job()
    assert job_seen("job1", {"status": "completed"}, {}) is None
    assert booked_days(ANN, {"days": {DAY: amounts}}) == {(ANN, DAY): SPENT}

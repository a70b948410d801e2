"""Each broken promise shows in its own figure; a run in which all held shows none."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from local.fault_injection.evidence import Evidence, Heard, Paid
from local.fault_injection.journal import Entry, What
from local.fault_injection.verdict import quantile, recovery_seconds, verdict_on
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.ledger import Account, Totals
from shared.domain.structs import replace
from shared.domain.webhook import Webhook, WebhookStatus
from tests.domain.examples import a_job, completed, running

RUNWAY = ProviderId.RUNWAY
DONE = completed(a_job(chain=(RUNWAY,)), RUNWAY)
(ATTEMPT,) = DONE.attempts
DELIVERED = Webhook(key_id="k", status=WebhookStatus.DELIVERED, attempts=2)
TOLD = replace(DONE, webhook=DELIVERED)
HEARD = Heard(job_id="job1", message_id="msg_job1", type="video.completed")
OTHER_ID = dataclasses.replace(HEARD, message_id="msg_2")
ALL, ANN = DONE.ledger_key.accounts
DAY = DONE.ledger_key.day
COST = DONE.cost_usd
SPENT = Totals(
    held_usd=DONE.hold_usd, settled_usd=COST, released_usd=DONE.hold_usd - COST
)
SHOWN = {"completed": {"status": "completed"}, "failed": {"status": "failed"}}


def ledger(everybodys: Totals = SPENT, anns: Totals = SPENT) -> dict[str, Account]:
    accounts = {ALL: everybodys, ANN: anns}
    return {name: Account(days={DAY: each}) for name, each in accounts.items()}


def evidence(job: Job = DONE, **changes: Any) -> Evidence:
    """Of a run with one job, in which all went well."""
    values: dict[str, Any] = {
        "jobs_of_keys": {"key1": frozenset({"job1"})},
        "jobs": [job],
        "shown": {"job1": SHOWN["completed"]},
        "paid": paid("runway"),
        "outputs": {"job1": None},
        "ledger": ledger(),
        "most_used_usd": {(ANN, DAY): Decimal("1.60")},
        "caps_usd": {"user": Decimal(2)},
        "open_jobs": {"ann": 0},
    }
    return Evidence(**(values | changes))


def paid(*vendors: str, prompt: str = DONE.request.prompt) -> list[Paid]:
    return [Paid(vendor=vendor, prompt=prompt) for vendor in vendors]


def broken(seen: Evidence) -> dict[str, object]:
    promises = (
        *("lost", "not_terminal", "paid_twice", "ledger_drift_usd"),
        *("cap_overshoot_usd", "corrupt", "thrown_away", "key_twice"),
        *("open_jobs_drift", "webhooks_broken"),
    )
    figures = verdict_on(seen).figures
    return {name: figures[name] for name in promises if figures[name]}


def test_a_run_in_which_all_held_has_only_zeros() -> None:
    verdict = verdict_on(evidence())

    assert (broken(evidence()), verdict.broken) == ({}, [])
    assert broken(evidence(TOLD, heard=[HEARD, HEARD])) == {}
    assert verdict.figures["jobs"] == verdict.figures["completed"] == 1


CENT = Decimal("0.01")
RUNNING = running(a_job(chain=(RUNWAY,)), RUNWAY)
OPEN = Totals(held_usd=RUNNING.hold_usd)
LOST = Problem(code=ErrorCode.STORAGE_FAILED, detail="its worker was lost")
GIVEN_UP = replace(
    DONE,
    attempts=(replace(ATTEMPT, state=AttemptState.FAILED, problem=LOST),),
)


@pytest.mark.parametrize(
    ("seen", "figures"),
    [
        pytest.param(
            evidence(jobs_of_keys={"1": {"job1"}, "2": {"job2"}}),
            {"lost": 1},
            id="gone",
        ),
        pytest.param(
            evidence(shown={"job1": SHOWN["failed"]}), {"lost": 1}, id="without a word"
        ),
        pytest.param(
            evidence(
                RUNNING,
                shown={"job1": {"status": "processing"}},
                ledger=ledger(OPEN, OPEN),
                open_jobs={"ann": 1},
            ),
            {"not_terminal": 1},
            id="not ended",
        ),
        pytest.param(evidence(shown={}), {"not_terminal": 1}, id="not shown"),
        pytest.param(
            evidence(paid=paid("runway", "runway")), {"paid_twice": 1}, id="twice"
        ),
        pytest.param(
            evidence(paid=paid("runway", "vertex")),
            {"paid_twice": 1},
            id="not on record",
        ),
        pytest.param(
            evidence(paid=paid("runway", prompt="another")),
            {"paid_twice": 1},
            id="for no job at all",
        ),
        pytest.param(
            evidence(translated=["고양이", "고양이"]),
            {"paid_twice": 1},
            id="translated",
        ),
        pytest.param(
            evidence(ledger=ledger(anns=replace(SPENT, settled_usd=COST - CENT))),
            {"ledger_drift_usd": 0.01},
            id="settled too little",
        ),
        pytest.param(
            evidence(ledger=ledger(anns=replace(SPENT, held_usd=SPENT.held_usd + 1))),
            {"ledger_drift_usd": 1.0},
            id="never released",
        ),
        pytest.param(
            evidence(ledger={ALL: ledger()[ALL]}),
            {"ledger_drift_usd": float(COST)},
            id="not booked",
        ),
        pytest.param(
            evidence(most_used_usd={(ANN, DAY): Decimal("2.01")}),
            {"cap_overshoot_usd": 0.01},
            id="over the cap",
        ),
        pytest.param(
            evidence(outputs={"job1": "it shows the image of job 7"}),
            {"corrupt": 1},
            id="another's image",
        ),
        pytest.param(evidence(outputs={}), {"corrupt": 1}, id="never looked at"),
        pytest.param(evidence(GIVEN_UP), {"thrown_away": 1}, id="its worker was lost"),
        pytest.param(
            evidence(
                jobs=[DONE, replace(DONE, job_id="job2")],
                shown=dict.fromkeys(("job1", "job2"), SHOWN["completed"]),
                outputs={"job1": None, "job2": None},
                paid=paid("runway", "runway"),
                ledger=ledger(SPENT + SPENT, SPENT + SPENT),
                jobs_of_keys={"key1": {"job1", "job2"}},
            ),
            {"key_twice": 1},
            id="two jobs of one key",
        ),
        pytest.param(
            evidence(open_jobs={"ann": 1}), {"open_jobs_drift": 1}, id="open for ever"
        ),
        pytest.param(
            evidence(TOLD, heard=[]), {"webhooks_broken": 1}, id="heard of nothing"
        ),
        pytest.param(
            evidence(TOLD, heard=[HEARD, OTHER_ID]),
            {"webhooks_broken": 1},
            id="two ids",
        ),
        pytest.param(
            evidence(TOLD, heard=[dataclasses.replace(HEARD, type="video.failed")]),
            {"webhooks_broken": 1},
            id="heard of another end",
        ),
        pytest.param(
            evidence(TOLD, heard=[HEARD, HEARD, HEARD]),
            {"webhooks_broken": 1},
            id="sent more often than counted",
        ),
        pytest.param(
            evidence(replace(TOLD, webhook=Webhook(key_id="k")), heard=[HEARD]),
            {"webhooks_broken": 1},
            id="pending for ever",
        ),
    ],
)
def test_each_broken_promise_shows(seen: Evidence, figures: dict[str, object]) -> None:
    assert broken(seen) == figures
    assert verdict_on(seen).broken


@pytest.mark.parametrize(
    ("states", "count", "too_many"),
    [
        pytest.param(["succeeded"], 1, 0, id="one"),
        pytest.param(["rejected", "succeeded"], 1, 0, id="rejected costs nothing"),
        pytest.param(
            ["rejected", "succeeded"], 2, 1, id="a proxy's answer taken for a rejection"
        ),
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
    attempts = (replace(ATTEMPT, state=AttemptState(state)) for state in states)
    job = replace(DONE, attempts=tuple(attempts))

    figures = verdict_on(evidence(job, paid=paid(*["runway"] * count))).figures

    assert figures["paid_twice"] == too_many


def test_what_was_spent_before_the_run_is_no_drift() -> None:
    earlier = Totals(held_usd=Decimal(9), settled_usd=Decimal(9))
    before = {ANN: Account(days={DAY: earlier})}

    assert (
        broken(evidence(ledger=ledger(anns=SPENT + earlier), ledger_before=before))
        == {}
    )


def entry(at: float, what: What, detail: str = "", job_id: str = "job1") -> Entry:
    return Entry(at=at, what=what, detail=detail, job_id=job_id)


KILLED = entry(2, What.INJECTED, "killed before copy")


@pytest.mark.parametrize(
    ("journal", "seconds"),
    [
        pytest.param(
            [KILLED, entry(5, What.COMMITTED), entry(6, What.COMMITTED)],
            [3],
            id="until the next commit",
        ),
        pytest.param([KILLED, entry(5, What.COMMITTED, job_id="job2")], [], id="other"),
        pytest.param([entry(1, What.COMMITTED, "final"), KILLED], [], id="it was over"),
        pytest.param(
            [entry(2, What.INJECTED, "unreachable copy"), entry(4, What.COMMITTED)],
            [],
            id="no crash",
        ),
    ],
)
def test_recovery_is_from_the_crash_to_the_jobs_next_commit(
    journal: list[Entry], seconds: list[float]
) -> None:
    assert recovery_seconds(journal) == seconds


def test_crashes_and_faults_are_counted_apart() -> None:
    journal = [
        KILLED,
        entry(2, What.INJECTED, "unreachable copy"),
        entry(0, What.SKEWED, "api"),
    ]
    injected = {"worker process killed": 1, "runway start 503": 4}

    figures = verdict_on(evidence(journal=journal, injected=injected)).figures

    assert (figures["crashes"], figures["faults"]) == (2, 6)
    assert figures["injected"] == injected | {
        "killed before copy": 1,
        "unreachable copy": 1,
        "api process begins with a skewed clock": 1,
    }


def test_a_quantile_is_a_value_that_was_seen() -> None:
    hundred = [float(n) for n in range(1, 101)]

    assert (quantile(hundred, 0.5), quantile(hundred, 0.99)) == (50.0, 99.0)
    assert (quantile([3.0], 0.99), quantile([], 0.5)) == (3.0, None)

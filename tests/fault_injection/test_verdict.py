"""Each broken promise shows in its own figure; a run without any shows none."""

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from local.fault_injection.evidence import Evidence, PaidSubmission, ReceivedWebhook
from local.fault_injection.journal import EntryKind, JournalEntry
from local.fault_injection.verdict import (
    COUNTED,
    quantile,
    recovery_seconds,
    verdict_on,
)
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
WITH_WEBHOOK = replace(DONE, webhook=DELIVERED)
RECEIVED = ReceivedWebhook(job_id="job1", message_id="msg_job1", type="video.completed")
OTHER_ID = dataclasses.replace(RECEIVED, message_id="msg_2")
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
    """The evidence of a run with one job, in which every promise held."""
    values: dict[str, Any] = {
        "jobs_by_key": {"key1": frozenset({"job1"})},
        "jobs": [job],
        "shown": {"job1": SHOWN["completed"]},
        "paid": paid("runway"),
        "outputs": {"job1": None},
        "ledger": ledger(),
        "peak_used_usd": {(ANN, DAY): Decimal("1.60")},
        "caps_usd": {"user": Decimal(2)},
        "open_jobs": {"ann": 0},
        "translated": [],
        "ledger_before": {},
        "journal": [],
        "received": [],
        "injected": {},
    }
    return Evidence(**(values | changes))


def paid(*vendors: str, prompt: str = DONE.request.prompt) -> list[PaidSubmission]:
    return [PaidSubmission(vendor=vendor, prompt=prompt) for vendor in vendors]


def broken(seen: Evidence) -> dict[str, object]:
    promises = (*COUNTED, "ledger_drift_usd", "cap_overshoot_usd")
    figures = verdict_on(seen).figures
    return {name: figures[name] for name in promises if figures[name]}


def test_a_run_without_broken_promises_has_only_zeros() -> None:
    verdict = verdict_on(evidence())

    assert (broken(evidence()), verdict.broken) == ({}, [])
    assert broken(evidence(WITH_WEBHOOK, received=[RECEIVED, RECEIVED])) == {}
    assert verdict.figures["jobs"] == verdict.figures["completed"] == 1


CENT = Decimal("0.01")
RUNNING = running(a_job(chain=(RUNWAY,)), RUNWAY)
OPEN = Totals(held_usd=RUNNING.hold_usd)
LOST = Problem(code=ErrorCode.STORAGE_FAILED, detail="its worker was lost")
GIVEN_UP = replace(
    DONE, attempts=(replace(ATTEMPT, state=AttemptState.FAILED, problem=LOST),)
)


BROKEN = {
    "gone": (evidence(jobs_by_key={"1": {"job1"}, "2": {"job2"}}), {"lost": 1}),
    "no error shown": (evidence(shown={"job1": SHOWN["failed"]}), {"lost": 1}),
    "not ended": (
        evidence(
            RUNNING,
            shown={"job1": {"status": "processing"}},
            ledger=ledger(OPEN, OPEN),
            open_jobs={"ann": 1},
        ),
        {"not_terminal": 1},
    ),
    "not shown": (evidence(shown={}), {"not_terminal": 1}),
    "twice": (evidence(paid=paid("runway", "runway")), {"paid_twice": 1}),
    "not on record": (evidence(paid=paid("runway", "vertex")), {"paid_twice": 1}),
    "for no job at all": (
        evidence(paid=paid("runway", prompt="another")),
        {"paid_twice": 1},
    ),
    "translated": (evidence(translated=["고양이", "고양이"]), {"paid_twice": 1}),
    "settled too little": (
        evidence(ledger=ledger(anns=replace(SPENT, settled_usd=COST - CENT))),
        {"ledger_drift_usd": 0.01},
    ),
    "never released": (
        evidence(ledger=ledger(anns=replace(SPENT, held_usd=SPENT.held_usd + 1))),
        {"ledger_drift_usd": 1.0},
    ),
    "not booked": (
        evidence(ledger={ALL: ledger()[ALL]}),
        {"ledger_drift_usd": float(COST)},
    ),
    "over the cap": (
        evidence(peak_used_usd={(ANN, DAY): Decimal("2.01")}),
        {"cap_overshoot_usd": 0.01},
    ),
    "another's image": (
        evidence(outputs={"job1": "it shows the image of job 7"}),
        {"corrupt": 1},
    ),
    "never checked": (evidence(outputs={}), {"corrupt": 1}),
    "its worker was lost": (evidence(GIVEN_UP), {"thrown_away": 1}),
    "two jobs of one key": (
        evidence(
            jobs=[DONE, replace(DONE, job_id="job2")],
            shown=dict.fromkeys(("job1", "job2"), SHOWN["completed"]),
            outputs={"job1": None, "job2": None},
            paid=paid("runway", "runway"),
            ledger=ledger(SPENT + SPENT, SPENT + SPENT),
            jobs_by_key={"key1": {"job1", "job2"}},
        ),
        {"key_twice": 1},
    ),
    "open forever": (evidence(open_jobs={"ann": 1}), {"open_jobs_drift": 1}),
    "no webhook received": (
        evidence(WITH_WEBHOOK, received=[]),
        {"webhooks_broken": 1},
    ),
    "two ids": (
        evidence(WITH_WEBHOOK, received=[RECEIVED, OTHER_ID]),
        {"webhooks_broken": 1},
    ),
    "webhook of another end": (
        evidence(
            WITH_WEBHOOK, received=[dataclasses.replace(RECEIVED, type="video.failed")]
        ),
        {"webhooks_broken": 1},
    ),
    "sent more often than counted": (
        evidence(WITH_WEBHOOK, received=[RECEIVED, RECEIVED, RECEIVED]),
        {"webhooks_broken": 1},
    ),
    "pending forever": (
        evidence(
            replace(WITH_WEBHOOK, webhook=Webhook(key_id="k")), received=[RECEIVED]
        ),
        {"webhooks_broken": 1},
    ),
}


@pytest.mark.parametrize(("seen", "figures"), BROKEN.values(), ids=BROKEN)
def test_each_broken_promise_shows(seen: Evidence, figures: dict[str, object]) -> None:
    assert broken(seen) == figures
    assert verdict_on(seen).broken


@pytest.mark.parametrize(
    ("states", "count", "too_many"),
    [
        pytest.param(["succeeded"], 1, 0, id="one"),
        pytest.param(["rejected", "succeeded"], 1, 0, id="rejected costs nothing"),
        pytest.param(
            ["rejected", "succeeded"],
            2,
            1,
            id="a proxy's answer mistaken for a rejection",
        ),
        pytest.param(["not_sent", "succeeded"], 2, 1, id="not sent, and paid"),
        pytest.param(["failed", "succeeded"], 2, 0, id="two that were answered"),
        pytest.param(["unknown", "skipped"], 1, 0, id="unknown, then nothing"),
        pytest.param(["unknown", "succeeded"], 2, 1, id="again after an unknown"),
        pytest.param(["unknown"], 0, 0, id="unknown, and never arrived"),
    ],
)
def test_payments_are_compared_with_the_recorded_attempts(
    states: list[str], count: int, too_many: int
) -> None:
    attempts = (replace(ATTEMPT, state=AttemptState(state)) for state in states)
    job = replace(DONE, attempts=tuple(attempts))

    figures = verdict_on(evidence(job, paid=paid(*["runway"] * count))).figures

    assert figures["paid_twice"] == too_many


def test_spending_before_the_run_is_no_drift() -> None:
    earlier = Totals(held_usd=Decimal(9), settled_usd=Decimal(9))
    before = {ANN: Account(days={DAY: earlier})}

    assert (
        broken(evidence(ledger=ledger(anns=SPENT + earlier), ledger_before=before))
        == {}
    )


def entry(
    at: float, what: EntryKind, detail: str = "", job_id: str = "job1"
) -> JournalEntry:
    return JournalEntry(at=at, what=what, detail=detail, job_id=job_id)


KILLED = entry(2, EntryKind.INJECTED, "killed before copy")


@pytest.mark.parametrize(
    ("journal", "seconds"),
    [
        pytest.param(
            [KILLED, entry(5, EntryKind.COMMITTED), entry(6, EntryKind.COMMITTED)],
            [3],
            id="until the next commit",
        ),
        pytest.param(
            [KILLED, entry(5, EntryKind.COMMITTED, job_id="job2")], [], id="other"
        ),
        pytest.param(
            [entry(1, EntryKind.COMMITTED, "final"), KILLED], [], id="it was over"
        ),
        pytest.param(
            [
                entry(2, EntryKind.INJECTED, "unreachable copy"),
                entry(4, EntryKind.COMMITTED),
            ],
            [],
            id="no crash",
        ),
    ],
)
def test_recovery_lasts_from_the_crash_to_the_jobs_next_commit(
    journal: list[JournalEntry], seconds: list[float]
) -> None:
    assert recovery_seconds(journal) == seconds


def test_crashes_and_faults_are_counted_separately() -> None:
    journal = [
        KILLED,
        entry(2, EntryKind.INJECTED, "unreachable copy"),
        entry(0, EntryKind.SKEWED, "api"),
    ]
    injected = {
        "worker process killed": 1,
        "runway start 503": 4,
        "task delivered twice": 3,
    }

    figures = verdict_on(evidence(journal=journal, injected=injected)).figures

    assert (figures["crashes"], figures["faults"]) == (2, 9)
    assert figures["duplicate_deliveries"] == 3
    assert figures["injected"] == injected | {
        "killed before copy": 1,
        "unreachable copy": 1,
        "api process begins with a skewed clock": 1,
    }


def test_a_quantile_is_one_of_the_values() -> None:
    hundred = [float(n) for n in range(1, 101)]

    assert (quantile(hundred, 0.5), quantile(hundred, 0.99)) == (50.0, 99.0)
    assert (quantile([3.0], 0.99), quantile([], 0.5)) == (3.0, None)

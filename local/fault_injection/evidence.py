"""What a run left behind, as the verdict reads it: plain data, whoever it is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from local.fault_injection.journal import Entry

MICROS = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt on a job's record."""

    vendor: str
    state: str
    cost_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen:
    """One job as Firestore has it. `accounts` and `day`: where its money is booked."""

    job_id: str
    user: str
    prompt: str
    status: str
    error_code: str | None
    attempts: tuple[Tried, ...]
    accounts: tuple[str, ...]
    day: str

    @property
    def has_ended(self) -> bool:
        return self.status in ("completed", "failed")

    @property
    def cost_usd(self) -> Decimal:
        return sum((a.cost_usd for a in self.attempts), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One submission as a simulator counts it."""

    vendor: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One account's day in USD."""

    held_usd: Decimal = Decimal(0)
    settled_usd: Decimal = Decimal(0)
    released_usd: Decimal = Decimal(0)

    @property
    def open_usd(self) -> Decimal:
        return self.held_usd - self.settled_usd - self.released_usd

    @property
    def used_usd(self) -> Decimal:
        return self.settled_usd + self.open_usd


AccountDay = tuple[str, str]
Ledger = Mapping[AccountDay, Booked]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict rests on.

    `accepted`: the jobs answered with 202. `job_of_key`: for each Idempotency-Key the
    jobs that it was answered with. `films`: for each completed job what is wrong with
    its MP4, or None. `spent_before`: what was in the ledger when the run began.
    `most_used_usd`: the most that was ever seen settled and open. `caps`: USD a day.
    `harm`: how often each fault was injected, beside the acts in the diary.
    """

    accepted: frozenset[str]
    job_of_key: Mapping[str, frozenset[str]] = field(default_factory=dict)
    jobs: Sequence[JobSeen]
    paid: Sequence[Paid]
    films: Mapping[str, str | None] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)
    spent_before: Ledger = field(default_factory=dict)
    most_used_usd: Mapping[AccountDay, Decimal] = field(default_factory=dict)
    caps_usd: Mapping[str, Decimal] = field(default_factory=dict)
    open_jobs: Mapping[str, int] = field(default_factory=dict)
    diary: Sequence[Entry] = ()
    harm: Mapping[str, int] = field(default_factory=dict)
    duplicate_deliveries: int = 0


def job_seen(
    job_id: str, public: Mapping[str, Any], run: Mapping[str, Any]
) -> JobSeen | None:
    """From `videos/{job_id}` and its `internal/run`; None where one is missing."""
    if not public or not run:
        return None
    key = run.get("ledger_key", {})
    return JobSeen(
        job_id=job_id,
        user=str(run["user_id"]),
        prompt=str(run["request"]["prompt"]),
        status=str(public["status"]),
        error_code=(public.get("error") or {}).get("code"),
        attempts=tuple(_tried(attempt) for attempt in run["attempts"]),
        accounts=tuple(key.get("accounts", ())),
        day=str(key.get("day", "")),
    )


def _tried(attempt: Mapping[str, Any]) -> Tried:
    return Tried(
        vendor=str(attempt["vendor"]),
        state=str(attempt["state"]),
        cost_usd=Decimal(attempt["cost_usd"]),
    )


def booked_days(name: str, document: Mapping[str, Any]) -> Ledger:
    """From `spend/{name}`: whole millionths of a USD by day."""
    return {
        (name, day): Booked(
            held_usd=amounts.get("held", 0) / MICROS,
            settled_usd=amounts.get("settled", 0) / MICROS,
            released_usd=amounts.get("released", 0) / MICROS,
        )
        for day, amounts in document.get("days", {}).items()
    }

"""What a run left behind: in Firestore, at the simulators, in the bucket."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from google.cloud import firestore

from local.fault_injection.journal import Entry
from shared.domain.api_key import ENTROPY_BYTES, ApiKey, secret_of, sha256_of
from shared.domain.job import Job
from shared.domain.ledger import Account, account_of
from shared.gcp.firestore_records import to_record
from shared.gcp.job_record import job_of
from shared.gcp.ledger_records import total

Accounts = Mapping[str, Account]
AccountDay = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """One submission as a simulator counts it."""

    vendor: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A webhook's message as its receiver got it."""

    job_id: str
    message_id: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict rests on.

    translated: the prompts of all paid translations.
    jobs_of_keys: for each Idempotency-Key the jobs that a 202 named. shown: each job as
        its owner reads it. outputs: for each delivered MP4 what is wrong with it.
    ledger_before: as it was when the run began. most_used_usd: the most that was ever
        seen settled and open. caps_usd: USD a day by kind of account.
    heard: every webhook's message.
    injected: how often each fault was injected, beside those in the journal.
    """

    jobs_of_keys: Mapping[str, frozenset[str]]
    jobs: Sequence[Job]
    shown: Mapping[str, Mapping[str, Any]]
    paid: Sequence[Paid]
    translated: Sequence[str] = ()
    outputs: Mapping[str, str | None] = field(default_factory=dict)
    ledger: Accounts = field(default_factory=dict)
    ledger_before: Accounts = field(default_factory=dict)
    most_used_usd: Mapping[AccountDay, Decimal] = field(default_factory=dict)
    caps_usd: Mapping[str, Decimal] = field(default_factory=dict)
    open_jobs: Mapping[str, int] = field(default_factory=dict)
    journal: Sequence[Entry] = ()
    heard: Sequence[Heard] = ()
    injected: Mapping[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> frozenset[str]:
        return frozenset[str]().union(*self.jobs_of_keys.values())


class FirestoreView:
    """Reads what Firestore holds; writes what a user has spent before the run."""

    def __init__(self, address: str, project: str) -> None:
        # The client knows an emulator by this name alone.
        os.environ["FIRESTORE_EMULATOR_HOST"] = address
        self._client: Any = firestore.Client(project=project)

    def jobs(self) -> Sequence[Job]:
        found = self._client.collection_group("internal").stream()
        return [job_of(each.to_dict()) for each in found if each.id == "run"]

    def shown(self) -> Mapping[str, Mapping[str, Any]]:
        return self._documents("videos")

    def ledger(self) -> Accounts:
        """Each account as the sum of its documents."""
        accounts: dict[str, Account] = {}
        for collection in ("spend", "settled"):
            for name, document in self._documents(collection).items():
                sum_so_far = accounts.get(account_of(name), Account())
                accounts[account_of(name)] = sum_so_far + total([document])
        return accounts

    def open_jobs(self) -> Mapping[str, int]:
        found = self._documents("users").items()
        return {name: document.get("open_jobs", 0) for name, document in found}

    def close_circuits(self) -> int:
        """As an operator does who renewed a key; else one wrong key would stop a vendor
        for the rest of the run. How many were open."""
        found = list(self._client.collection("circuits").stream())
        for circuit in found:
            circuit.reference.delete()
        return sum(1 for circuit in found if (circuit.to_dict() or {}).get("opening"))

    def make_key(self, user: str) -> str:
        """An API key of this user."""
        secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
        key = ApiKey(
            sha256=sha256_of(secret),
            name="chaos",
            user_id=user,
            created_at=datetime.now(UTC),
        )
        # The client's own limit, since an emulator that has just begun is slow.
        self._client.collection("api_keys").document(key.sha256).set(to_record(key))
        return secret

    def spend(self, account: str, day: str, micros: int) -> None:
        """As if jobs of that day had cost so much."""
        booked = {"held": micros, "settled": micros, "released": 0}
        self._client.collection("spend").document(account).set({"days": {day: booked}})

    def _documents(self, collection: str) -> dict[str, dict[str, Any]]:
        found = self._client.collection(collection).stream()
        return {each.id: each.to_dict() or {} for each in found}

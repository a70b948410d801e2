"""The evidence that a run leaves in Firestore, at the simulators and in the bucket."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from local.database import firestore_of
from local.fault_injection.journal import JournalEntry
from shared.domain.api_key import ENTROPY_BYTES, ApiKey, secret_of, sha256_of
from shared.domain.job import Job
from shared.domain.ledger import Account, account_of
from shared.gcp.firestore_records import to_record
from shared.gcp.job_record import job_of
from shared.gcp.ledger_records import total

Accounts = Mapping[str, Account]
AccountDay = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidSubmission:
    """A paid submission, as a simulator recorded it."""

    vendor: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedWebhook:
    """A webhook's message, as its receiver got it."""

    job_id: str
    message_id: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict is based on.

    translated: the prompts of all paid translations.
    jobs_by_key: the jobs in 202 responses, by Idempotency-Key. shown: each job as its
        owner reads it. outputs: what is wrong with each delivered MP4.
    ledger_before: the ledger when the run began. peak_used_usd: the most that was ever
        seen settled and open. caps_usd: USD a day by kind of account.
    received: all messages of webhooks.
    injected: how often each fault was injected, besides those in the journal.
    """

    jobs_by_key: Mapping[str, frozenset[str]]
    jobs: Sequence[Job]
    shown: Mapping[str, Mapping[str, Any]]
    paid: Sequence[PaidSubmission]
    translated: Sequence[str]
    outputs: Mapping[str, str | None]
    ledger: Accounts
    ledger_before: Accounts
    peak_used_usd: Mapping[AccountDay, Decimal]
    caps_usd: Mapping[str, Decimal]
    open_jobs: Mapping[str, int]
    journal: Sequence[JournalEntry]
    received: Sequence[ReceivedWebhook]
    injected: Mapping[str, int]

    @property
    def accepted(self) -> frozenset[str]:
        return frozenset[str]().union(*self.jobs_by_key.values())


class FirestoreView:
    """Reads the run's evidence from Firestore, and writes what a run starts with."""

    def __init__(self, address: str, project: str) -> None:
        self._client = firestore_of(address, project)

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
        """Close all circuits, as an operator would after renewing a key.

        Return how many were open. Otherwise one wrong key would stop a vendor for the
        rest of the run.
        """
        found = list(self._client.collection("circuits").stream())
        for circuit in found:
            circuit.reference.delete()
        return sum(1 for circuit in found if (circuit.to_dict() or {}).get("opening"))

    def create_key(self, user: str) -> str:
        """Create an API key of this user; return its secret."""
        secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
        key = ApiKey(
            sha256=sha256_of(secret),
            name="chaos",
            user_id=user,
            created_at=datetime.now(UTC),
        )
        # With the client's default timeout, since a newly started emulator is slow.
        self._client.collection("api_keys").document(key.sha256).set(to_record(key))
        return secret

    def spend(self, account: str, day: str, micros: int) -> None:
        """Book this many millionths of a USD, as if jobs of that day had cost it."""
        booked = {"held": micros, "settled": micros, "released": 0}
        self._client.collection("spend").document(account).set({"days": {day: booked}})

    def _documents(self, collection: str) -> dict[str, dict[str, Any]]:
        found = self._client.collection(collection).stream()
        return {each.id: each.to_dict() or {} for each in found}

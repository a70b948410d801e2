"""Reads the ledger and the usage documents, for reports and for the audit."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.ledger import (
    Account,
    LedgerKey,
    account_of,
    documents_of,
    ledger_key_on,
)
from shared.domain.ledger_snapshot import LedgerSnapshot, OpenJob
from shared.domain.usage import UsageMonth
from shared.gcp import ledger_records as records
from shared.gcp.firestore_calls import CallLimits, Database

MAX_OPEN_JOBS = 5000
# Thousands of documents take longer than a step of a job may wait.
AUDIT_LIMITS = CallLimits(read_try=30.0, total=60.0)
# Before any time, so that only null is not matched: the `wake_at` of an ended job.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FirestoreUsage:
    """The port `UsageStore` on google-cloud-firestore; sums the shards."""

    def __init__(self, database: Database, shards: int) -> None:
        self._database = database
        self._shards = shards

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        found = self._records(accounts, "usage")
        return {name: records.usage_month(found[name]) for name in accounts}

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]:
        found = self._records(accounts, "spend", "settled")
        return {name: records.total(found[name]) for name in accounts}

    def _records(
        self, accounts: Sequence[str], *collections: str
    ) -> Mapping[str, Sequence[records.Record]]:
        """All documents of each account in these collections."""
        kept = [
            (account, self._database.document(collection, name))
            for account in dict.fromkeys(accounts)
            for name in documents_of(account, self._shards)
            for collection in collections
        ]
        found = self._database.get_all(reference for _, reference in kept)
        by_account: dict[str, list[records.Record]] = {}
        for (account, _), document in zip(kept, found, strict=True):
            by_account.setdefault(account, []).append(document.to_dict() or {})
        return by_account


class LedgerAuditReader:
    """Reads a consistent snapshot of the ledger and the open jobs; writes nothing.

    Reads at one `read_time`, up to an hour back, are consistent with each other
    (google.firestore.v1, RunQueryRequest and BatchGetDocumentsRequest, 2026-11-22).
    """

    def __init__(self, database: Database, shards: int) -> None:
        self._database = database
        self._shards = shards

    def read(self, at: datetime, days: Sequence[date]) -> LedgerSnapshot | None:
        """The ledger documents of all open jobs, and those in which jobs of `days` are
        booked: of all users, and of each for whom an open job is counted.

        None if more than `MAX_OPEN_JOBS` are open. A job that is gone, or whose amounts
        can't be read, is left out, so the documents that it is booked in won't balance.
        """
        found = self._open_jobs(at)
        if len(found) > MAX_OPEN_JOBS:
            return None
        jobs = tuple(job for raw in found if (job := _open_job(raw)))
        counts = self._counts(at)
        accounts = {account_of(d) for job in jobs for d in job.documents}
        for day in days:
            accounts.add(ledger_key_on("", day).accounts[0])
            accounts |= {ledger_key_on(user, day).accounts[1] for user in counts}
        names = {
            *(name for each in accounts for name in documents_of(each, self._shards)),
            *(name for job in jobs for name in job.documents),
        }
        spend, settled = (
            self._read_records(each, names, at) for each in ("spend", "settled")
        )
        return LedgerSnapshot(
            jobs=jobs,
            documents={
                name: records.total([spend[name], settled[name]]) for name in names
            },
            borrowed={name: records.borrowed(spend[name]) for name in names},
            open_jobs=counts,
        )

    def _open_jobs(self, at: datetime) -> Sequence[records.Record]:
        query = (
            self._database.collection_group("internal")
            .where(filter=FieldFilter("wake_at", ">", EPOCH))
            .order_by("wake_at")
            .limit(MAX_OPEN_JOBS + 1)
            .select(["hold_usd", "ledger_key", "user_id"])
        )
        return [each.to_dict() or {} for each in self._database.query(query, at=at)]

    def _counts(self, at: datetime) -> Mapping[str, int]:
        query = self._database.collection("users").where(
            filter=FieldFilter("open_jobs", "!=", 0)
        )
        found = self._database.query(query, at=at)
        return {unquote(u.id): (u.to_dict() or {})["open_jobs"] for u in found}

    def _read_records(
        self, collection: str, names: Iterable[str], at: datetime
    ) -> Mapping[str, records.Record]:
        wanted = [self._database.document(collection, name) for name in names]
        found = self._database.get_all(wanted, at=at)
        return {each.id: each.to_dict() or {} for each in found}


def _open_job(raw: Mapping[str, Any]) -> OpenJob | None:
    try:
        key: LedgerKey = records.ledger_key(raw["ledger_key"])
        return OpenJob(
            user_id=raw["user_id"],
            documents=key.documents,
            hold_usd=Decimal(raw["hold_usd"]),
        )
    except records.MALFORMED:
        return None

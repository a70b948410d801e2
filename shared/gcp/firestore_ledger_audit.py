"""The ledger in Firestore beside the open jobs, all as of one moment.

Reads at one `read_time`, up to an hour back, are consistent with each other
(google.firestore.v1, RunQueryRequest and BatchGetDocumentsRequest, 2026-11-22).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.ledger import Account
from shared.domain.ledger_snapshot import (
    LedgerSnapshot,
    OpenJob,
)
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_ledger import read_account

MOST_OPEN_JOBS = 5000
# Thousands of documents take longer than a step of a job may wait.
LIMITS = CallLimits(read_try=30.0, total=60.0)
# Every time is after it, and null is not: an ended job's `wake_at` is null.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LedgerAuditReader:
    """Reads what must balance; writes nothing."""

    def __init__(
        self, database: Database, *, most_open_jobs: int = MOST_OPEN_JOBS
    ) -> None:
        self._database = database
        self._most = most_open_jobs

    def read(self, at: datetime, also: Sequence[str]) -> LedgerSnapshot | None:
        """The accounts of all open jobs, and `also`; None where there are more.

        What a record without readable money holds is no job's: its accounts are off.
        """
        found = self._open_jobs(at)
        if len(found) > self._most:
            return None
        jobs = tuple(job for raw in found if (job := _open_job(raw)))
        names = {*also, *(name for job in jobs for name in job.accounts)}
        accounts = self._accounts(names, at)
        return LedgerSnapshot(jobs=jobs, accounts=accounts, open_jobs=self._counts(at))

    def _open_jobs(self, at: datetime) -> list[Mapping[str, Any]]:
        query = (
            self._database.collection_group("internal")
            .where(filter=FieldFilter("wake_at", ">", LONG_AGO))
            .order_by("wake_at")
            .limit(self._most + 1)
            .select(["hold_usd", "ledger_key", "user_id"])
        )
        return self._documents(query, at)

    def _counts(self, at: datetime) -> Mapping[str, int]:
        query = self._database.collection("users").where(
            filter=FieldFilter("open_jobs", "!=", 0)
        )
        found = self._database.query(query, at=at)
        return {unquote(u.id): (u.to_dict() or {})["open_jobs"] for u in found}

    def _documents(self, query: Any, at: datetime) -> list[Mapping[str, Any]]:
        found = self._database.query(query, at=at)
        return [document.to_dict() or {} for document in found]

    def _accounts(self, names: Iterable[str], at: datetime) -> Mapping[str, Account]:
        wanted = [self._database.document("spend", name) for name in names]
        found = self._database.get_all(wanted, at=at)
        return {a.id: read_account(a.to_dict() or {}) for a in found}


def _open_job(raw: Mapping[str, Any]) -> OpenJob | None:
    try:
        return OpenJob(
            user_id=raw["user_id"],
            accounts=tuple(raw["ledger_key"]["accounts"]),
            hold_usd=Decimal(raw["hold_usd"]),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None

"""Stores jobs in Firestore, committing job, public projection and ledger at once.

The job is `videos/{job_id}/internal/run`, its projection `videos/{job_id}`.
"""

from datetime import datetime
from typing import Any

from shared.domain.booking import booking
from shared.domain.errors import ErrorCode, LostRace
from shared.domain.job import Job
from shared.domain.ledger import Limits
from shared.domain.projection import abandoned, project
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.gcp.firestore_records import Record
from shared.gcp.job_record import record_of, versioned
from shared.ports.store import IdempotencyRecord, Versioned

MAX_ID_LENGTH = 128


class FirestoreJobs:
    """The port `Jobs` on google-cloud-firestore."""

    def __init__(self, database: Database, limits: Limits | None = None) -> None:
        self._database = database
        self._idempotency = FirestoreIdempotency(database)
        self._ledger = FirestoreLedger(database, limits or Limits())

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        batch = self._database.batch()
        batch.create(self._run(job.job_id), record_of(job))
        batch.create(self._public(job.job_id), project(job))
        if record is not None:
            self._idempotency.add(batch, record, over)
        self._ledger.commit_new(batch, job)

    def read(self, job_id: str) -> Versioned[Job] | None:
        if not (job_id.isascii() and job_id.isalnum() and len(job_id) <= MAX_ID_LENGTH):
            return None  # not one of our ids, and Firestore would refuse some of them
        found = self._database.get(self._run(job_id))
        if not found.exists:
            # All of the database may be missing, and what was paid for is given up only
            # for a job that is known to be deleted.
            (found,) = self._database.get_all([found.reference])
        return versioned(found)

    def commit(self, before: Versioned[Job], after: Job) -> Versioned[Job]:
        """Only updates, so that a job deleted in the meantime isn't resurrected."""
        batch = self._database.batch()
        batch.put(self._run(after.job_id), record_of(after), before.token)
        if changes := _changes(before.value, after):
            batch.update(self._public(after.job_id), changes)
        booked = booking(before.value, after)
        if not booked.is_empty:
            self._ledger.add(batch, after, booked)
        return replace(before, value=after, token=batch.commit()[0].update_time)

    def abandon(self, job_id: str, version: int, now: datetime) -> None:
        found, public = self._database.get_all(
            [self._run(job_id), self._public(job_id)]
        )
        raw = found.to_dict() or {}
        if raw.get("wake_at") is None:
            raise LostRace("it has ended, or is gone")
        if raw.get("version", 0) != version:
            raise LostRace("another process has committed")
        code = ErrorCode.DEADLINE_EXCEEDED
        problem = {"code": code.value, "detail": "poison"}
        ending: Record = {"wake_at": None, "problem": problem}
        if isinstance(webhook := raw.get("webhook"), dict):
            # The sweep finds it, just as it finds a webhook whose task was lost.
            ending["webhook"] = {**webhook, "ended_at": now, "due_at": now}
        batch = self._database.batch()
        batch.put(found.reference, ending, found.update_time)
        if public.exists:  # else somebody deleted it by hand
            batch.update(public.reference, abandoned(code, now))
        self._ledger.add_raw(batch, raw)
        batch.commit()

    def delete(self, before: Versioned[Job]) -> None:
        batch = self._database.batch()
        batch.delete(self._run(before.value.job_id), before.token)
        batch.delete(self._public(before.value.job_id))
        batch.commit()

    def _public(self, job_id: str) -> Any:
        return self._database.document("videos", job_id)

    def _run(self, job_id: str) -> Any:
        return self._database.document("videos", job_id, "internal", "run")


def _changes(before: Job, after: Job) -> dict[str, Any]:
    """The public fields that changed; empty if `updated_at` is the only one."""
    old, new = project(before), project(after)
    changes = {name: value for name, value in new.items() if value != old[name]}
    return changes if changes.keys() - {"updated_at"} else {}

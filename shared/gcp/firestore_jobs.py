"""Jobs in Firestore: `videos/{job_id}/internal/run` and its projection, one commit."""

from datetime import datetime
from typing import Any

from google.cloud import firestore

from shared.domain.booking import booking
from shared.domain.errors import ErrorCode, LostRace
from shared.domain.job import Job
from shared.domain.ledger import Limits
from shared.domain.projection import abandoned, project
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.gcp.job_record import to_record, versioned
from shared.ports.store import (
    IdempotencyRecord,
    Versioned,
)

LONGEST_ID = 128


class FirestoreJobs:
    """The port `Jobs` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client, limits: Limits | None = None) -> None:
        self._client = client
        self._idempotency = FirestoreIdempotency(client)
        self._ledger = FirestoreLedger(
            client=client, limits=limits or Limits(), timeout_seconds=TIMEOUT_SECONDS
        )

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        batch = self._client.batch()
        batch.create(self._run(job.job_id), to_record(job))
        batch.create(self._public(job.job_id), project(job))
        if record is not None:
            self._idempotency.add(batch, record, over)
        with reading():
            self._ledger.add_new(batch, job, booking(None, job), job.created_at)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def read(self, job_id: str) -> Versioned[Job] | None:
        if not (job_id.isascii() and job_id.isalnum() and len(job_id) <= LONGEST_ID):
            return None  # no id of ours; Firestore would refuse some of them
        with reading():
            found = self._run(job_id).get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return versioned(found)

    def commit(self, before: Versioned[Job], after: Job) -> Versioned[Job]:
        """`update`, never `set`: a job deleted in between is not resurrected."""
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=before.token)
        batch.update(self._run(after.job_id), to_record(after), option=unchanged)
        if changes := _changes(before.value, after):
            batch.update(self._public(after.job_id), changes)
        booked = booking(before.value, after)
        if not booked.is_empty:
            with reading():
                self._ledger.add(batch, after, booked, after.updated_at)
        with committing():
            results = batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return Versioned(value=after, token=results[0].update_time)

    def abandon(self, job_id: str, now: datetime) -> None:
        run = self._run(job_id)
        with reading():
            found = run.get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        raw = found.to_dict() or {}
        if raw.get("wake_at") is None:
            raise LostRace("it has ended, or is gone")
        code = ErrorCode.DEADLINE_EXCEEDED
        unchanged = self._client.write_option(last_update_time=found.update_time)
        batch = self._client.batch()
        ending = {"wake_at": None, "problem": {"code": code.value, "detail": "poison"}}
        batch.update(run, ending, option=unchanged)
        batch.update(self._public(job_id), abandoned(code, now))
        self._ledger.add_raw(batch, raw)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def delete(self, before: Versioned[Job]) -> None:
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=before.token)
        batch.delete(self._run(before.value.job_id), option=unchanged)
        batch.delete(self._public(before.value.job_id))
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def _public(self, job_id: str) -> firestore.DocumentReference:
        return self._client.collection("videos").document(job_id)

    def _run(self, job_id: str) -> firestore.DocumentReference:
        run: firestore.DocumentReference = (
            self._public(job_id).collection("internal").document("run")
        )
        return run


def _changes(before: Job, after: Job) -> dict[str, Any]:
    """What a listener would see change; a new `updated_at` alone is no news."""
    old, new = project(before), project(after)
    changes = {name: value for name, value in new.items() if value != old[name]}
    return changes if changes.keys() - {"updated_at"} else {}

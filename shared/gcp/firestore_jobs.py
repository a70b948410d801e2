"""Jobs in Firestore: `videos/{job_id}/internal/run` and its projection, one commit."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.booking import booking
from shared.domain.errors import ErrorCode, LostRace
from shared.domain.job import Job
from shared.domain.ledger import Limits
from shared.domain.projection import Status, abandoned, project
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.gcp.firestore_page import read_page, snapshot
from shared.gcp.job_record import to_record
from shared.ports.store import (
    IdempotencyRecord,
    Overdue,
    Position,
    Versioned,
)

LONGEST_ID = 128


class FirestoreJobs:
    """The port `Jobs` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client, limits: Limits | None = None) -> None:
        self._client = client
        self._ledger = FirestoreLedger(
            client=client, limits=limits or Limits(), timeout_seconds=TIMEOUT_SECONDS
        )

    def create(
        self,
        job: Job,
        claim: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        batch = self._client.batch()
        batch.create(self._run(job.job_id), to_record(job))
        batch.create(self._public(job.job_id), project(job))
        if claim is not None:
            self._take(batch, claim, over)
        with reading():
            self._ledger.add_new(batch, job, booking(None, job), job.created_at)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def check_room(self, job: Job) -> None:
        """What `create` would read and refuse: its batch, and it is never sent."""
        unsent = self._client.batch()
        with reading():
            self._ledger.add_new(unsent, job, booking(None, job), job.created_at)

    def count_upload(self, user_id: str, now: datetime) -> None:
        batch = self._client.batch()
        with reading():
            self._ledger.add_upload(batch, user_id, now)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def claimed(self, name: str) -> Versioned[IdempotencyRecord] | None:
        with reading():
            found = self._claim(name).get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        record = found.to_dict()
        if record is None:
            return None
        return Versioned(value=IdempotencyRecord(**record), token=found.update_time)

    def mark_consumed(self, seen: Versioned[IdempotencyRecord]) -> None:
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=seen.token)
        claim = self._claim(seen.value.name)
        batch.update(claim, {"created_by_retry": False}, option=unchanged)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def read(self, job_id: str) -> Versioned[Job] | None:
        if not (job_id.isascii() and job_id.isalnum() and len(job_id) <= LONGEST_ID):
            return None  # no id of ours; Firestore would refuse some of them
        with reading():
            found = self._run(job_id).get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return snapshot(found)

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

    def overdue(self, now: datetime, *, most: int) -> Sequence[Overdue]:
        query = (
            self._client.collection_group("internal")
            .where(filter=FieldFilter("wake_at", "<=", now))
            .order_by("wake_at")
            .limit(most)
            .select(["wake_at", "version", "deadline_at"])
        )
        with reading():
            found = query.get(retry=RETRY, timeout=TIMEOUT_SECONDS)
        return [_overdue(document) for document in found]

    def page(
        self,
        user_id: str,
        *,
        status: Status | None,
        after: Position | None,
        most: int,
    ) -> Sequence[Versioned[Job]]:
        with reading():
            return read_page(
                self._client, user_id, status=status, after=after, most=most
            )

    def delete(self, before: Versioned[Job]) -> None:
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=before.token)
        batch.delete(self._run(before.value.job_id), option=unchanged)
        batch.delete(self._public(before.value.job_id))
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

    def count_with_image(self, user_id: str, image: str) -> int:
        query = (
            self._client.collection("videos")
            .where(filter=FieldFilter("user_id", "==", user_id))
            .where(filter=FieldFilter("image", "==", image))
            .limit(2)
            .select([])
        )
        with reading():
            return len(query.get(retry=RETRY, timeout=TIMEOUT_SECONDS))

    def _take(
        self,
        batch: Any,
        claim: IdempotencyRecord,
        over: Versioned[IdempotencyRecord] | None,
    ) -> None:
        if over is None:
            batch.create(self._claim(claim.name), asdict(claim))
            return
        unchanged = self._client.write_option(last_update_time=over.token)
        batch.update(self._claim(claim.name), asdict(claim), option=unchanged)

    def _public(self, job_id: str) -> firestore.DocumentReference:
        return self._client.collection("videos").document(job_id)

    def _claim(self, name: str) -> firestore.DocumentReference:
        claim: firestore.DocumentReference = self._client.collection(
            "idempotency"
        ).document(name)
        return claim

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


def _overdue(document: "firestore.DocumentSnapshot[Any]") -> Overdue:
    raw = document.to_dict() or {}
    return Overdue(
        job_id=document.reference.parent.parent.id,
        version=raw.get("version", 0),
        wake_at=raw["wake_at"],
        deadline_at=raw.get("deadline_at") or raw["wake_at"],
    )

"""Jobs in Firestore: `videos/{job_id}/internal/run` and its projection, one commit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.booking import booking
from shared.domain.errors import LostRace, Unclear, Unreachable
from shared.domain.job import Job
from shared.domain.ledger import Limits
from shared.domain.projection import project
from shared.gcp.firestore_ledger import FirestoreLedger
from shared.gcp.job_record import from_record, to_record
from shared.ports import Claim, Overdue, Snapshot

TIMEOUT_SECONDS = 10.0
LONGEST_ID = 128
# A resent commit whose first answer got lost fails its own precondition: the caller
# looks for its commit_id before believing that, so resending is safe.
_RETRY = Retry(
    predicate=if_exception_type(exceptions.ServiceUnavailable),
    initial=0.1,
    maximum=1.0,
    timeout=TIMEOUT_SECONDS,
)

_LOST = (
    exceptions.AlreadyExists,
    exceptions.FailedPrecondition,
    exceptions.NotFound,
    exceptions.Aborted,
)
# Anything else that was not clearly refused may have been carried out.
_REFUSED = (
    exceptions.PermissionDenied,
    exceptions.Unauthenticated,
    exceptions.InvalidArgument,
)


@contextmanager
def _committing() -> Iterator[None]:
    """Google's errors as ours; Unclear for those that leave it open."""
    try:
        yield
    except _LOST as error:
        raise LostRace(type(error).__name__) from error
    except _REFUSED as error:
        raise Unreachable(type(error).__name__) from error
    except (exceptions.GoogleAPIError, ValueError) as error:
        raise Unclear(type(error).__name__) from error


@contextmanager
def _reading() -> Iterator[None]:
    """A read races with nobody: whatever fails, the same again may work."""
    try:
        yield
    except (exceptions.GoogleAPIError, ValueError) as error:
        raise Unreachable(type(error).__name__) from error


class FirestoreJobs:
    """The port `Jobs` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client, limits: Limits | None = None) -> None:
        self._client = client
        self._ledger = FirestoreLedger(
            client=client, limits=limits or Limits(), timeout_seconds=TIMEOUT_SECONDS
        )

    def create(self, job: Job, claim: Claim | None = None) -> None:
        batch = self._client.batch()
        batch.create(self._run(job.job_id), to_record(job))
        batch.create(self._public(job.job_id), project(job))
        if claim is not None:
            batch.create(self._claim(claim.name), asdict(claim))
        with _reading():
            self._ledger.add_new(batch, job, booking(None, job), job.created_at)
        with _committing():
            batch.commit(retry=_RETRY, timeout=TIMEOUT_SECONDS)

    def claimed(self, name: str) -> Claim | None:
        with _reading():
            found = self._claim(name).get(retry=_RETRY, timeout=TIMEOUT_SECONDS)
        record = found.to_dict()
        return None if record is None else Claim(**record)

    def read(self, job_id: str) -> Snapshot | None:
        if not (job_id.isascii() and job_id.isalnum() and len(job_id) <= LONGEST_ID):
            return None  # no id of ours; Firestore would refuse some of them
        with _reading():
            found = self._run(job_id).get(retry=_RETRY, timeout=TIMEOUT_SECONDS)
        record = found.to_dict()
        if record is None:
            return None
        return Snapshot(job=from_record(record), token=found.update_time)

    def commit(self, before: Snapshot, after: Job) -> Snapshot:
        """`update`, never `set`: a job deleted in between is not resurrected."""
        batch = self._client.batch()
        unchanged = self._client.write_option(last_update_time=before.token)
        batch.update(self._run(after.job_id), to_record(after), option=unchanged)
        if changes := _changes(before.job, after):
            batch.update(self._public(after.job_id), changes)
        booked = booking(before.job, after)
        if not booked.is_empty:
            with _reading():
                self._ledger.add(batch, after, booked, after.updated_at)
        with _committing():
            results = batch.commit(retry=_RETRY, timeout=TIMEOUT_SECONDS)
        return Snapshot(job=after, token=results[0].update_time)

    def overdue(self, now: datetime, *, most: int) -> Sequence[Overdue]:
        query = (
            self._client.collection_group("internal")
            .where(filter=FieldFilter("wake_at", "<=", now))
            .order_by("wake_at")
            .limit(most)
            .select(["wake_at", "version"])
        )
        with _reading():
            found = query.get(retry=_RETRY, timeout=TIMEOUT_SECONDS)
        return [_overdue(document) for document in found]

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
        version=raw["version"],
        wake_at=raw["wake_at"],
    )

"""A job as the document `videos/{job_id}/internal/run`, and back."""

from typing import Any

from shared.domain.errors import Unreadable
from shared.domain.job import Job
from shared.gcp.firestore_records import Record, from_record
from shared.ports.store import Versioned


def job_of(record: Record) -> Job:
    """Unreadable names the job."""
    try:
        return from_record(Job, record, use_defaults=True)
    except Unreadable as error:
        raise Unreadable(f"job {record.get('job_id')}") from error


def versioned(document: Any) -> Versioned[Job] | None:
    """The job of a snapshot; None if it does not exist; Unreadable."""
    record = document.to_dict()
    if record is None:
        return None
    return Versioned(value=job_of(record), token=document.update_time)

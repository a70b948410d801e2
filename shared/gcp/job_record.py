"""Converts a job to the document `videos/{job_id}/internal/run`, and back."""

from typing import Any

from shared.domain.errors import Unreadable, WrittenLater
from shared.domain.job import Job
from shared.gcp.firestore_records import Record, from_record, to_record
from shared.ports.store import Versioned

# Increment this when an earlier release could misread or lose what this one writes:
# it then leaves the job alone. A record without a version is older than version 1.
VERSION_FIELD = "record_version"
RECORD_VERSION = 1


def record_of(job: Job) -> Record:
    return to_record(job) | {VERSION_FIELD: RECORD_VERSION}


def job_of(record: Record) -> Job:
    """Raises Unreadable, or WrittenLater for a record of a later release."""
    name = f"job {record.get('job_id')}"
    if record.get(VERSION_FIELD, 0) > RECORD_VERSION:
        raise WrittenLater(f"{name} was written by a later release")
    try:
        return from_record(Job, record, use_defaults=True)
    except Unreadable as error:
        raise Unreadable(name) from error


def versioned(document: Any) -> Versioned[Job] | None:
    """The job of a snapshot, or None if the document is missing. Raises as `job_of`."""
    record = document.to_dict()
    if record is None:
        return None
    return Versioned(value=job_of(record), token=document.update_time)

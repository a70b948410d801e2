"""A job as a Firestore document and back: money as strings, times as timestamps."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from cattrs import BaseValidationError, Converter

from shared.domain.errors import Unreadable
from shared.domain.job import Job
from shared.ports.store import Versioned


@cache
def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_structure_hook(datetime, lambda value, _: _plain(value))
    return converter


def _plain(value: datetime) -> datetime:
    """Firestore's own kind of datetime as a plain one, equal by value alone."""
    moment = value.astimezone(UTC)
    return datetime.combine(moment.date(), moment.time(), tzinfo=UTC)


def to_record(job: Job) -> dict[str, Any]:
    record: dict[str, Any] = _converter().unstructure(job)
    return record


def from_record(record: dict[str, Any]) -> Job:
    """Unreadable for a record that is no job, or of a version we don't know."""
    try:
        return _converter().structure(record, Job)
    except BaseValidationError as error:
        raise Unreadable(f"job {record.get('job_id')}") from error


def versioned(document: Any) -> Versioned[Job] | None:
    """The job of a document `internal/run`; None if it does not exist; Unreadable."""
    record = document.to_dict()
    if record is None:
        return None
    return Versioned(value=from_record(record), token=document.update_time)

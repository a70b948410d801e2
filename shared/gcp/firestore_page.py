"""How a user's jobs are listed: a query of their projections, then the jobs at once."""

from collections.abc import Sequence
from typing import Any

import structlog
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import Unreadable
from shared.domain.job import Job
from shared.domain.projection import Status
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS
from shared.gcp.job_record import from_record
from shared.ports.store import (
    Position,
    Versioned,
)

log = structlog.get_logger()

Document = Any
NEWEST_FIRST = firestore.Query.DESCENDING


def snapshot(run: Document) -> Versioned[Job] | None:
    """The job of a document `internal/run`; None where there is none; Unreadable."""
    record = run.to_dict()
    if record is None:
        return None
    return Versioned(value=from_record(record), token=run.update_time)


def read_page(
    client: firestore.Client,
    user_id: str,
    *,
    status: Status | None,
    after: Position | None,
    most: int,
) -> Sequence[Versioned[Job]]:
    """As `Jobs.page`; Google's errors come as they are.

    Whatever is left out is made up for by reading on, so a short page is the last.
    """
    query = client.collection("videos").where(
        filter=FieldFilter("user_id", "==", user_id)
    )
    if status is not None:
        query = query.where(filter=FieldFilter("status", "==", status.value))
    found: list[Versioned[Job]] = []
    while wanted := most - len(found):
        documents = _query(query, after, wanted)
        if documents:
            found += _jobs(client, documents)
        if len(documents) < wanted:
            break
        last = documents[-1]
        after = Position(created_at=last.get("created_at"), job_id=last.id)
    return found


def _query(query: Any, after: Position | None, most: int) -> Sequence[Document]:
    query = query.order_by("created_at", direction=NEWEST_FIRST)
    query = query.order_by("__name__", direction=NEWEST_FIRST)
    if after is not None:
        place = {"created_at": after.created_at, "__name__": after.job_id}
        query = query.start_after(place)
    listed: Sequence[Document] = (
        query.limit(most)
        .select(["created_at"])
        .get(retry=RETRY, timeout=TIMEOUT_SECONDS)
    )
    return listed


def _jobs(client: firestore.Client, listed: Sequence[Document]) -> list[Versioned[Job]]:
    """In the order of `listed`; a job deleted in between is not among them."""
    runs = [d.reference.collection("internal").document("run") for d in listed]
    read = client.get_all(runs, retry=RETRY, timeout=TIMEOUT_SECONDS)
    by_path = {run.reference.path: run for run in read}
    jobs = [_job(by_path[run.path]) for run in runs]
    return [job for job in jobs if job is not None]


def _job(run: Document) -> Versioned[Job] | None:
    try:
        return snapshot(run)
    except Unreadable:
        log.warning("job_left_out_of_list", job_id=run.reference.parent.parent.id)
        return None

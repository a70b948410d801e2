"""Jobs found by owner, image or `wake_at`: queries of `videos` and `internal/run`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import Unreadable
from shared.domain.job import Job
from shared.domain.projection import Status
from shared.gcp.firestore_calls import Database, Document
from shared.gcp.job_record import versioned
from shared.ports.store import Overdue, Position, Versioned

log = structlog.get_logger()

_OVERDUE_FIELDS = (
    "wake_at",
    "version",
    "deadline_at",
    "image",
    "attempts",
    "cancel_requested_at",
)
# An attempt in one of these is over, and has no result that is still to be fetched.
_WITHOUT_RESULT = frozenset({"rejected", "not_sent", "skipped", "failed"})
NEWEST_FIRST = firestore.Query.DESCENDING


class FirestoreJobQueries:
    """The port `JobQueries` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overdue(
        self, now: datetime, *, after: Overdue | None = None, most: int
    ) -> Sequence[Overdue]:
        query = (
            self._database.collection_group("internal")
            .where(filter=FieldFilter("wake_at", "<=", now))
            .order_by("wake_at")
            .order_by("__name__")
        )
        if after is not None:
            run = self._database.document("videos", after.job_id, "internal", "run")
            query = query.start_after({"wake_at": after.wake_at, "__name__": run})
        query = query.limit(most).select(_OVERDUE_FIELDS)
        return [_overdue(document) for document in self._database.query(query)]

    def count_with_image(self, user_id: str, image: str) -> int:
        query = (
            self._database.collection("videos")
            .where(filter=FieldFilter("user_id", "==", user_id))
            .where(filter=FieldFilter("image", "==", image))
            .limit(2)
            .select([])
        )
        return len(self._database.query(query))

    def page(
        self,
        user_id: str,
        *,
        status: Status | None,
        after: Position | None,
        most: int,
    ) -> Sequence[Versioned[Job]]:
        """Reads on in place of jobs left out, so only the last page is short."""
        query = self._database.collection("videos").where(
            filter=FieldFilter("user_id", "==", user_id)
        )
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", status.value))
        found: list[Versioned[Job]] = []
        while wanted := most - len(found):
            listed = self._database.query(_newest(query, after, wanted))
            found += self._jobs(listed)
            if len(listed) < wanted:
                break
            last = listed[-1]
            after = Position(created_at=last.get("created_at"), job_id=last.id)
        return found

    def _jobs(self, listed: Sequence[Document]) -> list[Versioned[Job]]:
        """In the order of `listed`, without jobs deleted in between."""
        runs = [d.reference.collection("internal").document("run") for d in listed]
        jobs = [_job(run) for run in self._database.get_all(runs)]
        return [job for job in jobs if job is not None]


def _newest(query: Any, after: Position | None, most: int) -> Any:
    query = query.order_by("created_at", direction=NEWEST_FIRST)
    query = query.order_by("__name__", direction=NEWEST_FIRST)
    if after is not None:
        last = {"created_at": after.created_at, "__name__": after.job_id}
        query = query.start_after(last)
    return query.limit(most).select(["created_at"])


def _job(run: Document) -> Versioned[Job] | None:
    try:
        return versioned(run)
    except Unreadable:
        log.warning("job_left_out_of_list", job_id=run.reference.parent.parent.id)
        return None


def _overdue(document: Document) -> Overdue:
    raw = document.to_dict() or {}
    return Overdue(
        job_id=document.reference.parent.parent.id,
        version=raw.get("version", 0),
        wake_at=raw["wake_at"],
        deadline_at=raw.get("deadline_at") or raw["wake_at"],
        awaits_start=_awaits_start(raw),
    )


def _awaits_start(raw: Mapping[str, Any]) -> bool:
    attempts = raw.get("attempts")
    if not isinstance(attempts, list) or raw.get("cancel_requested_at") is not None:
        return False
    states = {a.get("state") for a in attempts if isinstance(a, dict)}
    return raw.get("image") is not None and states <= _WITHOUT_RESULT

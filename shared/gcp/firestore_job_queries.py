"""Queries jobs (`videos`, `internal/run`) by owner, image or `wake_at`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.listing import Position
from shared.domain.projection import Projection, Status
from shared.gcp.firestore_calls import Database, Document
from shared.ports.store import Overdue, OverdueWebhook

# Fields of a request (uploads, or with the suffix `_url` URLs) and, once the images are
# prepared, of its job.
_IMAGES = ("image", "last_image")
_OVERDUE_FIELDS = (
    "wake_at",
    "version",
    "deadline_at",
    *(f"request.{name}" for name in _IMAGES),
    *(f"request.{name}_url" for name in _IMAGES),
    *_IMAGES,
    "attempts",
    "cancel_requested_at",
)
# An attempt in one of these states is over, and has no result left to fetch.
_WITHOUT_RESULT = frozenset({"rejected", "not_sent", "skipped", "failed"})
NEWEST_FIRST = firestore.Query.DESCENDING


class FirestoreJobQueries:
    """The port `JobQueries` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def overdue(
        self, now: datetime, *, after: Overdue | None = None, limit: int
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
        query = query.limit(limit).select(_OVERDUE_FIELDS)
        return [_overdue(document) for document in self._database.query(query)]

    def overdue_webhooks(
        self, now: datetime, *, limit: int
    ) -> Sequence[OverdueWebhook]:
        query = (
            self._database.collection_group("internal")
            .where(filter=FieldFilter("webhook.due_at", "<=", now))
            .order_by("webhook.due_at")
            .limit(limit)
            .select(["webhook"])
        )
        return [_overdue_webhook(document) for document in self._database.query(query)]

    def is_image_of_others(self, user_id: str, image: str, job_id: str) -> bool:
        videos = self._database.collection("videos")
        own = videos.where(filter=FieldFilter("user_id", "==", user_id))
        queries = (
            own.where(filter=FieldFilter("image", "==", image)),
            own.where(filter=FieldFilter("last_image", "==", image)),
        )
        return any(
            document.id != job_id
            for query in queries
            for document in self._database.query(query.limit(2).select([]))
        )

    def page(
        self, user_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> Sequence[Projection]:
        """Costs one read per job, because it only reads the public documents."""
        query = self._database.collection("videos").where(
            filter=FieldFilter("user_id", "==", user_id)
        )
        if status is not None:
            query = query.where(filter=FieldFilter("status", "==", status.value))
        query = query.order_by("created_at", direction=NEWEST_FIRST)
        query = query.order_by("__name__", direction=NEWEST_FIRST)
        if after is not None:
            last = {"created_at": after.created_at, "__name__": after.job_id}
            query = query.start_after(last)
        listed = self._database.query(query.limit(limit))
        return [document.to_dict() for document in listed]


def _overdue(document: Document) -> Overdue:
    raw = document.to_dict() or {}
    return Overdue(
        job_id=document.reference.parent.parent.id,
        version=raw.get("version", 0),
        wake_at=raw["wake_at"],
        deadline_at=raw.get("deadline_at") or raw["wake_at"],
        awaits_start=_awaits_start(raw),
    )


def _overdue_webhook(document: Document) -> OverdueWebhook:
    webhook = (document.to_dict() or {})["webhook"]
    return OverdueWebhook(
        job_id=document.reference.parent.parent.id,
        attempts=webhook.get("attempts", 0),
        due_at=webhook["due_at"],
    )


def _awaits_start(raw: Mapping[str, Any]) -> bool:
    attempts = raw.get("attempts")
    if not isinstance(attempts, list) or raw.get("cancel_requested_at") is not None:
        return False
    states = {a.get("state") for a in attempts if isinstance(a, dict)}
    return not _lacks_image(raw) and states <= _WITHOUT_RESULT


def _lacks_image(raw: Mapping[str, Any]) -> bool:
    request = raw.get("request") or {}
    return any(
        raw.get(name) is None and (request.get(name) or request.get(f"{name}_url"))
        for name in _IMAGES
    )

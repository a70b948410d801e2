"""Resumable uploads: pieces that may be interrupted, asked about, and sent again.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import re
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from local.emulators.cloud_storage.drafts import Draft
from local.emulators.cloud_storage.errors import (
    ConnectionCutError,
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import (
    PIECE_BYTES,
    Request,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    Checksums,
    StoredObject,
    UploadIntent,
)

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(?:(\d+)|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Persisted:
    """Not done yet: this many bytes are safe, counted from the first."""

    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one PUT says it brings; `total` None is "not known yet"."""

    start: int
    length: int | None
    total: int | None
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """`bytes */N`: how far did it get? With N it also says "that was all"."""

    total: int | None


class Session:
    """One upload. Whoever came last writes; an older connection writes no more."""

    def __init__(
        self, *, store: ObjectStore, intent: UploadIntent, total: int | None
    ) -> None:
        self._store = store
        self._intent = intent
        self._total = total
        self._draft: Draft = store.draft()
        self._writer = 0
        self._lock = threading.RLock()
        self.result: StoredObject | None = None

    def take_over(self) -> int:
        with self._lock:
            self._writer += 1
            return self._writer

    def answer(self, question: _Question) -> StoredObject | Persisted:
        self.take_over()
        self._require_total(question.total)
        return self._finish({}) if question.total is not None else self.progress()

    def progress(self) -> StoredObject | Persisted:
        return self.result or Persisted(size_bytes=self._draft.size_bytes)

    def receive(self, part: _Part, request: Request) -> StoredObject | Persisted:
        writer = self.take_over()
        self._require_total(part.total)
        _require_consistent(part, request)
        persisted = self._draft.size_bytes
        if self.result is not None or part.start > persisted:
            return self.progress()
        for piece in self._new_pieces(persisted - part.start, request):
            self._append(writer, piece)
        if not part.is_last:
            return self.progress()
        self._total = self._total or self._draft.size_bytes
        return self._finish(request.headers)

    def discard(self) -> None:
        with self._lock:
            self._writer += 1
            self._draft.discard()

    def _require_total(self, total: int | None) -> None:
        if None not in (self._total, total) and self._total != total:
            raise StorageRefusedError(Refusal.INVALID, "The total size changed.")
        self._total = total if self._total is None else self._total

    def _new_pieces(self, overlap: int, request: Request) -> Iterator[bytes]:
        """Whole multiples of 256 KiB but for the last: what is kept if it breaks."""
        while overlap > 0:
            overlap -= len(request.body.read(min(overlap, PIECE_BYTES))) or overlap
        return request.body.pieces(PIECE_BYTES)

    def _append(self, writer: int, piece: bytes) -> None:
        with self._lock:
            if writer != self._writer:
                raise ConnectionCutError
            self._draft.write(piece)

    def _finish(self, headers: Mapping[str, str]) -> StoredObject | Persisted:
        with self._lock:
            if self.result is None and self._is_complete():
                sums = Checksums.from_hash_header(headers.get("x-goog-hash", ""))
                declared = self._intent.declared.updated_with(sums)
                intent = replace(self._intent, declared=declared)
                self.result = self._store.commit(self._draft, intent)
            return self.progress()

    def _is_complete(self) -> bool:
        size, total = self._draft.size_bytes, self._total
        if total is not None and size > total:
            raise StorageRefusedError(Refusal.INVALID, "More bytes than announced.")
        return size == total


def _require_consistent(part: _Part, request: Request) -> None:
    if part.length not in (None, request.body.length):
        raise StorageRefusedError(
            Refusal.INVALID, "Content-Range and Content-Length disagree."
        )
    if not part.is_last and (part.length or 0) % PIECE_BYTES:
        raise StorageRefusedError(
            Refusal.INVALID, "Not the last part, and no multiple of 256 KiB."
        )


class Sessions:
    """All resumable uploads under way; they do not survive a restart."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._sessions: dict[str, Session] = {}

    def begin(self, intent: UploadIntent, total: int | None) -> str:
        self._store.check(intent)
        upload_id = uuid.uuid4().hex
        self._sessions[upload_id] = Session(
            store=self._store, intent=intent, total=total
        )
        return upload_id

    def put(self, upload_id: str, request: Request) -> StoredObject | Persisted:
        """Take a part, or say how far it got (`Content-Range: bytes */…`)."""
        session = self._find(upload_id)
        try:
            match _parse_content_range(request):
                case _Question() as question:
                    return session.answer(question)
                case _Part() as part:
                    return session.receive(part, request)
        except StorageRefusedError:
            self.cancel(upload_id)
            raise

    def cancel(self, upload_id: str) -> None:
        self._find(upload_id).discard()
        self._sessions.pop(upload_id, None)

    def close(self) -> None:
        for upload_id in list(self._sessions):
            self.cancel(upload_id)

    def _find(self, upload_id: str) -> Session:
        session = self._sessions.get(upload_id)
        if session is None:
            raise StorageRefusedError(Refusal.NO_UPLOAD)
        return session


def _parse_content_range(request: Request) -> _Part | _Question:
    header = request.headers.get("content-range")
    if header is None:
        return _Part(start=0, length=None, total=request.body.length, is_last=True)
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise StorageRefusedError(Refusal.INVALID, f"Content-Range: {header}")
    first, last, total_text = found.groups()
    total = None if total_text is None else int(total_text)
    if first is None:
        return _Question(total=total)
    start, end = int(first), int(last) + 1
    if total is not None and end > total:
        raise StorageRefusedError(Refusal.INVALID, "The part ends after the total.")
    return _Part(start=start, length=end - start, total=total, is_last=end == total)

"""Resumable uploads: pieces that may be interrupted, asked about, and sent again.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import re
import threading
import uuid
from dataclasses import replace

from werkzeug import Request

from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import PIECE_BYTES, declared_in, pieces
from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(?:(\d+)|\*)")


class Sessions:
    """All resumable uploads under way; they do not survive a restart."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._sessions: dict[str, _Session] = {}

    def begin(self, upload: Upload, total: int | None) -> str:
        self._store.check(upload)
        upload_id = uuid.uuid4().hex
        self._sessions[upload_id] = _Session(self._store, upload, total)
        return upload_id

    def put(self, upload_id: str, request: Request) -> StoredObject | int:
        """Take a part, or say how far it got (`Content-Range: bytes */…`): the object,
        or so many bytes that are safe."""
        try:
            return self._session(upload_id).put(request)
        except Refused:
            self._sessions.pop(upload_id, None)
            raise

    def cancel(self, upload_id: str) -> None:
        self._session(upload_id).writer += 1
        del self._sessions[upload_id]

    def _session(self, upload_id: str) -> "_Session":
        if upload_id not in self._sessions:
            raise Refused(Refusal.NO_UPLOAD)
        return self._sessions[upload_id]


class _Session:
    """One upload. The newest connection writes; an older one writes no more."""

    def __init__(self, store: ObjectStore, upload: Upload, total: int | None) -> None:
        self._store, self._upload, self._total = store, upload, total
        self._kept = bytearray()
        self._lock = threading.RLock()
        self._result: StoredObject | None = None
        self.writer = 0

    def put(self, request: Request) -> StoredObject | int:
        with self._lock:
            self.writer += 1
            writer = self.writer
        header = request.headers.get("content-range")
        if header is None:
            self._require_total(request.content_length)
            return self._receive(writer, 0, request, is_last=True)
        found = _CONTENT_RANGE.fullmatch(header)
        if found is None:
            raise Refused(Refusal.INVALID, f"Content-Range: {header}")
        first, last, total = (None if n is None else int(n) for n in found.groups())
        self._require_total(total)
        if first is None or last is None:  # asked how far it got
            return self._progress() if total is None else self._finish(request)
        _require_consistent(request, first, last, total)
        return self._receive(writer, first, request, is_last=last + 1 == total)

    def _receive(
        self, writer: int, first: int, request: Request, *, is_last: bool
    ) -> StoredObject | int:
        known = len(self._kept) - first
        if self._result or known < 0:
            return self._progress()
        for piece in pieces(request):
            with self._lock:
                if writer != self.writer:
                    raise ConnectionAbortedError
                self._kept += piece[known:]
            known = max(0, known - len(piece))
        if not is_last:
            return self._progress()
        self._require_total(self._total or len(self._kept))
        return self._finish(request)

    def _require_total(self, total: int | None) -> None:
        if None not in (self._total, total) and self._total != total:
            raise Refused(Refusal.INVALID, "The total size changed.")
        self._total = total if self._total is None else self._total

    def _progress(self) -> StoredObject | int:
        with self._lock:
            return self._result or len(self._kept)

    def _finish(self, request: Request) -> StoredObject | int:
        with self._lock:
            size, total = len(self._kept), self._total
            if size > (total or 0):
                raise Refused(Refusal.INVALID, "More bytes than announced.")
            if self._result is None and size == total:
                declared = declared_in(request)
                if declared.crc32c or declared.md5:
                    self._upload = replace(self._upload, declared=declared)
                self._result = self._store.put(self._upload, bytes(self._kept))
            return self._progress()


def _require_consistent(
    request: Request, first: int, last: int, total: int | None
) -> None:
    size = last + 1 - first
    if request.content_length not in (None, size):
        raise Refused(Refusal.INVALID, "Content-Range and Content-Length disagree.")
    if total is not None and last >= total:
        raise Refused(Refusal.INVALID, "The part ends after the total.")
    if total != last + 1 and size % PIECE_BYTES:
        text = "Not the last part, and no multiple of 256 KiB."
        raise Refused(Refusal.INVALID, text)

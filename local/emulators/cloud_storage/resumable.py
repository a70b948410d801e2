"""Resumable uploads, whose parts may be interrupted, queried and resent.

https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

import re
import threading
import uuid

from werkzeug import Request

from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import pieces
from local.emulators.cloud_storage.objects import ObjectStore, StoredObject, Upload

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)")


class Sessions:
    """All resumable uploads under way; they do not survive a restart."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._sessions: dict[str, _Session] = {}

    def begin(self, upload: Upload) -> str:
        self._store.check(upload)
        upload_id = uuid.uuid4().hex
        self._sessions[upload_id] = _Session(self._store, upload)
        return upload_id

    def put(self, upload_id: str, request: Request) -> StoredObject | int:
        """Receive a part, or report the progress (`Content-Range: bytes */…`).

        Returns the object if it is complete, else the number of bytes received.
        """
        if upload_id not in self._sessions:
            raise Refused(Refusal.NO_UPLOAD)
        return self._sessions[upload_id].put(request)


class _Session:
    def __init__(self, store: ObjectStore, upload: Upload) -> None:
        self._store, self._upload = store, upload
        self._received = bytearray()
        self._result: StoredObject | None = None
        self._lock = threading.Lock()

    def put(self, request: Request) -> StoredObject | int:
        header = request.headers.get("content-range", "")
        found = _CONTENT_RANGE.fullmatch(header)
        if found is None:
            raise Refused(Refusal.INVALID, f"Content-Range: {header}")
        first, total = (None if n is None else int(n) for n in found.groups())
        with self._lock:
            if self._result is None and first is not None:
                self._receive(request, first)
            if self._result is None and total == len(self._received):
                self._result = self._store.put(self._upload, bytes(self._received))
            return self._result or len(self._received)

    def _receive(self, request: Request, first: int) -> None:
        known = len(self._received) - first
        for piece in pieces(request):
            self._received += piece[known:]
            known = max(0, known - len(piece))

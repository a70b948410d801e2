"""The objects of a bucket, with generations and preconditions; each change is atomic.

On disk, each generation is a data file that never changes, and an object's JSON file
names its current generation.
"""

import base64
import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import google_crc32c

from local.emulators.cloud_storage.errors import Refusal, Refused

IDENTITY = "identity"
_MAX_NAME_BYTES = 1024
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload without its bytes. `generation_match` 0: only if it doesn't exist."""

    name: str
    content_type: str
    content_encoding: str = IDENTITY
    generation_match: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One generation of an object. `created_at` is RFC 3339, `crc32c` base64."""

    name: str
    generation: int
    size_bytes: int
    crc32c: str
    content_type: str
    created_at: str
    content_encoding: str = IDENTITY


class ObjectStore:
    """Thread-safe. Methods raise `Refused` as Cloud Storage would refuse."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.json")]
        found = [StoredObject(**json.loads(text)) for text in texts]
        self._objects = {each.name: each for each in found}
        self._last_generation = max((each.generation for each in found), default=0)

    def check(self, upload: Upload) -> None:
        """Refuse early what `put` would refuse; `put` checks again."""
        if not 0 < len(upload.name.encode()) <= _MAX_NAME_BYTES:
            raise Refused(Refusal.INVALID, "object name")
        with self._lock:
            self._require(upload.generation_match, self._objects.get(upload.name))

    def put(self, upload: Upload, content: bytes) -> StoredObject:
        """Store `content` as the live generation, or refuse it as a whole."""
        digest = google_crc32c.value(content).to_bytes(4, "big")
        crc32c = base64.b64encode(digest).decode()
        return self._put(
            upload, len(content), crc32c, lambda data: data.write_bytes(content)
        )

    def copy(self, source: StoredObject, target: Upload) -> StoredObject:
        """Copy without moving bytes, as in the cloud. Refused if `source` is gone."""
        with self._lock:
            old = self._data(self.find(source.name, source.generation))
            return self._put(
                target, source.size_bytes, source.crc32c, lambda new: os.link(old, new)
            )

    def _put(
        self,
        upload: Upload,
        size_bytes: int,
        crc32c: str,
        fill: Callable[[Path], object],
    ) -> StoredObject:
        with self._lock:
            self.check(upload)
            old, now = self._objects.get(upload.name), self._now()
            # Generations grow even if the clock doesn't.
            micros = (now - _EPOCH) // timedelta(microseconds=1)
            self._last_generation = max(self._last_generation + 1, micros)
            new = StoredObject(
                name=upload.name,
                generation=self._last_generation,
                size_bytes=size_bytes,
                crc32c=crc32c,
                content_type=upload.content_type,
                content_encoding=upload.content_encoding,
                created_at=now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            )
            fill(self._data(new))
            fresh = self._data(new).with_suffix(".tmp")
            fresh.write_text(json.dumps(asdict(new)), encoding="utf-8")
            os.replace(fresh, self._json(new))
            self._objects[new.name] = new
            if old:
                self._data(old).unlink()
        return new

    def find(self, name: str, generation: int | None = None) -> StoredObject:
        found = self._objects.get(name)
        if found is None or generation not in (None, found.generation):
            raise Refused(Refusal.NO_OBJECT, f"No such object: {name}")
        return found

    def read(
        self, name: str, generation: int | None = None
    ) -> tuple[StoredObject, bytes]:
        with self._lock:
            found = self.find(name, generation)
            return found, self._data(found).read_bytes()

    def objects(self, prefix: str) -> list[StoredObject]:
        """Sorted by name."""
        with self._lock:
            found = [o for o in self._objects.values() if o.name.startswith(prefix)]
        return sorted(found, key=lambda stored: stored.name.encode())

    def delete(self, name: str, *, generation_match: int | None) -> None:
        with self._lock:
            current = self.find(name)
            self._require(generation_match, current)
            del self._objects[name]
            self._json(current).unlink()
            self._data(current).unlink()

    def _require(self, wanted: int | None, current: StoredObject | None) -> None:
        if wanted not in (None, current.generation if current else 0):
            raise Refused(Refusal.PRECONDITION)

    def _json(self, stored: StoredObject) -> Path:
        # Object names may be longer than file names.
        digest = hashlib.sha256(stored.name.encode()).hexdigest()
        return self._folder / f"{digest}.json"

    def _data(self, stored: StoredObject) -> Path:
        return self._folder / f"{stored.generation}.data"

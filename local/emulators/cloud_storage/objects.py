"""The object store: buckets, generations and create-only writes, each change atomic.

On disk, each generation is a data file, never changed once it is there, and a JSON file
beside it. The JSON file is the commit: data without one is removed at start.
"""

import base64
import hashlib
import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import google_crc32c

from local.emulators.cloud_storage.errors import Refusal, Refused

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_MAX_NAME_BYTES = 1024
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksums:
    """Base64, as in the JSON API; None means that it was not declared."""

    crc32c: str | None = None
    md5: str | None = None

    @classmethod
    def of(cls, content: bytes) -> "Checksums":
        crc32c: int = google_crc32c.value(content)
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        return cls(
            crc32c=base64.b64encode(crc32c.to_bytes(4, "big")).decode(),
            md5=base64.b64encode(digest).decode(),
        )

    def require(self, actual: "Checksums") -> None:
        """BAD_DIGEST where what was declared is not what came."""
        for name, declared, computed in (
            ("CRC32C", self.crc32c, actual.crc32c),
            ("MD5 hash", self.md5, actual.md5),
        ):
            if declared not in (None, computed):
                text = f'Provided {name} "{declared}" doesn\'t match "{computed}".'
                raise Refused(Refusal.BAD_DIGEST, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """All of an upload but its bytes. `attributes` are fields of the JSON resource;
    `generation_match` 0: only where there is no such object."""

    bucket: str
    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    declared: Checksums = Checksums()
    generation_match: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One generation of an object. `created_at` is RFC 3339, in UTC."""

    bucket: str
    name: str
    generation: int
    size_bytes: int
    crc32c: str
    md5: str
    attributes: Mapping[str, Any]
    created_at: str
    path: str

    @property
    def content_type(self) -> str:
        return str(self.attributes.get("contentType") or "application/octet-stream")

    @property
    def etag(self) -> str:
        """That of the XML API, without quotes."""
        return base64.b64decode(self.md5).hex()


class ObjectStore:
    """Thread-safe; every refusal is `Refused`."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now = folder, now
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        self._buckets = {path.name for path in folder.iterdir() if path.is_dir()}
        self._objects: dict[tuple[str, str], StoredObject] = {}
        self._last_generation = 0
        for path in sorted(folder.glob("*/*.json")):
            self._load(StoredObject(**json.loads(path.read_text(encoding="utf-8"))))
        for path in folder.glob("*/*"):
            if str(path.with_suffix("")) not in self._paths():
                path.unlink()

    def create_bucket(self, name: str) -> None:
        with self._lock:
            if not _BUCKET_NAME.fullmatch(name):
                raise Refused(Refusal.INVALID, f"bucket name {name!r}")
            if name in self._buckets:
                raise Refused(Refusal.BUCKET_EXISTS)
            (self._folder / name).mkdir()
            self._buckets.add(name)

    def require_bucket(self, name: str) -> None:
        if name not in self._buckets:
            raise Refused(Refusal.NO_BUCKET)

    def check(self, upload: Upload) -> None:
        """Refuse early what `put` would refuse now; `put` asks again."""
        with self._lock:
            self.require_bucket(upload.bucket)
            size = len(upload.name.encode())
            if not 0 < size <= _MAX_NAME_BYTES or set(upload.name) & {"\r", "\n"}:
                raise Refused(Refusal.INVALID, "object name")
            current = self._objects.get((upload.bucket, upload.name))
            require_generation(upload.generation_match, current)

    def put(self, upload: Upload, content: bytes) -> StoredObject:
        """Becomes the live generation, or is refused as a whole."""
        sums = Checksums.of(content)
        upload.declared.require(sums)
        with self._lock:
            self.check(upload)
            path = self._folder / upload.bucket / uuid.uuid4().hex
            path.with_suffix(".data").write_bytes(content)
            return self._install(
                StoredObject(
                    bucket=upload.bucket,
                    name=upload.name,
                    generation=self._next_generation(),
                    size_bytes=len(content),
                    crc32c=sums.crc32c or "",
                    md5=sums.md5 or "",
                    attributes=dict(upload.attributes),
                    created_at=self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                    path=str(path),
                )
            )

    def copy(self, source: StoredObject, target: Upload) -> StoredObject:
        _, content = self.read(source.bucket, source.name, source.generation)
        kept = target.attributes or source.attributes
        return self.put(replace(target, attributes=kept), content)

    def find(
        self, bucket: str, name: str, generation: int | None = None
    ) -> StoredObject:
        with self._lock:
            self.require_bucket(bucket)
            found = self._objects.get((bucket, name))
            if found is None or generation not in (None, found.generation):
                raise Refused(Refusal.NO_OBJECT, f"No such object: {bucket}/{name}")
            return found

    def read(
        self, bucket: str, name: str, generation: int | None = None
    ) -> tuple[StoredObject, bytes]:
        with self._lock:
            found = self.find(bucket, name, generation)
            return found, Path(found.path).with_suffix(".data").read_bytes()

    def objects(self, bucket: str, prefix: str = "") -> list[StoredObject]:
        """By name."""
        with self._lock:
            self.require_bucket(bucket)
            mine = [o for o in self._objects.values() if o.bucket == bucket]
        found = [o for o in mine if o.name.startswith(prefix)]
        return sorted(found, key=lambda stored: stored.name.encode())

    def delete(
        self, stored: StoredObject, *, generation_match: int | None = None
    ) -> None:
        with self._lock:
            current = self.find(stored.bucket, stored.name, stored.generation)
            require_generation(generation_match, current)
            del self._objects[current.bucket, current.name]
            _remove(current)

    def _install(self, new: StoredObject) -> StoredObject:
        fresh = Path(new.path).with_suffix(".tmp")
        fresh.write_text(json.dumps(asdict(new)), encoding="utf-8")
        os.replace(fresh, Path(new.path).with_suffix(".json"))
        return self._load(new)

    def _load(self, new: StoredObject) -> StoredObject:
        old = self._objects.get((new.bucket, new.name))
        if old and old.generation > new.generation:
            old, new = new, old
        self._objects[new.bucket, new.name] = new
        self._last_generation = max(self._last_generation, new.generation)
        if old:
            _remove(old)
        return new

    def _next_generation(self) -> int:
        """They grow even while the clock stands still."""
        micros = (self._now() - _EPOCH) // timedelta(microseconds=1)
        return max(self._last_generation + 1, micros)

    def _paths(self) -> set[str]:
        return {stored.path for stored in self._objects.values()}


def require_generation(wanted: int | None, current: StoredObject | None) -> None:
    if wanted not in (None, current.generation if current else 0):
        raise Refused(Refusal.PRECONDITION)


def _remove(stored: StoredObject) -> None:
    for suffix in (".json", ".data"):
        Path(stored.path).with_suffix(suffix).unlink(missing_ok=True)

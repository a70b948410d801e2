"""The object store: buckets, generations and preconditions, each change atomic."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from local.emulators.cloud_storage.drafts import Draft
from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.files import ObjectFiles
from local.emulators.cloud_storage.records import (
    Attributes,
    Checksums,
    ObjectKey,
    Preconditions,
    StoredObject,
    UploadIntent,
)

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_MAX_NAME_BYTES = 1024
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class ObjectStore:
    """Thread-safe; every refusal is a StorageRefusedError."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._files = ObjectFiles(folder)
        self._buckets = self._files.load_buckets()
        self._objects = {
            found.key: found
            for name in self._buckets
            for found in self._files.load_objects(name)
        }
        self._last_generation = max(
            (found.generation for found in self._objects.values()), default=0
        )

    # Buckets: their resource is kept as it was given, like any JSON of the API.

    def create_bucket(self, name: str, resource: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if not _BUCKET_NAME.fullmatch(name):
                raise StorageRefusedError(Refusal.INVALID, f"bucket name {name!r}")
            if name in self._buckets:
                raise StorageRefusedError(Refusal.BUCKET_EXISTS)
            moment = self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            created = {"timeCreated": moment, "metageneration": "1"}
            return self._keep_bucket(name, {**resource, **created, "name": name})

    def bucket(self, name: str) -> dict[str, Any]:
        with self._lock:
            if name not in self._buckets:
                raise StorageRefusedError(Refusal.NO_BUCKET)
            return dict(self._buckets[name])

    def buckets(self) -> list[dict[str, Any]]:
        with self._lock:
            return [self.bucket(name) for name in sorted(self._buckets)]

    def patch_bucket(self, name: str, change: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            old = self.bucket(name)
            version = str(int(old["metageneration"]) + 1)
            new = {**old, **change, "name": name, "metageneration": version}
            return self._keep_bucket(name, new)

    def delete_bucket(self, name: str) -> None:
        with self._lock:
            self.bucket(name)
            if self.objects(name):
                raise StorageRefusedError(Refusal.BUCKET_NOT_EMPTY)
            self._files.remove_bucket(name)
            del self._buckets[name]

    # Objects.

    def draft(self) -> Draft:
        return self._files.draft()

    def check(self, intent: UploadIntent) -> None:
        """Refuse early what `commit` would refuse now; `commit` asks again."""
        with self._lock:
            self.bucket(intent.key.bucket)
            _require_name(intent.key.name)
            intent.conditions.require_for_write(self._objects.get(intent.key))

    def commit(self, draft: Draft, intent: UploadIntent) -> StoredObject:
        """The draft becomes the live generation, or is refused as a whole."""
        sums = draft.seal()
        intent.declared.require(sums)
        with self._lock:
            self.check(intent)
            new = self._next(intent, draft.size_bytes, sums)
            self._files.adopt(draft, new)
            return self._install(new)

    def copy(
        self, source: StoredObject, intent: UploadIntent, conditions: Preconditions
    ) -> StoredObject:
        """Copy that very generation; `conditions` are those on the source."""
        with self._lock:
            current = self.get(source.key, source.generation)
            conditions.require_for_write(current)
            self.check(intent)
            sums = Checksums(crc32c=current.crc32c, md5=current.md5)
            new = self._next(intent, current.size_bytes, sums)
            self._files.share(current, new)
            return self._install(new)

    def get(self, key: ObjectKey, generation: int | None = None) -> StoredObject:
        with self._lock:
            self.bucket(key.bucket)
            found = self._objects.get(key)
            if found is None or generation not in (None, found.generation):
                raise StorageRefusedError(
                    Refusal.NO_OBJECT, f"No such object: {key.bucket}/{key.name}"
                )
            return found

    def open(
        self, key: ObjectKey, generation: int | None = None
    ) -> tuple[StoredObject, BinaryIO]:
        """The open file outlives an overwrite or a deletion of the object."""
        with self._lock:
            found = self.get(key, generation)
            return found, self._files.open(found)

    def objects(self, bucket: str) -> list[StoredObject]:
        """All of a bucket, by name."""
        with self._lock:
            self.bucket(bucket)
            mine = [o for o in self._objects.values() if o.key.bucket == bucket]
        return sorted(mine, key=lambda stored: stored.key.name.encode())

    def patch(
        self,
        key: ObjectKey,
        conditions: Preconditions,
        change: Callable[[Attributes], Attributes],
    ) -> StoredObject:
        with self._lock:
            old = self.get(key)
            conditions.require_for_write(old)
            new = replace(
                old,
                attributes=change(old.attributes),
                metageneration=old.metageneration + 1,
                updated_at=self._now(),
            )
            self._files.write(new)
            self._objects[key] = new
            return new

    def delete(
        self, key: ObjectKey, generation: int | None, conditions: Preconditions
    ) -> None:
        with self._lock:
            old = self.get(key, generation)
            conditions.require_for_write(old)
            del self._objects[key]
            self._files.remove(old)

    # Inside the lock.

    def _next(self, intent: UploadIntent, size: int, sums: Checksums) -> StoredObject:
        now = self._now()
        micros = (now - _EPOCH) // timedelta(microseconds=1)
        self._last_generation = max(self._last_generation + 1, micros)
        return StoredObject(
            key=intent.key,
            generation=self._last_generation,
            metageneration=1,
            size_bytes=size,
            crc32c=sums.crc32c or "",
            md5=sums.md5 or "",
            attributes=intent.attributes,
            created_at=now,
            updated_at=now,
        )

    def _install(self, new: StoredObject) -> StoredObject:
        old = self._objects.get(new.key)
        self._objects[new.key] = new
        if old is not None:
            self._files.remove(old)
        return new

    def _keep_bucket(self, name: str, resource: dict[str, Any]) -> dict[str, Any]:
        self._files.write_bucket(name, resource)
        self._buckets[name] = resource
        return dict(resource)


def _require_name(name: str) -> None:
    if not 0 < len(name.encode()) <= _MAX_NAME_BYTES or set(name) & {"\r", "\n"}:
        raise StorageRefusedError(Refusal.INVALID, "object name")

"""How objects lie on disk.

Each generation is a data file, never changed once it is there, and a JSON file
beside it. The JSON file is the commit: data without one is swept at start.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from local.emulators.cloud_storage.drafts import Draft
from local.emulators.cloud_storage.records import (
    Attributes,
    ObjectKey,
    StoredObject,
)


class ObjectFiles:
    """Not thread-safe by itself: the store's lock is around it."""

    def __init__(self, folder: Path) -> None:
        self._buckets = folder / "buckets"
        self._incoming = folder / "incoming"
        self._buckets.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)
        _remove_all(self._incoming.iterdir())

    def draft(self) -> Draft:
        return Draft(self._incoming / uuid.uuid4().hex)

    def open(self, stored: StoredObject) -> BinaryIO:
        return self._data_path(stored).open("rb")

    def adopt(self, draft: Draft, new: StoredObject) -> None:
        draft.path.replace(self._data_path(new))
        self.write(new)

    def share(self, source: StoredObject, new: StoredObject) -> None:
        """Data never changes in place, so two objects can have the same."""
        os.link(self._data_path(source), self._data_path(new))
        self.write(new)

    def write(self, stored: StoredObject) -> None:
        self._write_json(self._json_path(stored), _record(stored))

    def remove(self, old: StoredObject) -> None:
        self._json_path(old).unlink()
        self._data_path(old).unlink()

    def write_bucket(self, name: str, resource: Mapping[str, Any]) -> None:
        folder = self._buckets / name
        folder.mkdir(exist_ok=True)
        self._write_json(folder / "bucket.json", resource)

    def remove_bucket(self, name: str) -> None:
        (self._buckets / name / "bucket.json").unlink()
        (self._buckets / name).rmdir()

    def load_buckets(self) -> dict[str, dict[str, Any]]:
        found = sorted(self._buckets.glob("*/bucket.json"))
        return {path.parent.name: _read_json(path) for path in found}

    def load_objects(self, bucket: str) -> list[StoredObject]:
        """The newest generation of each; what a crash left over is removed."""
        folder = self._buckets / bucket
        stored = [_from_record(_read_json(p)) for p in folder.glob("*-*.json")]
        stored.sort(key=lambda found: found.generation)
        live = list({found.key: found for found in stored}.values())
        kept = {p for o in live for p in (self._data_path(o), self._json_path(o))}
        _remove_all(path for path in folder.glob("*-*.*") if path not in kept)
        return live

    def _data_path(self, stored: StoredObject) -> Path:
        digest = hashlib.sha256(stored.key.name.encode()).hexdigest()[:40]
        folder = self._buckets / stored.key.bucket
        return folder / f"{digest}-{stored.generation}.data"

    def _json_path(self, stored: StoredObject) -> Path:
        return self._data_path(stored).with_suffix(".json")

    def _write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        fresh = self._incoming / uuid.uuid4().hex
        fresh.write_text(json.dumps(content), encoding="utf-8")
        fresh.replace(path)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in list(paths):
        path.unlink()


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _record(stored: StoredObject) -> dict[str, Any]:
    times = {
        "created_at": stored.created_at.isoformat(),
        "updated_at": stored.updated_at.isoformat(),
    }
    return {**asdict(stored), **times}


def _from_record(record: dict[str, Any]) -> StoredObject:
    return StoredObject(
        **{
            **record,
            "key": ObjectKey(**record["key"]),
            "attributes": Attributes(**record["attributes"]),
            "created_at": datetime.fromisoformat(record["created_at"]),
            "updated_at": datetime.fromisoformat(record["updated_at"]),
        }
    )

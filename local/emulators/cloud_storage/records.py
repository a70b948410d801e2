"""What a stored object is: its attributes, checksums and preconditions."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)

DEFAULT_CONTENT_TYPE = "application/octet-stream"
_PLAIN_ATTRIBUTES = (
    "contentType",
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectKey:
    """Where an object lives; the name may contain slashes."""

    bucket: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a writer may say about an object.

    `plain` is keyed as in the JSON API (contentType, cacheControl …), `custom` is
    the object's own metadata.
    """

    plain: Mapping[str, str] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, resource: Mapping[str, Any]) -> Self:
        return cls(
            plain=_without_none({k: resource.get(k) for k in _PLAIN_ATTRIBUTES}),
            custom=_without_none(resource.get("metadata") or {}),
        )

    def to_json(self) -> dict[str, Any]:
        custom = {"metadata": dict(self.custom)} if self.custom else {}
        return {**self.plain, **custom}

    def patched(self, change: Mapping[str, Any]) -> "Attributes":
        """`null` takes an attribute away; custom metadata is merged by key."""
        plain = {k: change[k] for k in _PLAIN_ATTRIBUTES if k in change}
        custom = {**self.custom, **(change.get("metadata") or {})}
        if change.get("metadata", custom) is None:
            custom = {}
        return Attributes(
            plain=_without_none({**self.plain, **plain}), custom=_without_none(custom)
        )

    @property
    def is_empty(self) -> bool:
        return not self.plain and not self.custom


def _without_none(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksums:
    """Base64, as in the JSON API; None is "not declared"."""

    crc32c: str | None = None
    md5: str | None = None

    @classmethod
    def from_hash_header(cls, header: str) -> Self:
        """`x-goog-hash: crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`."""
        pairs = (part.strip().partition("=") for part in header.split(","))
        named = {name: value for name, _, value in pairs}
        return cls(crc32c=named.get("crc32c"), md5=named.get("md5"))

    def updated_with(self, other: "Checksums") -> "Checksums":
        return Checksums(crc32c=other.crc32c or self.crc32c, md5=other.md5 or self.md5)

    def require(self, actual: "Checksums") -> None:
        """Refuse with BAD_DIGEST when what was declared is not what came."""
        for name, declared, computed in (
            ("CRC32C", self.crc32c, actual.crc32c),
            ("MD5 hash", self.md5, actual.md5),
        ):
            if declared not in (None, computed):
                raise StorageRefusedError(
                    Refusal.BAD_DIGEST,
                    f'Provided {name} "{declared}" doesn\'t match '
                    f'calculated {name} "{computed}".',
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One generation of an object. Sizes in bytes, times aware and UTC."""

    key: ObjectKey
    generation: int
    metageneration: int
    size_bytes: int
    crc32c: str
    md5: str
    attributes: Attributes
    created_at: datetime
    updated_at: datetime

    @property
    def content_type(self) -> str:
        return self.attributes.plain.get("contentType", DEFAULT_CONTENT_TYPE)

    @property
    def etag(self) -> str:
        text = f"{self.generation}/{self.metageneration}"
        return base64.b64encode(text.encode()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """What must hold of the live object. Generation 0 stands for "there is none"."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    def require_for_write(self, current: StoredObject | None) -> None:
        if not self._matches(current) or self._equals_excluded(current):
            raise StorageRefusedError(Refusal.PRECONDITION)

    def require_for_read(self, current: StoredObject) -> None:
        """A failed "not match" is 304 for a reader, 412 for a writer."""
        if not self._matches(current):
            raise StorageRefusedError(Refusal.PRECONDITION)
        if self._equals_excluded(current):
            raise StorageRefusedError(Refusal.NOT_MODIFIED)

    def _matches(self, current: StoredObject | None) -> bool:
        generation, metageneration = _versions(current)
        return self.generation_match in (None, generation) and (
            self.metageneration_match in (None, metageneration)
        )

    def _equals_excluded(self, current: StoredObject | None) -> bool:
        generation, metageneration = _versions(current)
        return self.generation_not_match == generation or (
            self.metageneration_not_match == metageneration
        )


def _versions(current: StoredObject | None) -> tuple[int, int]:
    return (current.generation, current.metageneration) if current else (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadIntent:
    """Everything about an upload but its bytes."""

    key: ObjectKey
    attributes: Attributes = Attributes()
    declared: Checksums = Checksums()
    conditions: Preconditions = Preconditions()

"""How a bucket is listed: prefixes, delimiters and pages."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import Request
from local.emulators.cloud_storage.records import StoredObject

_MAX_RESULTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`prefixes` are the folders that the delimiter makes out of names."""

    objects: tuple[StoredObject, ...]
    prefixes: tuple[str, ...]
    next_token: str | None


def list_page(stored: Iterable[StoredObject], request: Request) -> Page:
    """`stored` by name; `prefix`, `delimiter`, `maxResults`, `pageToken` count."""
    after = _decode(request.query.get("pageToken", ""))
    entries = [e for e in _entries(stored, request) if _name(e) > after]
    limit = min(request.query_number("maxResults") or _MAX_RESULTS, _MAX_RESULTS)
    shown = entries[:limit]
    return Page(
        objects=tuple(entry for entry in shown if isinstance(entry, StoredObject)),
        prefixes=tuple(entry for entry in shown if isinstance(entry, str)),
        next_token=_encode(_name(shown[-1])) if len(entries) > limit else None,
    )


def _entries(
    stored: Iterable[StoredObject], request: Request
) -> Iterator[StoredObject | str]:
    prefix = request.query.get("prefix", "")
    delimiter = request.query.get("delimiter", "")
    folders: dict[str, None] = {}
    for one in stored:
        if not one.key.name.startswith(prefix):
            continue
        head, found, _ = one.key.name[len(prefix) :].partition(delimiter or "\0")
        folder = prefix + head + found
        if not found:
            yield one
        elif folder not in folders:
            folders[folder] = None
            yield folder


def _name(entry: StoredObject | str) -> bytes:
    return (entry if isinstance(entry, str) else entry.key.name).encode()


def _encode(name: bytes) -> str:
    return base64.urlsafe_b64encode(name).decode()


def _decode(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token)
    except binascii.Error as error:
        raise StorageRefusedError(Refusal.INVALID, "pageToken") from error

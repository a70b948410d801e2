"""How bytes come in at one go: a plain body, or multipart with its metadata."""

import json
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any

from local.emulators.cloud_storage.downloads import json_conditions
from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
)
from local.emulators.cloud_storage.http import (
    Body,
    Request,
    read_all,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    Attributes,
    Checksums,
    ObjectKey,
    StoredObject,
    UploadIntent,
)


def store_stream(
    store: ObjectStore, intent: UploadIntent, pieces: Iterable[bytes]
) -> StoredObject:
    """All of it or nothing: preconditions are asked before and again at the end."""
    store.check(intent)
    with store.draft() as draft:
        for piece in pieces:
            draft.write(piece)
        return store.commit(draft, intent)


def upload_plain(store: ObjectStore, bucket: str, request: Request) -> StoredObject:
    """`uploadType=media`: the name is in the query, the type in the header."""
    content_type = request.headers.get("content-type")
    intent = intent_from_json(bucket, request, {"contentType": content_type})
    return store_stream(store, intent, request.body.pieces())


def upload_multipart(store: ObjectStore, bucket: str, request: Request) -> StoredObject:
    """`uploadType=multipart`: a part of JSON, then a part of media."""
    parts = _Multipart(request.body, _boundary(request.headers.get("content-type", "")))
    _, metadata = parts.headers(), b"".join(parts.content())
    media_type = parts.headers()["content-type"]
    resource = {"contentType": media_type, **parse_json(metadata)}
    intent = intent_from_json(bucket, request, resource)
    stored = store_stream(store, intent, parts.content())
    request.body.drain()
    return stored


def intent_from_json(
    bucket: str, request: Request, resource: dict[str, Any]
) -> UploadIntent:
    name = resource.get("name") or request.query.get("name")
    if not isinstance(name, str):
        raise StorageRefusedError(Refusal.INVALID, "Required: name")
    return UploadIntent(
        key=ObjectKey(bucket=bucket, name=name),
        attributes=Attributes.from_json(resource),
        declared=Checksums(
            crc32c=resource.get("crc32c"), md5=resource.get("md5Hash")
        ).updated_with(
            Checksums.from_hash_header(request.headers.get("x-goog-hash", ""))
        ),
        conditions=json_conditions(request),
    )


def parse_json(content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content or b"{}")
    except ValueError as error:
        raise StorageRefusedError(Refusal.INVALID, "Parse error") from error
    if not isinstance(parsed, dict):
        raise StorageRefusedError(Refusal.INVALID, "Parse error")
    return parsed


def read_json(request: Request) -> dict[str, Any]:
    return parse_json(read_all(request.body))


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary()
    if boundary is None:
        raise StorageRefusedError(Refusal.INVALID, "No boundary in Content-Type")
    return b"\r\n--" + boundary.encode()


class _Multipart:
    """The parts of a multipart/related body, one after the other."""

    _MAX_HEADER_BYTES = 8 * 1024

    def __init__(self, body: Body, delimiter: bytes) -> None:
        self._body = body
        self._delimiter = delimiter
        # A body begins with its delimiter's second line.
        self._held = b"\r\n"
        self._skip_to(delimiter)

    def headers(self) -> Message:
        """Of the part that begins here; names in any case."""
        message = Message()
        for line in self._skip_to(b"\r\n\r\n").splitlines():
            name, _, value = line.decode("latin-1").partition(":")
            message[name.strip()] = value.strip()
        return message

    def content(self) -> Iterator[bytes]:
        """The rest of this part, up to the delimiter."""
        keep = len(self._delimiter) - 1
        while (at := self._held.find(self._delimiter)) < 0:
            ready = self._held[:-keep]
            self._held = self._held[len(ready) :]
            if ready:
                yield ready
            self._fill()
        if at:
            yield self._held[:at]
        self._held = self._held[at + len(self._delimiter) :]

    def _skip_to(self, mark: bytes) -> bytes:
        while mark not in self._held:
            if len(self._held) > self._MAX_HEADER_BYTES:
                raise StorageRefusedError(Refusal.INVALID, "Malformed multipart body")
            self._fill(self._MAX_HEADER_BYTES)
        skipped, _, self._held = self._held.partition(mark)
        return skipped.lstrip(b"\r\n")

    def _fill(self, size: int = 256 * 1024) -> None:
        piece = self._body.read(size)
        if not piece:
            raise StorageRefusedError(Refusal.INVALID, "Malformed multipart body")
        self._held += piece

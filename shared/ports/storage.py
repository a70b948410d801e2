"""Ports of our bucket, of the web, and of the checks of images and videos."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from msgspec import Struct

from shared.domain.delivery import VideoFacts
from shared.domain.structs import PartialRepr
from shared.domain.webhook import ReceiverResponse
from shared.ports.providers import WebFile


class StoredObject(Struct, frozen=True, kw_only=True):
    """An object in our bucket; `crc32c` in base64.

    `generation`: changes each time the name is written, even with equal bytes.
    """

    name: str
    generation: int
    size_bytes: int
    crc32c: str


class SignedUpload(PartialRepr, frozen=True, kw_only=True):
    """A PUT to `url` with exactly `headers` before `expires_at` creates the object."""

    hidden_fields = ("url",)

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Bucket(Protocol):
    """Our bucket. Names are without gs:// and without the bucket's name."""

    def uri(self, name: str) -> str:
        """gs://bucket/name"""
        ...

    def name(self, gs_uri: str) -> str:
        """The name of an object in this bucket; BadContent if it is in another one."""
        ...

    def find(self, name: str) -> StoredObject | None: ...

    def list(self, prefix: str) -> Sequence[StoredObject]: ...

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """The whole object, or None if absent; BadContent if it is larger."""
        ...

    def write(self, name: str, content: BinaryIO, *, content_type: str) -> StoredObject:
        """Write all of `content`, replacing the object; its checksum is verified."""
        ...

    def open(self, stored: StoredObject) -> BinaryIO:
        """A seekable reader that fetches ranges, never the whole object at once.

        Unreachable, here and on reading, once the object was replaced or deleted.
        """
        ...

    def copy_new(self, source: StoredObject, target: str) -> StoredObject:
        """Copy within the bucket, create-only; LostRace if `target` exists.

        Unreachable, and nothing is copied, if `source` was replaced or deleted.
        """
        ...

    def delete(self, name: str) -> None:
        """Idempotent: deleting an object that doesn't exist is no error."""
        ...

    def sign_download(
        self, name: str, *, lifetime: timedelta, disposition: str | None = None
    ) -> str:
        """A GET URL for an object of our bucket that expires after `lifetime`.

        `disposition`: the Content-Disposition of the response.
        """
        ...

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload: ...


class Web(Protocol):
    """The internet as seen from a function: public https addresses only."""

    def stream(self, file: WebFile, *, max_bytes: int) -> Iterator[bytes]:
        """The body in chunks. Unreachable: no answer, not 2xx, or cut short.

        BadContent: forbidden address, larger than `max_bytes`, empty, or HTML.
        """
        ...


class Receivers(Protocol):
    """The callers' servers that receive webhooks, at public https addresses only."""

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str]
    ) -> ReceiverResponse:
        """POST the JSON `body` once. The answer's body isn't read.

        Redirects are not followed: a 3xx is the answer. Unreachable: none came in time.
        NotPublic: a forbidden address; nothing was sent. These errors' messages are
        safe to log.
        """
        ...


class Jpeg(PartialRepr, frozen=True, kw_only=True):
    """An image that every provider accepts: at most 3.5 MB, ratio 1:2 to 2:1.

    `source_width` and `source_height`: of the original image, upright.
    """

    hidden_fields = ("content",)

    content: bytes
    width: int
    height: int
    source_width: int
    source_height: int


class ImageCheck(Protocol):
    def to_jpeg(self, content: bytes) -> Jpeg:
        """Decode and convert an image; BadContent if it is none, or is too large."""
        ...


class VideoCheck(Protocol):
    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        """Decode every frame (H.264, AAC); BadContent if it isn't a complete MP4."""
        ...

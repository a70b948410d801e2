"""Our bucket, the web, and the checks of images and videos."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

from msgspec import Struct

from shared.domain.structs import Unprinted
from shared.domain.webhook import ReceiverAnswer
from shared.ports.providers import WebFile


class StoredObject(Struct, frozen=True, kw_only=True):
    """An object of our bucket; `crc32c` in base64.

    `generation`: another one each time that the name is written, even with equal bytes.
    """

    name: str
    generation: int
    size_bytes: int
    crc32c: str


class SignedUpload(Unprinted, frozen=True, kw_only=True):
    """A PUT to `url` with exactly `headers` before `expires_at` makes the object."""

    unprinted = ("url",)

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


class Bucket(Protocol):
    """Our bucket. Names are without gs:// and without the bucket's name."""

    def uri(self, name: str) -> str:
        """gs://bucket/name"""
        ...

    def name(self, gs_uri: str) -> str:
        """The name of an object of this bucket; BadContent where it is another's."""
        ...

    def find(self, name: str) -> StoredObject | None: ...

    def list(self, prefix: str) -> Sequence[StoredObject]: ...

    def read(self, name: str, *, most_bytes: int) -> bytes | None:
        """The whole object, or None if absent; BadContent if it is larger."""
        ...

    def write(self, name: str, content: BinaryIO, *, content_type: str) -> StoredObject:
        """All of `content`, whatever was there; its checksum was compared."""
        ...

    def open(self, stored: StoredObject) -> BinaryIO:
        """For reading, with seek, by ranges: never the whole object in memory.

        Unreachable, here and on reading, once its name was written anew or deleted.
        """
        ...

    def copy_new(self, source: StoredObject, target: str) -> StoredObject:
        """Copy within the bucket, create-only; LostRace where `target` exists.

        Unreachable, and nothing is copied, if `source` was written anew or deleted.
        """
        ...

    def delete(self, name: str) -> None:
        """Gone afterwards, whether it was there or not."""
        ...

    def sign_download(
        self, name: str, *, lifetime: timedelta, disposition: str | None = None
    ) -> str:
        """A GET URL of our own bucket that expires after `lifetime`.

        `disposition`: the Content-Disposition of the answer.
        """
        ...

    def sign_upload(
        self, name: str, *, content_type: str, size_bytes: int, lifetime: timedelta
    ) -> SignedUpload: ...


class Web(Protocol):
    """The internet as seen from a function: public https addresses only."""

    def stream(self, file: WebFile, *, most_bytes: int) -> Iterator[bytes]:
        """The body in chunks. Unreachable: no answer, not 2xx, or cut short.

        BadContent: forbidden address, larger than `most_bytes`, empty, or HTML.
        """
        ...


class Receivers(Protocol):
    """Servers of others that take webhooks, at public https addresses only."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """The one answer, whose body isn't read; redirects included.

        Unreachable: none came in time. NotPublic: a forbidden address; nothing was
        sent. `body` is JSON. What these errors say may be logged.
        """
        ...


class Jpeg(Unprinted, frozen=True, kw_only=True):
    """An image as every provider takes it: at most 3.5 MB, ratio 1:2 to 2:1.

    `source_width` and `source_height`: of the image it was made from, upright.
    """

    unprinted = ("content",)

    content: bytes
    width: int
    height: int
    source_width: int
    source_height: int


class ImageCheck(Protocol):
    def to_jpeg(self, content: bytes) -> Jpeg:
        """What the bytes show; BadContent where that is no image, or too large."""
        ...


class VideoFacts(Unprinted, frozen=True, kw_only=True):
    """What a player shows of an MP4: `duration_seconds` is the video track's own.

    `width` and `height`: as shown, turned and stretched. `audio_seconds`: how much of
    what is shown has sound. `poster`: its first frame, a JPEG; empty if none could be
    made.
    """

    unprinted = ("poster",)

    duration_seconds: float
    width: int
    height: int
    has_audio: bool
    audio_seconds: float = 0.0
    poster: bytes = b""


class VideoCheck(Protocol):
    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        """Decode every frame of H.264 and AAC; BadContent where it is no whole MP4."""
        ...

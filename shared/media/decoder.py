"""Decodes in a child process, so that hostile content can at most kill that process.

The child has limits on CPU time, memory and output, and no environment (and so no
keys). If it dies on the content, the content is bad. If its wall time is over before
its CPU time is, the machine was too busy, which says nothing about the content.
"""

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import UnsupportedOperation
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

from msgspec import Struct

from shared.domain.delivery import VideoFacts
from shared.domain.errors import BadContent, ImageFault, Unreachable
from shared.media.process import DecoderProcess
from shared.ports.storage import Jpeg

CHUNK_BYTES: Final = 1 << 20
WRONG_LENGTH: Final = "the file is not as long as stated"
# One child at a time: two of the largest would exceed the worker's memory.
_turn = threading.Lock()
PROGRAM: Final = Path(__file__).with_name("child.py")
_process = DecoderProcess(PROGRAM)


class Limits(Struct, frozen=True, kw_only=True):
    """`queue_seconds`: how long a decode waits for its turn in this process."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int
    output_bytes: int
    queue_seconds: float = 20.0


IMAGE_LIMITS: Final = Limits(
    cpu_seconds=10, wall_seconds=40, memory_bytes=1_400_000_000, output_bytes=4_000_000
)
VIDEO_LIMITS: Final = Limits(
    cpu_seconds=45, wall_seconds=75, memory_bytes=1_400_000_000, output_bytes=1_100_000
)


class ChildImageCheck:
    """The port `ImageCheck`. Unreachable if the decoder itself could not run."""

    def to_jpeg(self, content: bytes) -> Jpeg:
        with tempfile.TemporaryFile() as source:
            source.write(content)
            facts, jpeg = decode("image", source, IMAGE_LIMITS)
        return Jpeg(content=jpeg, **facts)


class ChildVideoCheck:
    """The port `VideoCheck`. Unreachable if the decoder itself could not run."""

    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        with _on_disk(file, size_bytes) as source:
            facts, poster = decode("video", source, VIDEO_LIMITS)
        return VideoFacts(poster=poster, **facts)


@contextmanager
def _on_disk(file: BinaryIO, size_bytes: int) -> Iterator[IO[bytes]]:
    """The file itself if it has a descriptor to pass to a child, otherwise a copy."""
    try:
        length = os.fstat(file.fileno()).st_size
    except UnsupportedOperation:
        with tempfile.TemporaryFile() as source:
            _copy(file, source, size_bytes)
            yield source
        return
    if length != size_bytes:
        raise BadContent(WRONG_LENGTH)
    yield file


def _copy(file: BinaryIO, target: IO[bytes], size_bytes: int) -> None:
    left = size_bytes
    while chunk := file.read(min(CHUNK_BYTES, left + 1)):
        left -= len(chunk)
        target.write(chunk)
        if left < 0:
            break
    if left:
        raise BadContent(WRONG_LENGTH)


def decode(
    kind: str, source: IO[bytes], limits: Limits
) -> tuple[Mapping[str, Any], bytes]:
    """What the child found, and the bytes that it wrote.

    BadContent: it refused the content, or died on it. Unreachable: it never read the
    content, was not done when its wall time was over, or did not get its turn within
    `queue_seconds`.
    """
    source.seek(0)
    with _one_at_a_time(limits), tempfile.TemporaryFile() as output:
        finished = _process.decode(
            kind,
            (limits.cpu_seconds, limits.memory_bytes, limits.output_bytes),
            (source, output),
            wall_seconds=limits.wall_seconds,
        )
        output.seek(0)
        return _read(output.read(limits.output_bytes), finished=finished)


@contextmanager
def _one_at_a_time(limits: Limits) -> Iterator[None]:
    if not _turn.acquire(timeout=limits.queue_seconds):
        raise Unreachable("other images and videos are being decoded")
    try:
        yield
    finally:
        _turn.release()


def _read(written: bytes, *, finished: bool) -> tuple[Mapping[str, Any], bytes]:
    if not finished:
        raise BadContent("it can't be decoded within the limits of time and memory")
    line, _, content = written.partition(b"\n")
    result = json.loads(line)
    if "bad" in result:
        fault = result["fault"] and ImageFault(result["fault"])
        raise BadContent(result["bad"], fault=fault)
    return result, content

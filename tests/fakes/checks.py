"""Image and video checks that decode nothing: bytes that begin with `bad` fail."""

from typing import BinaryIO

from shared.domain.delivery import VideoFacts
from shared.domain.errors import BadContent
from shared.ports.storage import Jpeg


class FakeImageCheck:
    """Accepts every image that doesn't begin with `bad`."""

    def __init__(self, size: tuple[int, int] = (1280, 720)) -> None:
        self.size = size

    def to_jpeg(self, content: bytes) -> Jpeg:
        if content.startswith(b"bad"):
            raise BadContent("no image")
        width, height = self.size
        return Jpeg(
            content=b"jpeg of " + content,
            width=width,
            height=height,
            source_width=width,
            source_height=height,
        )


class FakeVideoCheck:
    """Accepts every video that doesn't begin with `bad`, as `duration_seconds` long."""

    def __init__(self, duration_seconds: float = 8.0) -> None:
        self.duration_seconds = duration_seconds
        self.poster = b"its first frame"

    def inspect(self, file: BinaryIO, *, size_bytes: int) -> VideoFacts:
        content = file.read()
        if content.startswith(b"bad") or len(content) != size_bytes:
            raise BadContent("no video")
        return VideoFacts(
            duration_seconds=self.duration_seconds,
            width=1280,
            height=720,
            has_audio=False,
            poster=self.poster,
        )

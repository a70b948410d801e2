"""Which MP4s are whole and play, and which are not."""

import io
import random
import struct
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from shared.domain.errors import BadContent, Unreachable
from shared.gcp import video_check
from shared.gcp.video_check import PyAvCheck
from shared.ports.storage import VideoFacts

FRAMES_PER_SECOND = 10


def video(
    *, frames: int = 12, audio: bool = False, options: dict[str, str] | None = None
) -> bytes:
    """An MP4 of 64 × 48 pixels with its `moov` in front, unless `options` differ."""
    chosen = {"movflags": "faststart"} if options is None else options
    # FFmpeg opens it again to move the `moov`: not for a file in memory.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        _render(path, frames, audio, chosen)
        return path.read_bytes()


def _render(path: Path, frames: int, audio: bool, options: dict[str, str]) -> None:
    with av.open(str(path), "w", format="mp4", options=options) as container:
        images: Any = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        images.width, images.height = 64, 48
        images.pix_fmt = "yuv420p"
        sound: Any = container.add_stream("aac", rate=44_100) if audio else None
        for number in range(frames):
            container.mux(images.encode(frame(number)))
        container.mux(images.encode(None))
        if sound is not None:
            for number in range(frames * 4):
                container.mux(sound.encode(silence(number)))
            container.mux(sound.encode(None))


def frame(number: int) -> Any:
    # Noise, so that the images are most of the file.
    size = 64 * 48 * 3
    made: Any = av.VideoFrame(64, 48, "rgb24")
    made.planes[0].update(random.Random(number).randbytes(size))
    made.pts, made.time_base = number, Fraction(1, FRAMES_PER_SECOND)
    return made


def silence(number: int) -> Any:
    made: Any = av.AudioFrame(format="fltp", layout="mono", samples=1024)
    made.planes[0].update(bytes(4096))
    made.sample_rate, made.pts = 44_100, number * 1024
    made.time_base = Fraction(1, 44_100)
    return made


def sound_only() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        sound: Any = container.add_stream("aac", rate=44_100)
        for number in range(50):
            container.mux(sound.encode(silence(number)))
        container.mux(sound.encode(None))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def good() -> bytes:
    return video()


def inspect(content: bytes, size_bytes: int | None = None) -> VideoFacts:
    size = len(content) if size_bytes is None else size_bytes
    return PyAvCheck().inspect(io.BytesIO(content), size_bytes=size)


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def boxes(content: bytes) -> list[tuple[bytes, int, int]]:
    """Type, start and end of each box at the top."""
    found, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        found.append((content[at + 4 : at + 8], at, at + length))
        at += length
    return found


def span(content: bytes, kind: bytes) -> tuple[int, int]:
    return next((start, end) for name, start, end in boxes(content) if name == kind)


def test_a_video_tells_its_facts(good: bytes) -> None:
    facts = inspect(good)

    assert (facts.width, facts.height, facts.has_audio) == (64, 48, False)
    assert facts.duration_seconds == pytest.approx(1.2)


def test_a_video_with_sound_says_so() -> None:
    assert inspect(video(audio=True)).has_audio


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="moov at the end"),
        pytest.param({"movflags": "frag_keyframe+empty_moov"}, id="fragmented"),
        pytest.param({"movflags": "faststart", "use_editlist": "0"}, id="no edits"),
    ],
)
def test_an_mp4_of_another_shape_is_one(options: dict[str, str]) -> None:
    facts = inspect(video(options=options))

    assert (facts.width, facts.height) == (64, 48)
    assert facts.duration_seconds == pytest.approx(1.2, abs=0.11)


def test_boxes_with_large_or_open_sizes_are_read(good: bytes) -> None:
    start, end = span(good, b"mdat")
    assert end == len(good)
    opened = good[:start] + struct.pack(">I", 0) + good[start + 4 :]
    large = good + struct.pack(">I4sQ", 1, b"free", 16 + 5) + b"12345"

    assert inspect(opened) == inspect(large) == inspect(good)


def without(kind: bytes) -> Callable[[bytes], bytes]:
    def cut(content: bytes) -> bytes:
        start, end = span(content, kind)
        return content[:start] + content[end:]

    return cut


def zeroed_frames(content: bytes) -> bytes:
    start, end = span(content, b"mdat")
    return content[: start + 8] + bytes(end - start - 8) + content[end:]


def shortened(content: bytes, missing: int) -> bytes:
    """The last bytes are missing, and every box ends where it says."""
    start, end = span(content, b"mdat")
    length = struct.pack(">I", end - start - missing)
    return content[:start] + length + content[start + 4 : end - missing]


def without_last_packet(content: bytes) -> bytes:
    with av.open(io.BytesIO(content), "r") as container:
        sizes = [packet.size for packet in container.demux() if packet.size]
    return shortened(content, sizes[-1])


def garbage_with_a_head(content: bytes) -> bytes:
    start, end = span(content, b"moov")
    noise = random.Random(3).randbytes(end - start - 8)
    return content[: start + 8] + noise + content[end:]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda it: b"", id="empty"),
        pytest.param(lambda it: b"<!DOCTYPE html><html></html>", id="HTML"),
        pytest.param(lambda it: b"\0" * 5000, id="zeros"),
        pytest.param(lambda it: random.Random(1).randbytes(5000), id="garbage"),
        pytest.param(lambda it: it[:7], id="seven bytes"),
        pytest.param(lambda it: it[: len(it) // 2], id="half"),
        pytest.param(lambda it: it[:-1], id="all but a byte"),
        pytest.param(lambda it: it + b"\0", id="a byte more"),
        pytest.param(lambda it: it + b"\0\0\0\x04free", id="a box too small"),
        pytest.param(lambda it: it + b"\0\0\0\x01free\0\0", id="a large box cut"),
        pytest.param(lambda it: box(b"free") + it, id="ftyp not first"),
        pytest.param(without(b"moov"), id="no moov"),
        pytest.param(without(b"mdat"), id="no mdat"),
        pytest.param(without(b"ftyp"), id="no ftyp"),
        pytest.param(zeroed_frames, id="no images in mdat"),
        pytest.param(lambda it: shortened(it, 3), id="a cut last packet"),
        pytest.param(without_last_packet, id="no last packet"),
        pytest.param(lambda it: shortened(it, len(it) // 2), id="half of the packets"),
        pytest.param(garbage_with_a_head, id="garbage with a head"),
        pytest.param(
            lambda it: box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat"),
            id="empty boxes",
        ),
        pytest.param(lambda it: sound_only(), id="no picture track"),
        pytest.param(lambda it: video(frames=5), id="half a second"),
    ],
)
def test_what_is_no_whole_video_is_refused(
    good: bytes, damage: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(BadContent):
        inspect(damage(good))


@pytest.mark.parametrize("more", [-1, 1, 1000])
def test_a_file_of_another_size_than_told_is_refused(good: bytes, more: int) -> None:
    with pytest.raises(BadContent):
        inspect(good, len(good) + more)


def test_a_file_that_goes_on_after_its_size_is_refused(good: bytes) -> None:
    with pytest.raises(BadContent):
        inspect(good + box(b"free"), len(good))


def test_any_cut_is_notificationd(good: bytes) -> None:
    for length in range(0, len(good), 97):
        with pytest.raises(BadContent):
            inspect(good[:length])


def test_endless_boxes_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_check, "_MOST_BOXES", 10)

    with pytest.raises(BadContent):
        inspect(video() + box(b"free") * 20)


class Failing(io.BytesIO):
    """A file whose storage goes away after some reads."""

    reads_left = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads_left -= 1
        if self.reads_left < 0:
            raise Unreachable("gone")
        return super().read(size)


def test_a_storage_that_goes_away_is_not_the_files_fault() -> None:
    content = video(frames=40)
    whole = Failing(content)
    whole.reads_left = 1_000_000
    PyAvCheck().inspect(whole, size_bytes=len(content))
    reads = 1_000_000 - whole.reads_left

    assert reads > 5
    for left in range(reads):
        file = Failing(content)
        file.reads_left = left
        with pytest.raises(Unreachable):
            PyAvCheck().inspect(file, size_bytes=len(content))


class Counting(io.BytesIO):
    most_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.most_bytes = max(self.most_bytes, len(content))
        return content


def test_a_video_is_read_in_pieces() -> None:
    content = video(frames=100)
    file = Counting(content)

    PyAvCheck().inspect(file, size_bytes=len(content))

    assert len(content) > 2 * 65_536
    assert file.most_bytes <= 65_536

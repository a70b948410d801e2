"""The child process that decodes: what it hands back, and what can't outlive it."""

import io
import os
import struct
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from shared.domain.errors import BadContent, Unreachable
from shared.media import decoder
from shared.media.decoder import (
    IMAGE_LIMITS,
    VIDEO_LIMITS,
    ChildImageCheck,
    ChildVideoCheck,
)
from tests.media.test_video import video

SMALL = replace(IMAGE_LIMITS, cpu_seconds=2, wall_seconds=30.0)


def jpeg(side: int = 64, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_an_image_comes_back_as_a_jpeg() -> None:
    made = ChildImageCheck().to_jpeg(jpeg())

    assert (made.width, made.height) == (64, 64)
    assert Image.open(io.BytesIO(made.content)).size == (64, 64)


def test_a_video_comes_back_as_its_facts() -> None:
    content = video(audio=True)

    facts = ChildVideoCheck().inspect(io.BytesIO(content), size_bytes=len(content))

    assert (facts.width, facts.height, facts.has_audio) == (64, 48, True)
    assert Image.open(io.BytesIO(facts.poster)).size == (64, 48)
    assert facts.duration_seconds == pytest.approx(1.2)


def test_why_an_image_is_refused_is_said() -> None:
    with pytest.raises(BadContent, match="no readable image"):
        ChildImageCheck().to_jpeg(b"not an image")


@pytest.mark.parametrize("more", [-1, 1, 1000])
def test_a_file_of_another_size_than_said_is_refused(more: int) -> None:
    content = video()

    with pytest.raises(BadContent):
        ChildVideoCheck().inspect(io.BytesIO(content), size_bytes=len(content) + more)


def of_many_scans(scans: int, side: int) -> bytes:
    """A progressive JPEG whose scans say nothing, each over all of its pixels."""

    def marker(code: int, body: bytes) -> bytes:
        return b"\xff" + bytes([code]) + struct.pack(">H", len(body) + 2) + body

    blocks = ((side + 7) // 8) ** 2
    runs = -(-blocks // (1 << 14))
    frame = struct.pack(">BHHB", 8, side, side, 1) + bytes([1, 0x11, 0])
    scan = marker(0xDA, bytes([1, 1, 0, 1, 63, 0])) + bytes(2 * runs)
    return (
        b"\xff\xd8"
        + marker(0xDB, b"\0" + b"\1" * 64)
        + marker(0xC2, frame)
        + marker(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\x00")
        + marker(0xC4, b"\x10" + bytes([1, 1] + [0] * 14) + bytes([0xE0, 0]))
        + marker(0xDA, bytes([1, 1, 0, 0, 0, 0]))
        + bytes(blocks // 8 + 1)
        + scan * scans
        + b"\xff\xd9"
    )


def endless_png(side: int) -> bytes:
    """Sixteen bits and four bands a pixel, all of them zero: 8 bytes of memory each."""
    row = b"\0" * (1 + side * 8)
    packed = zlib.compressobj(9)
    content = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    head = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        pytest.param(
            of_many_scans(90, 8000), replace(SMALL, cpu_seconds=1), id="processor time"
        ),
        pytest.param(
            endless_png(6000), replace(SMALL, memory_bytes=200_000_000), id="memory"
        ),
    ],
)
def test_what_takes_more_than_its_limits_is_bad(
    content: bytes, limits: decoder.Limits
) -> None:
    with pytest.raises(BadContent):
        ChildImageCheck(limits).to_jpeg(content)


def test_a_decoder_that_does_not_start_is_not_the_contents_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text("raise ImportError('Pillow')")
    monkeypatch.setattr(decoder, "CHILD", broken)

    with pytest.raises(Unreachable):
        ChildImageCheck().to_jpeg(jpeg())


def test_a_decoder_without_processor_time_is_ended_and_not_the_contents_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starved = tmp_path / "child.py"
    starved.write_text("import time; print('ready', flush=True); time.sleep(600)")
    monkeypatch.setattr(decoder, "CHILD", starved)

    with pytest.raises(Unreachable):
        ChildImageCheck(replace(SMALL, wall_seconds=1)).to_jpeg(jpeg())


def test_waiting_for_ones_turn_has_a_limit() -> None:
    check = ChildImageCheck(replace(SMALL, queue_seconds=0.1))

    with decoder._one_at_a_time(SMALL), pytest.raises(Unreachable):
        check.to_jpeg(jpeg())


def test_the_child_sees_no_environment_and_no_open_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RUNWAY_API_KEY", "key_secret")
    curious = tmp_path / "child.py"
    curious.write_text(
        "import json, os, sys\n"
        "files = sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1]\n"
        "seen = {'environment': sorted(os.environ), 'files': files}\n"
        "sys.stdout.write('ready\\n' + json.dumps(seen) + '\\n')\n"
    )
    monkeypatch.setattr(decoder, "CHILD", curious)
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        with open(tmp_path / "source", "w+b") as source:
            seen, _ = decoder.decode("image", source, SMALL)

    assert set(seen["environment"]) <= {"LC_CTYPE"}
    assert seen["files"] == [0, 1, 2]


def test_a_child_that_writes_without_end_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The limit on output is the child's own, set before it sees the content."""
    talkative = tmp_path / "child.py"
    talkative.write_text(
        f"import sys; sys.path.insert(0, {str(decoder.CHILD.parents[2])!r})\n"
        "from shared.media.child import limit\n"
        "limit(*map(int, sys.argv[2:]))\n"
        "sys.stdout.write('ready\\n')\n"
        "while True: sys.stdout.write('x' * 100_000)\n"
    )
    monkeypatch.setattr(decoder, "CHILD", talkative)

    with pytest.raises(BadContent):
        ChildImageCheck().to_jpeg(jpeg())


def test_bombs_of_many_users_end_one_by_one_and_then_an_image_is_decoded() -> None:
    limits = replace(SMALL, cpu_seconds=1, queue_seconds=60.0)
    refused: list[BadContent] = []

    def send() -> None:
        with pytest.raises(BadContent) as caught:
            ChildImageCheck(limits).to_jpeg(of_many_scans(90, 8000))
        refused.append(caught.value)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 3
    assert ChildImageCheck().to_jpeg(jpeg()).width == 64


def index_of(samples: int) -> bytes:
    """A `moov` that claims so many samples of one byte each."""

    def box(kind: bytes, *parts: bytes) -> bytes:
        body = b"".join(parts)
        return struct.pack(">I", 8 + len(body)) + kind + body

    stsz = box(b"stsz", bytes(4), struct.pack(">II", 1, samples))
    stbl = box(b"minf", box(b"stbl", stsz))
    return box(b"moov", box(b"trak", box(b"mdia", stbl)))


def test_an_index_of_millions_of_samples_is_refused_before_it_is_read() -> None:
    head = struct.pack(">I", 16) + b"ftypisom" + bytes(4)
    content = head + index_of(60_000_000) + struct.pack(">I", 9) + b"mdat" + b"x"

    with pytest.raises(BadContent, match="60,000,000 samples"):
        ChildVideoCheck(VIDEO_LIMITS).inspect(
            io.BytesIO(content), size_bytes=len(content)
        )

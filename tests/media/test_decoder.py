"""The child process that decodes: what it hands back, and what can't outlive it."""

import io
import os
import select
import socket
import struct
import tempfile
import textwrap
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image

from shared.domain.errors import BadContent, Unreachable
from shared.domain.structs import replace
from shared.media import decoder
from shared.media.decoder import (
    IMAGE_LIMITS,
    VIDEO_LIMITS,
    ChildImageCheck,
    ChildVideoCheck,
)
from shared.media.process import DecoderProcess
from tests.media.test_video import video

SMALL = replace(IMAGE_LIMITS, cpu_seconds=2, wall_seconds=30.0)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def decodes_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], DecoderProcess]]:
    """A decoder whose child runs these lines instead."""
    processes: list[DecoderProcess] = []

    def run(lines: str) -> DecoderProcess:
        program = tmp_path / "child.py"
        program.write_text(
            f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
            "from shared.media import child\n"
            f"def answer(kind, source):\n{textwrap.indent(lines, ' ')}\n"
            "child.answer = answer\n"
            "child.main()\n"
        )
        processes.append(DecoderProcess(program))
        monkeypatch.setattr(decoder, "_process", processes[-1])
        return processes[-1]

    yield run
    for process in processes:
        process.end()


def jpeg(side: int = 64, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def on_disk(content: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - its user closes it
    file.write(content)
    file.seek(0)
    return file


def decoded(kind: str) -> Mapping[str, Any]:
    with tempfile.TemporaryFile() as source:
        facts, _ = decoder.decode(kind, source, SMALL)
    return facts


def is_free(fifo: int) -> bool:
    """Whether soon no process has it open for writing."""
    with open(fifo, "rb", buffering=0) as file:
        return bool(select.select([file], [], [], 60)[0])


def test_an_image_comes_back_as_a_jpeg() -> None:
    made = ChildImageCheck().to_jpeg(jpeg())

    assert (made.width, made.height) == (64, 64)
    assert Image.open(io.BytesIO(made.content)).size == (64, 64)


def test_a_video_comes_back_as_its_facts() -> None:
    content = video(audio=True)
    check, size = ChildVideoCheck(), len(content)

    facts = check.inspect(io.BytesIO(content), size_bytes=size)

    with on_disk(content) as file:
        assert check.inspect(file, size_bytes=size) == facts
    assert (facts.width, facts.height, facts.has_audio) == (64, 48, True)
    assert Image.open(io.BytesIO(facts.poster)).size == (64, 48)
    assert facts.duration_seconds == pytest.approx(1.2)


def test_why_an_image_is_refused_is_said() -> None:
    with pytest.raises(BadContent, match="no readable image"):
        ChildImageCheck().to_jpeg(b"not an image")


@pytest.mark.parametrize("more", [-1, 1, 1000])
def test_a_file_of_another_size_than_said_is_refused(more: int) -> None:
    content = video()

    for file in (io.BytesIO(content), on_disk(content)):
        with file, pytest.raises(BadContent, match="not as long"):
            ChildVideoCheck().inspect(file, size_bytes=len(content) + more)


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
    monkeypatch.setattr(decoder, "_process", DecoderProcess(broken))

    with pytest.raises(Unreachable):
        ChildImageCheck().to_jpeg(jpeg())


def test_a_child_whose_limits_the_machine_refuses_is_not_the_contents_fault() -> None:
    """A paid video would be given up, and the next vendor paid."""
    content = video()
    impossible = replace(VIDEO_LIMITS, memory_bytes=1 << 70)

    with pytest.raises(Unreachable):
        ChildVideoCheck(impossible).inspect(
            io.BytesIO(content), size_bytes=len(content)
        )


def test_a_decoder_without_processor_time_is_ended_and_not_the_contents_fault(
    decodes_by: Callable[[str], DecoderProcess], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "held")
    held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    decodes_by(
        "if kind == 'first': return {}, b''\n"
        f"with open({str(tmp_path / 'held')!r}, 'w'): time.sleep(600)"
    )
    decoded("first")

    with pytest.raises(Unreachable):
        ChildImageCheck(replace(SMALL, wall_seconds=1)).to_jpeg(jpeg())

    assert is_free(held)


def test_a_decoder_that_died_is_started_again_and_its_child_ends_with_it(
    decodes_by: Callable[[str], DecoderProcess], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "held")
    held = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    decodes_by(
        "if kind != 'bomb': return {}, b''\n"
        f"with open({str(tmp_path / 'held')!r}, 'w'):\n"
        "    os.kill(os.getppid(), 9)\n"
        "    time.sleep(600)"
    )
    with pytest.raises(Unreachable):
        decoded("bomb")

    assert is_free(held)
    assert decoded("image") == {}


def test_each_content_has_a_child_of_its_own_and_all_of_one_process(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    decodes_by("return {'parent': os.getppid(), 'child': os.getpid()}, b''")

    first, second = decoded("image"), decoded("image")

    assert first["parent"] == second["parent"] != os.getpid()
    assert first["child"] != second["child"]


def test_an_answer_that_nobody_waited_for_is_not_the_next_ones(
    decodes_by: Callable[[str], DecoderProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    decodes_by("return {'kind': kind}, b''")
    send_fds = socket.send_fds

    def interrupted(*args: Any) -> None:
        send_fds(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(socket, "send_fds", interrupted)
        with pytest.raises(KeyboardInterrupt):
            decoded("first")

    assert decoded("second") == {"kind": "second"}


def test_waiting_for_ones_turn_has_a_limit() -> None:
    check = ChildImageCheck(replace(SMALL, queue_seconds=0.1))

    with decoder._one_at_a_time(SMALL), pytest.raises(Unreachable):
        check.to_jpeg(jpeg())


def test_the_child_sees_no_environment_and_no_open_file(
    decodes_by: Callable[[str], DecoderProcess],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RUNWAY_API_KEY", "key_secret")
    decodes_by(
        "files = sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1]\n"
        "kinds = [os.readlink(f'/proc/self/fd/{n}')[:7] for n in files]\n"
        "return {'environment': sorted(os.environ), 'files': files,"
        " 'sockets': kinds.count('socket:')}, b''"
    )
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        seen = decoded("image")

    assert set(seen["environment"]) <= {"LC_CTYPE"}
    assert (seen["files"], seen["sockets"]) == ([0, 1, 2], 0)


def test_a_child_that_writes_without_end_is_stopped(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    """The limit on output is the child's own, set before it sees the content."""
    decodes_by("while True: os.write(1, b'x' * 100_000)")

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

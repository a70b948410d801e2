"""The child process that decodes: its results, its limits and its isolation."""

import io
import os
import select
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from PIL import Image
from structlog.testing import capture_logs

from shared.domain.errors import BadContent, Unreachable
from shared.domain.structs import replace
from shared.media import decoder
from shared.media.decoder import (
    IMAGE_LIMITS,
    VIDEO_LIMITS,
    ChildImageCheck,
    ChildVideoCheck,
    Limits,
)
from shared.media.process import DecoderProcess
from shared.media.self_check import check_decoder
from tests.media.test_image import encoded, photo
from tests.media.test_video import video

SMALL = replace(IMAGE_LIMITS, cpu_seconds=2, wall_seconds=300.0)
JPEG = encoded(photo(), "JPEG")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def decodes_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[str], DecoderProcess]]:
    """Builds a decoder whose child runs the given lines instead."""
    processes: list[DecoderProcess] = []

    def run(lines: str) -> DecoderProcess:
        program = tmp_path / "child.py"
        program.write_text(
            f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
            "from shared.media import child\n"
            f"def decode(kind, source):\n{textwrap.indent(lines, ' ')}\n"
            "child.decode = decode\n"
            "child.main()\n"
        )
        processes.append(DecoderProcess(program))
        monkeypatch.setattr(decoder, "_process", processes[-1])
        return processes[-1]

    yield run
    for process in processes:
        process.end()


def on_disk(content: bytes) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - its user closes it
    file.write(content)
    file.seek(0)
    return file


def decoded(kind: str, limits: Limits = SMALL) -> Mapping[str, Any]:
    with tempfile.TemporaryFile() as source:
        facts, _ = decoder.decode(kind, source, limits)
    return facts


def is_free(fifo: int) -> bool:
    """Whether, within two minutes, no process has it open for writing any more."""
    with open(fifo, "rb", buffering=0) as file:
        # Until it was opened once, it would not say that no writer is left.
        os.close(os.open(f"/proc/self/fd/{fifo}", os.O_WRONLY))
        return bool(select.select([file], [], [], 120)[0])


def test_an_image_is_returned_as_a_jpeg() -> None:
    made = ChildImageCheck().to_jpeg(JPEG)

    assert (made.width, made.height) == (60, 40)
    assert Image.open(io.BytesIO(made.content)).size == (60, 40)


def test_a_videos_facts_are_returned() -> None:
    content = video(audio=True)
    check, size = ChildVideoCheck(), len(content)

    facts = check.inspect(io.BytesIO(content), size_bytes=size)

    with on_disk(content) as file:
        assert check.inspect(file, size_bytes=size) == facts
    assert (facts.width, facts.height, facts.has_audio) == (64, 48, True)
    assert Image.open(io.BytesIO(facts.poster)).size == (64, 48)
    assert facts.duration_seconds == pytest.approx(1.2)


def test_a_refused_images_error_has_the_reason() -> None:
    with pytest.raises(BadContent, match="no readable image"):
        ChildImageCheck().to_jpeg(b"not an image")


@pytest.mark.parametrize("more", [-1, 1, 1000])
def test_a_file_of_another_size_than_announced_is_refused(more: int) -> None:
    content = video()

    for file in (io.BytesIO(content), on_disk(content)):
        with file, pytest.raises(BadContent, match="not as long"):
            ChildVideoCheck().inspect(file, size_bytes=len(content) + more)


class Gone(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise Unreachable("Cloud Storage")


def test_a_failing_storage_does_not_count_against_the_file() -> None:
    with pytest.raises(Unreachable):
        ChildVideoCheck().inspect(Gone(), size_bytes=100)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("return {'bytes': len(bytes(2 * 10**9))}, b''", id="memory"),
        pytest.param(
            "for _ in range(3): os.write(1, bytes(3_000_000))\nreturn {}, b''",
            id="output",
        ),
    ],
)
def test_a_file_that_exceeds_the_limits_is_bad(
    decodes_by: Callable[[str], DecoderProcess], lines: str
) -> None:
    decodes_by(lines)

    with pytest.raises(BadContent):
        decoded("image")


@pytest.mark.parametrize(
    ("program", "why", "exit_code"),
    [
        ("import Pillow", "No module named 'Pillow'", 1),
        ("import os; os.kill(os.getpid(), 9)", "", -9),
        ("raise OSError('/home/ann/' + 'x' * 9_999 + '/it')", "…/it", 1),
    ],
    ids=["import", "killed", "long"],
)
def test_a_decoder_that_does_not_start_is_logged_and_does_not_count_against_the_file(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    program: str,
    why: str,
    exit_code: int,
) -> None:
    broken = tmp_path / "child.py"
    broken.write_text(program)
    monkeypatch.setattr(decoder, "_process", DecoderProcess(broken))

    with capture_logs() as lines, pytest.raises(Unreachable):
        ChildImageCheck().to_jpeg(JPEG)

    (line,) = lines
    assert (line["event"], line["log_level"]) == ("decoder_not_started", "error")
    assert line["exit_code"] == exit_code
    assert why in line["why"]
    assert len(line["why"]) <= 500
    assert str(tmp_path.parent) not in line["why"]


@pytest.mark.parametrize("seconds_left", [0, 0.01])
def test_a_decoder_that_starts_slowly_leaves_less_time_to_decode(
    decodes_by: Callable[[str], DecoderProcess],
    monkeypatch: pytest.MonkeyPatch,
    seconds_left: float,
) -> None:
    """Otherwise another worker would begin the same check while this one goes on."""
    decodes_by("time.sleep(10_000)")
    at = iter([0, 10_000 - seconds_left])
    monkeypatch.setattr("shared.media.process.monotonic", lambda: next(at))

    with pytest.raises(Unreachable, match="in time"):
        decoded("image", replace(SMALL, wall_seconds=10_000))


def test_the_self_check_decodes_an_image_and_a_video(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds: list[str] = []
    decode = decoder.decode

    def recorded(kind: str, *args: Any) -> Any:
        kinds.append(kind)
        return decode(kind, *args)

    monkeypatch.setattr(decoder, "decode", recorded)

    check_decoder()

    assert kinds == ["image", "video"]


@pytest.mark.parametrize("refused", ["image", "video"])
def test_the_self_check_fails_if_a_good_file_is_refused(
    decodes_by: Callable[[str], DecoderProcess], refused: str
) -> None:
    sides = dict.fromkeys(("width", "height", "source_width", "source_height"), 16)
    decodes_by(f"if kind == {refused!r}: os._exit(1)\nreturn {sides}, b''")

    with pytest.raises(Unreachable, match="refuses a good file"):
        check_decoder()


def test_what_a_file_makes_the_decoder_write_is_not_logged(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    decodes_by(
        "os.write(2, b'a secret')\n"
        "if kind == 'bomb': os.kill(os.getppid(), 9)\n"
        "return {'stderr': os.readlink('/proc/self/fd/2')}, b''"
    )

    assert decoded("image") == {"stderr": os.devnull}
    with capture_logs() as lines, pytest.raises(Unreachable):
        decoded("bomb")

    # It had started, so this is not a failure to start.
    assert lines == []


def test_a_refusal_to_set_limits_does_not_count_against_the_file() -> None:
    """Else a paid video would be given up, and the next vendor paid."""
    with pytest.raises(Unreachable):
        decoded("video", replace(VIDEO_LIMITS, memory_bytes=1 << 70))


def test_a_full_disk_does_not_count_against_the_file(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    """Where the child writes what it found; else as above, and a good image would be
    refused.
    """
    process = decodes_by("return {}, b'a jpeg'")

    with (
        tempfile.TemporaryFile() as source,
        open("/dev/full", "r+b", buffering=0) as full,
        pytest.raises(Unreachable),
    ):
        process.decode("video", (2, 1 << 31, 1000), (source, full), wall_seconds=300)


def test_a_decoder_out_of_wall_time_is_ended_and_does_not_count_against_the_file(
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
        decoded("image", replace(SMALL, wall_seconds=1))

    assert is_free(held)


def test_a_decoder_that_died_is_restarted_and_its_child_ends_with_it(
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


def test_each_file_has_its_own_child_of_the_same_process(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    decodes_by("return {'parent': os.getppid(), 'child': os.getpid()}, b''")

    first, second = decoded("image"), decoded("image")

    assert first["parent"] == second["parent"] != os.getpid()
    assert first["child"] != second["child"]


def test_a_response_that_was_not_awaited_is_not_taken_for_the_next_one(
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


def test_waiting_for_a_turn_has_a_limit() -> None:
    with decoder._one_at_a_time(SMALL), pytest.raises(Unreachable):
        decoded("image", replace(SMALL, queue_seconds=0.1))


def test_the_child_sees_no_environment_and_no_open_file(
    decodes_by: Callable[[str], DecoderProcess], monkeypatch: pytest.MonkeyPatch
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


def test_the_child_finds_modules_where_this_process_does(
    decodes_by: Callable[[str], DecoderProcess],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Google's buildpack installs packages where an isolated Python doesn't look."""
    (tmp_path / "only_here.py").write_text("FOUND = 'here'")
    monkeypatch.syspath_prepend(tmp_path)
    decodes_by("import only_here\nreturn {'found': only_here.FOUND}, b''")

    assert decoded("image") == {"found": "here"}


def is_isolation_possible() -> bool:
    # A process of its own, because gRPC starts threads in a fork of this one.
    probe = "import shared.media.child as child; raise SystemExit(not child.isolate())"
    return subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def test_a_file_that_takes_over_the_child_reaches_no_network_and_no_keys(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    # Where the system allows no namespaces, files are decoded without them.
    refused = True if is_isolation_possible() else None
    tried = """
        import pathlib, socket
        def fails(attempt):
            try: attempt()
            except OSError: return True
        return {
            "network": fails(lambda: socket.create_connection(('127.0.0.1', PORT))),
            "keys": fails(pathlib.Path('/proc/WORKER/environ').read_bytes),
            "own": fails(pathlib.Path('/proc/self/environ').read_bytes),
        }, b''
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, worker = server.getsockname()[1], os.getpid()
        lines = tried.replace("PORT", str(port)).replace("WORKER", str(worker))
        decodes_by(textwrap.dedent(lines))

        seen = decoded("image")

    assert seen == {"network": refused, "keys": refused, "own": None}


def test_after_several_decompression_bombs_an_image_is_decoded(
    decodes_by: Callable[[str], DecoderProcess],
) -> None:
    decodes_by("while kind == 'bomb': pass\nreturn {}, b''")
    limits = replace(SMALL, cpu_seconds=1, queue_seconds=900.0)

    def send(_: int) -> None:
        with pytest.raises(BadContent):
            decoded("bomb", limits)

    with ThreadPoolExecutor(3) as users:
        assert len(list(users.map(send, range(3)))) == 3
    assert decoded("image") == {}

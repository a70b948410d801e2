"""Callers who announce a body and then take their time, over real sockets."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest

from local.functions import command as function_command
from local.processes import Program, Running, answers, free_port, wait_until
from local.stack import ROOT

THREADS = 4
PATIENT_SECONDS = 60.0
SOURCE = ROOT / "tests" / "functions" / "served.py"
JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: multipart/form-data; boundary=b\r\n"


def token(user: str) -> str:
    return f"Authorization: Bearer {user}\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    program = Program(
        name="served",
        command=function_command("served", port, SOURCE),
        environment=os.environ | {"PYTHONPATH": str(ROOT), "THREADS": str(THREADS)},
        log=tmp_path_factory.mktemp("served") / "served.log",
    )
    running = Running(program)
    try:
        wait_until(answers(f"http://127.0.0.1:{port}/open"), running)
        yield port
    finally:
        running.end()


def begin(
    port: int, path: str, headers: str, body: bytes = b"", length: int = 90_000
) -> socket.socket:
    """A request that announces `length` bytes and sends `body`."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENT_SECONDS)
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{headers}"
    connection.sendall(f"{head}\r\n".encode() + body)
    return connection


def status(connection: socket.socket) -> int:
    """Waits for it; the connection ends with the answer."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        pytest.param("/nothing", "", {404}, id="nothing is there"),
        pytest.param("/count", JSON, {401}, id="no token"),
        pytest.param("/open", "", {405}, id="another method"),
        # Cut off, or one of more than a user may send at once.
        pytest.param("/count", token("ann") + JSON, {400, 429}, id="JSON"),
        pytest.param("/take", token("ann") + FORM, {400, 429}, id="a form"),
    ],
)
def test_who_keeps_silent_keeps_nobody_else_from_the_service(
    port: int, path: str, headers: str, expected: set[int]
) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(begin(port, path, headers)) for _ in range(3 * THREADS)
        ]

        with urlopen(f"http://127.0.0.1:{port}/open", timeout=PATIENT_SECONDS) as given:
            assert given.status == 200
        assert {status(connection) for connection in silent} <= expected


def test_a_stranger_is_answered_without_a_byte_of_the_body(port: int) -> None:
    """The answer comes while the body is still to be sent."""
    with begin(port, "/count", JSON) as connection:
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_what_is_too_large_is_refused_without_a_byte_of_the_body(port: int) -> None:
    with begin(port, "/count", token("ann") + JSON, length=100_001) as connection:
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [("/nothing", "", 404), ("/count", token("ann") + JSON, 400)],
    ids=["a stranger", "a user"],
)
def test_a_body_in_drops_comes_to_an_end(
    port: int, path: str, headers: str, expected: int
) -> None:
    with begin(port, path, headers) as connection, dripping(connection):
        assert status(connection) == expected


def test_a_second_large_body_of_one_user_waits_for_none_of_another(port: int) -> None:
    large = 1_000_000
    first = begin(port, "/take", token("ann") + JSON, length=large)
    with first, dripping(first):
        body = b'{"a": "' + b"x" * (large - 9) + b'"}'
        with begin(port, "/take", token("bob") + JSON, body, large) as bobs:
            assert bobs.recv(12) == b"HTTP/1.1 200"
        with begin(port, "/take", token("ann") + JSON, length=large) as second:
            assert status(second) == 429
        assert status(first) == 400


class dripping:  # noqa: N801 - reads as a verb in `with`
    """Sends a byte now and then, for as long as the block lasts."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._over = connection, threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def _drip(self) -> None:
        while not self._over.wait(0.05):
            try:
                self._connection.sendall(b" ")
            except OSError:
                return

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

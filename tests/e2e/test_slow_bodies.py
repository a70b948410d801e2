"""Clients that send bodies slowly or never hang up, over real sockets."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from select import select
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from functions.http.receiving import SMALL_BODY_BYTES
from local.functions import command as function_command
from local.processes import RunningProcess, answers, free_port, wait_until
from local.stack import ROOT, Stack

THREADS = 4
PATIENT_SECONDS = 200.0
SOURCE = ROOT / "tests" / "functions" / "served.py"
JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: multipart/form-data; boundary=b\r\n"


def token(user: str) -> str:
    return f"Authorization: Bearer {user}\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with RunningProcess(
        function_command("served", port, SOURCE),
        environment=os.environ | {"PYTHONPATH": str(ROOT), "THREADS": str(THREADS)},
        log=tmp_path_factory.mktemp("served") / "served.log",
    ) as running:
        wait_until(answers(f"http://127.0.0.1:{port}/open"), running)
        yield port


def begin(
    port: int, path: str, headers: str, body: bytes = b"", length: int = 90_000
) -> socket.socket:
    """Begin a request that announces `length` bytes and sends only `body`."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENT_SECONDS)
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n{headers}"
    connection.sendall(f"{head}\r\n".encode() + body)
    return connection


def status(connection: socket.socket) -> int:
    """Wait for the answer's status; the connection closes after the answer."""
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
        # Cut off, or more than a user may send at once.
        pytest.param("/count", token("ann") + JSON, {400, 429}, id="JSON"),
        pytest.param("/take", token("ann") + FORM, {400, 429}, id="a form"),
    ],
)
def test_silent_clients_do_not_block_others(
    port: int, path: str, headers: str, expected: set[int]
) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(begin(port, path, headers)) for _ in range(3 * THREADS)
        ]

        with urlopen(f"http://127.0.0.1:{port}/open", timeout=PATIENT_SECONDS) as given:
            assert given.status == 200
        assert {status(connection) for connection in silent} <= expected


def test_a_stranger_is_answered_before_sending_a_byte_of_the_body(port: int) -> None:
    """The answer arrives before any of the body is sent."""
    with begin(port, "/count", JSON) as connection:
        assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_body_that_is_too_large_is_refused_before_a_byte_is_sent(port: int) -> None:
    length = SMALL_BODY_BYTES + 1
    with begin(port, "/count", token("ann") + JSON, length=length) as connection:
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_a_body_that_is_sent_although_it_is_refused_does_not_lose_the_answer(
    port: int,
) -> None:
    """The server reads on: else its end of the connection would be reset."""
    body = bytes(12_000_000)
    with begin(port, "/count", token("ann") + JSON, body, len(body)) as connection:
        assert status(connection) == 413


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [("/nothing", "", 404), ("/count", token("ann") + JSON, 400)],
    ids=["a stranger", "a user"],
)
def test_a_body_that_drips_in_is_ended(
    port: int, path: str, headers: str, expected: int
) -> None:
    with begin(port, path, headers) as connection, dripping(connection):
        assert status(connection) == expected


def test_a_large_body_does_not_wait_for_another_users(port: int) -> None:
    large = 1_000_000
    with begin(port, "/await", token("ann") + JSON, length=large) as one:
        body = b'{"a": "' + b"x" * (large - 9) + b'"}'
        with begin(port, "/await", token("bob") + JSON, body, large) as bobs:
            assert bobs.recv(12) == b"HTTP/1.1 200"
        with begin(port, "/await", token("ann") + JSON, length=large) as other:
            # Either one: the server's threads need not begin in the order of arrival.
            (refused,), _, _ = select([one, other], [], [], PATIENT_SECONDS)
            assert status(refused) == 429


@contextmanager
def dripping(connection: socket.socket) -> Iterator[None]:
    """Send a byte every 0.05 s during the block."""
    over = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            while not over.wait(0.05):
                connection.sendall(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_clients_that_never_hang_up_do_not_delay_others(stack: Stack) -> None:
    """Else gunicorn would accept no connection for two seconds for each of them."""
    api = stack.addresses["api"]
    here = urlsplit(api)
    request = (
        f"GET /health HTTP/1.1\r\nHost: {here.netloc}\r\nConnection: close\r\n\r\n"
    )
    with ExitStack() as held:
        for _ in range(40):
            connection = socket.create_connection((here.hostname, here.port))
            held.enter_context(connection).sendall(request.encode())

        with urlopen(f"{api}/health", timeout=PATIENT_SECONDS) as given:
            assert given.status == 200

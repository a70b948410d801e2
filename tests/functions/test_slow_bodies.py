"""Callers who announce a body and then take their time, over real sockets."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from local.functions import command as function_command
from local.processes import Program, Running, answers, free_port, wait_until
from local.stack import ROOT

THREADS = 4
PATIENT_SECONDS = 60.0
SOURCE = Path(__file__).with_name("served.py")
ANN = "Authorization: Bearer ann\r\n"
JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: multipart/form-data; boundary=b\r\n"


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


def begin(port: int, path: str, headers: str, body: bytes = b"") -> socket.socket:
    """A request that announces 31 MB and sends `body` of them."""
    connection = socket.create_connection(("127.0.0.1", port), PATIENT_SECONDS)
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 29000000\r\n{headers}"
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
        pytest.param("/nothing", "", 404, id="nothing is there"),
        pytest.param("/count", JSON, 401, id="no token"),
        pytest.param("/open", "", 405, id="another method"),
        pytest.param("/count", ANN + JSON, 400, id="JSON"),
        pytest.param("/take", ANN + FORM, 400, id="a form"),
    ],
)
def test_who_keeps_silent_keeps_nobody_else_from_the_service(
    port: int, path: str, headers: str, expected: int
) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(begin(port, path, headers)) for _ in range(3 * THREADS)
        ]

        with urlopen(f"http://127.0.0.1:{port}/open", timeout=PATIENT_SECONDS) as given:
            assert given.status == 200
        assert [status(connection) for connection in silent] == [expected] * len(silent)


@pytest.mark.parametrize(
    ("headers", "expected"), [("", 404), (ANN + JSON, 400)], ids=["nobody", "Ann"]
)
def test_a_body_in_drops_comes_to_an_end(
    port: int, headers: str, expected: int
) -> None:
    path, over = "/count" if headers else "/nothing", threading.Event()

    def drip(connection: socket.socket) -> None:
        while not over.wait(0.05):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    with begin(port, path, headers) as connection:
        dripping = threading.Thread(target=drip, args=(connection,))
        dripping.start()
        try:
            assert status(connection) == expected
        finally:
            over.set()
            dripping.join()

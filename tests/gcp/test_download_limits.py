"""Downloading files: time limits."""

import socket
import ssl
import threading
import time
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from shared.domain.errors import Unreachable
from shared.gcp import pinned_connection
from shared.gcp.web_download import PublicWeb
from shared.ports.providers import WebFile
from tests.gcp.internet import Internet
from tests.gcp.small_web import (
    HOST,
    MAX_BYTES,
    PUBLIC,
    Site,
    Trust,
    answered,
    fetch,
    raw,
)


def test_a_silent_server_is_unreachable(
    web: PublicWeb, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned_connection, "SOCKET_SECONDS", 0.2)
    site.answer, site.stalls = (lambda _: raw(b"", "Content-Length: 5")), True

    with pytest.raises(Unreachable, match="TimeoutError"):
        fetch(web, f"https://{HOST}/")


def test_a_server_that_does_not_complete_tls_is_unreachable(
    web: PublicWeb, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinned_connection, "SOCKET_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        internet.routes[PUBLIC] = silent.getsockname()[1]

        with pytest.raises(Unreachable, match="TimeoutError"):
            fetch(web, f"https://{HOST}/")


class DrippingHandshake(Site):
    """Sends the longest record that TLS has, a byte at a time."""

    def reads(self) -> bool:
        (connection,) = self.accepted
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not self.released.wait(0.02):
            connection.sendall(b"x")
        return False


def test_a_handshake_that_drips_is_ended_by_the_total_limit(
    trust: Trust, internet: Internet
) -> None:
    with DrippingHandshake() as server:
        internet.routes[PUBLIC] = server.server_port

        with pytest.raises(Unreachable):
            fetch(PublicWeb(tls=trust.client(), total_seconds=0.5), f"https://{HOST}/")


@pytest.mark.usefixtures("site")
def test_a_handshake_has_the_time_that_its_connection_left(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, wrap = socket.create_connection, pinned_connection._wrap_tls
    seconds = []

    def connect_slowly(*wanted: Any) -> socket.socket:
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 295)
        monkeypatch.setattr(pinned_connection, "time", later)
        return connect(*wanted)

    def record(plain: socket.socket, *rest: Any) -> ssl.SSLSocket:
        seconds.append(plain.gettimeout() or 999)
        return wrap(plain, *rest)

    monkeypatch.setattr(socket, "create_connection", connect_slowly)
    monkeypatch.setattr(pinned_connection, "_wrap_tls", record)
    fetch(PublicWeb(tls=trust.client(), total_seconds=300), f"https://{HOST}/")

    assert [each <= 5 for each in seconds] == [True]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="its head"),
        pytest.param(raw(b"", "Content-Length: 500000"), id="its body"),
    ],
)
def test_a_server_that_drips_is_ended_by_the_total_limit(
    trust: Trust, site: Site, answer: bytes
) -> None:
    def start(_: str) -> bytes:
        return answer

    site.answer, site.drips = start, True

    # Without the limit it would drip until the test is stopped.
    with pytest.raises(Unreachable):
        fetch(PublicWeb(tls=trust.client(), total_seconds=0.5), f"https://{HOST}/")


def test_a_silent_name_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def getaddrinfo(*_: object, **__: object) -> NoReturn:
        released.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable):
        fetch(PublicWeb(total_seconds=0.2), f"https://{HOST}/")

    released.set()


def test_no_connection_is_awaited_beyond_the_total_limit(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet.zone[HOST] = [[PUBLIC, "93.184.215.1"]]
    waits = []

    def create_connection(_: tuple[str, int], seconds: float) -> NoReturn:
        waits.append(seconds)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.setattr(pinned_connection, "SOCKET_SECONDS", 1000)
    with pytest.raises(Unreachable):
        fetch(PublicWeb(total_seconds=500), f"https://{HOST}/")

    assert [0 < seconds <= 500 for seconds in waits] == [True, True]


def test_a_slow_reader_is_ended_by_the_total_limit(
    web: PublicWeb, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.answer = lambda _: answered(b"x" * 900_000)
    chunks = web.stream(WebFile(url=f"https://{HOST}/"), max_bytes=MAX_BYTES)
    next(chunks)
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 3600)
    monkeypatch.setattr(pinned_connection, "time", later)

    with pytest.raises(Unreachable):
        list(chunks)

"""A simulated internet: names and IP addresses that lead to servers on this machine.

It replaces as little of Python as possible: the look-up in `socket.getaddrinfo`, and
the place where a socket connects.
"""

import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

IpAddresses = Sequence[str]


class Escaped(BaseException):
    """A forbidden connection was opened; no handler of `Exception` can hide it."""


@dataclass(slots=True)
class Internet:
    """Names, routes, and a record of what was looked up and connected to.

    `zone` has each name's answers, one per look-up; the last one repeats.
    `routes` maps an IP address, with or without a port, to a port on this machine.
    `escaped` has connections that only this last guard refused. `bystanders` are the
    threads of other tests' servers, which aren't watched.
    """

    zone: dict[str, Sequence[IpAddresses]] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    bystanders: frozenset[threading.Thread] = field(
        default_factory=lambda: (
            frozenset(threading.enumerate()) - {threading.current_thread()}
        )
    )
    looked_up: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)

    def look_up(self, host: str) -> IpAddresses:
        name = host.rstrip(".").lower()
        self.looked_up.append(name)
        answers = self.zone.get(name, [[]])
        return answers[min(self.looked_up.count(name), len(answers)) - 1]

    def connect(self, plain: socket.socket, address: tuple[Any, ...]) -> None:
        if threading.current_thread() in self.bystanders:
            super(socket.socket, plain).connect(address)
            return
        wanted = f"{address[0]}:{address[1]}"
        self.opened.append(wanted)
        port = self.routes.get(wanted, self.routes.get(address[0]))
        if port is None:
            self.escape(wanted)
        super(socket.socket, plain).connect(("127.0.0.1", port))

    def audit(self, event: str, address: Any) -> None:
        """Called by the interpreter for every socket, however the code obtained it."""
        if threading.current_thread() in self.bystanders:
            return
        is_ours = event == "socket.connect" and address[0] == "127.0.0.1"
        if not is_ours or address[1] not in self.routes.values():
            self.escape(str(address))

    def escape(self, address: str) -> None:
        self.escaped.append(address)
        raise Escaped(address)


_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_watching: list[Internet] = []


@cache
def _install_audit() -> None:
    """Once per process: an audit hook can't be removed."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _watching and event in _EVENTS:
            _watching[-1].audit(event, arguments[1])

    sys.addaudithook(hook)


@contextmanager
def watching(internet: Internet) -> Iterator[None]:
    _install_audit()
    _watching.append(internet)
    try:
        yield
    finally:
        _watching.remove(internet)


@contextmanager
def leading_to(internet: Internet) -> Iterator[None]:
    """Make all of this process's names and connections lead to `internet`, watched."""
    look_up = socket.getaddrinfo

    def getaddrinfo(
        host: str, port: int, family: int = 0, type: int = 0, *rest: int
    ) -> list[Any]:
        try:
            # Accepts 127.1 and 0x7f000001 as addresses, as the system does.
            return look_up(host, port, family, type, 0, socket.AI_NUMERICHOST)
        except socket.gaierror:
            ips = internet.look_up(host)
            if not ips:
                raise
        return [found for ip in ips for found in look_up(ip, port, family, type)]

    def connect(plain: socket.socket, address: tuple[Any, ...]) -> None:
        internet.connect(plain, address)

    with pytest.MonkeyPatch.context() as patch, watching(internet):
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        patch.setattr(socket.socket, "connect", connect)
        yield

"""A name server that may change its mind, and a watch on all that a process opens.

Nothing of Python's own is skipped: names are looked up where `socket.getaddrinfo`
would ask the system, connections are watched where a socket opens them.
"""

import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dnslib import QTYPE, RR, DNSRecord  # type: ignore[import-untyped] # has no types

# Records of a name, as in a zone file: "A 93.184.215.14", "CNAME other.example".
Records = Sequence[str]


class Escaped(BaseException):
    """Something was opened that must not be; no handler of ours may hide it."""


@dataclass(slots=True)
class Names:
    """`zone`: for each name its answers, one a look-up; the last one stays."""

    zone: dict[str, Sequence[Records]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, question: bytes) -> bytes:
        asked = DNSRecord.parse(question)
        name, kind = str(asked.q.qname).rstrip(".").lower(), QTYPE[asked.q.qtype]
        if kind == "A":
            self.asked.append(name)
        reply = asked.reply()
        reply.add_answer(*RR.fromZone("\n".join(self._chain(name, kind))))
        return bytes(reply.pack())

    def _chain(self, name: str, kind: str) -> Iterator[str]:
        """What is known of `name`, with what its aliases lead to."""
        for record in self._records(name):
            if record.startswith(f"{kind} "):
                yield f"{name}. 0 IN {record}"
            elif record.startswith("CNAME "):
                alias = record.removeprefix("CNAME ")
                yield f"{name}. 0 IN CNAME {alias}."
                yield from self._chain(alias, kind)

    def _records(self, name: str) -> Records:
        answers = self.zone.get(name, [[]])
        return answers[min(self.asked.count(name), len(answers)) - 1]


@contextmanager
def serving_names(names: Names) -> Iterator[None]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            question, ours = self.request
            ours.sendto(names.answer(question), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Handler) as server:
        names.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def looking_up(names: Names) -> Callable[..., list[Any]]:
    """`getaddrinfo` as the system has it, but for whom it asks."""
    real = socket.getaddrinfo

    def getaddrinfo(
        host: str, port: int, family: int = 0, type: int = 0, *rest: int
    ) -> list[Any]:
        try:
            # Takes 127.1 and 0x7f000001 for addresses, as the system does.
            return real(host, port, family, type, 0, socket.AI_NUMERICHOST)
        except socket.gaierror:
            ips = [ip for kind in ("A", "AAAA") for ip in _ask(names, host, kind)]
        if not ips:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [found for ip in ips for found in real(ip, port, family, type)]

    return getaddrinfo


def _ask(names: Names, host: str, kind: str) -> Iterator[str]:
    question = DNSRecord.question(host, kind)
    answer = DNSRecord.parse(question.send("127.0.0.1", names.port, timeout=10))
    yield from (str(rr.rdata) for rr in answer.rr if QTYPE[rr.rtype] == kind)


@dataclass(slots=True)
class Wire:
    """Where connections may go: each `routes` address leads to a server of ours.

    `opened`: what was asked for. `escaped`: what was refused here, the last guard.
    `bystanders`: threads of other tests' servers, who go on with their own work.
    """

    names: Names
    routes: Mapping[str, int]
    bystanders: frozenset[threading.Thread] = field(
        default_factory=lambda: (
            frozenset(threading.enumerate()) - {threading.current_thread()}
        )
    )
    opened: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)

    def connect(self, plain: socket.socket, address: tuple[Any, ...]) -> None:
        if threading.current_thread() in self.bystanders:
            super(socket.socket, plain).connect(address)
            return
        asked = f"{address[0]}:{address[1]}"
        self.opened.append(asked)
        port = self.routes.get(asked, self.routes.get(address[0]))
        if port is None:
            self.escape(asked)
        super(socket.socket, plain).connect(("127.0.0.1", port))

    def audit(self, event: str, plain: socket.socket, address: Any) -> None:
        """What no override can hide: it is told by the interpreter itself."""
        if threading.current_thread() in self.bystanders:
            return
        if event == "socket.connect":
            allowed = list(self.routes.values())
        elif plain.getsockname()[1] == self.names.port:
            return  # the name server's own answer
        else:
            allowed = [self.names.port]
        if address[0] != "127.0.0.1" or address[1] not in allowed:
            self.escape(str(address))

    def escape(self, asked: str) -> None:
        self.escaped.append(asked)
        raise Escaped(asked)


_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_watching: list[Wire] = []


def install_audit() -> None:
    """Once for a process: an audit hook can't be taken out again."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _watching and event in _EVENTS:
            _watching[-1].audit(event, *arguments)

    sys.addaudithook(hook)


@contextmanager
def watching(wire: Wire) -> Iterator[None]:
    _watching.append(wire)
    try:
        yield
    finally:
        _watching.remove(wire)

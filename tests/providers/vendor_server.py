"""A vendor on 127.0.0.1 with scripted answers, which records requests."""

import gzip
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.fakes.raw_server import RawServer, Received

# Nothing listens on port 1.
CLOSED_PORT_URL = "http://127.0.0.1:1"


class Conduct(StrEnum):
    ANSWER = "answer"
    HANG = "hang"
    DROP_UNREAD = "drop_unread"
    DROP_READ = "drop_read"
    FLOOD = "flood"
    DRIP_HEAD = "drip_head"
    DRIP_BODY = "drip_body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to every request; a `body` that isn't a str is sent as JSON."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    conduct: Conduct = Conduct.ANSWER

    def head_and_content(self) -> tuple[bytes, bytes]:
        is_text = isinstance(self.body, str)
        text = self.body if is_text else json.dumps(self.body)
        content = b"" if self.body is None else str(text).encode()
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.compress(content)
        kind = "text/html" if is_text else "application/json"
        headers = {**self.headers, "Content-Type": kind}
        if self.status != 204:
            headers["Content-Length"] = str(len(content))
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {self.status} Text", *lines, "", ""])
        return head.encode(), content


class Vendor(RawServer):
    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.reply = reply
        self.while_dripping: Callable[[], object] = lambda: self.released.wait(0.3)

    @property
    def connections(self) -> int:
        return len(self.accepted)

    def posts(self) -> list[Received]:
        return [each for each in self.received if each.method == "POST"]

    def reads(self) -> bool:
        return self.reply.conduct is not Conduct.DROP_UNREAD

    def keeps(self) -> bool:
        return self.reply.conduct is Conduct.ANSWER

    def respond(self, request: Received) -> Iterator[bytes]:
        head, content = self.reply.head_and_content()
        match self.reply.conduct:
            case Conduct.ANSWER:
                yield head + content
            case Conduct.HANG:
                self.released.wait()
            case Conduct.FLOOD:
                yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
                yield b'{"id": "x", "name": "'
                while True:  # until the client hangs up
                    yield b"x" * 65536
            case Conduct.DRIP_HEAD | Conduct.DRIP_BODY as conduct:
                at = 20 if conduct is Conduct.DRIP_HEAD else len(head) + 1
                yield (head + content)[:at]
                self.while_dripping()
                yield (head + content)[at:]

"""Clients that cost little: they share the machine with what they measure."""

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.bench.figures import percentile
from local.bench.stand import Function


@dataclass(frozen=True, slots=True)
class Asked:
    """`body` is None for a GET."""

    path: str
    token: str = ""
    body: bytes | None = None

    def bytes(self, host: str) -> bytes:
        lines = [f"{'GET' if self.body is None else 'POST'} {self.path} HTTP/1.1"]
        lines += [f"Host: {host}", f"Authorization: Bearer {self.token}"]
        if self.body is not None:
            length = len(self.body)
            lines += ["Content-Type: application/json", f"Content-Length: {length}"]
        return "\r\n".join([*lines, "", ""]).encode() + (self.body or b"")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of some seconds: good answers a second, the p99 of the wait for any
    answer, CPU for each good one, and the share that was refused.
    """

    per_second: float
    p99_seconds: float
    cpu_ms: float
    refused: float


def submission(token: str) -> Asked:
    body = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
    return Asked("/v1/videos", token, json.dumps(body).encode())


def load(
    function: Function,
    asked: Sequence[Asked],
    *,
    clients: int,
    status: int,
    seconds: float,
) -> Load:
    """`clients` that ask again and again; an answer of another status is a refusal."""
    host = urlsplit(function.address).netloc
    requests = [each.bytes(host) for each in asked]
    ends_at, began_cpu = time.monotonic() + seconds, function.cpu_seconds()

    def ask(nth: int) -> list[tuple[float, bool]]:
        answers = []
        with _Connection(host) as connection:
            while (began := time.monotonic()) < ends_at:
                answered = connection.ask(requests[nth % len(requests)])
                answers.append((time.monotonic() - began, answered == status))
                nth += clients
        return answers

    with ThreadPoolExecutor(clients) as threads:
        answers = [
            each for client in threads.map(ask, range(clients)) for each in client
        ]
    cpu, good = (
        function.cpu_seconds() - began_cpu,
        sum(is_good for _, is_good in answers),
    )
    return Load(
        per_second=good / seconds,
        p99_seconds=percentile([wait for wait, _ in answers], 99),
        cpu_ms=1000 * cpu / max(good, 1),
        refused=1 - good / len(answers),
    )


class _Connection:
    """One that is kept alive; opened again where the server has closed it."""

    def __init__(self, host: str) -> None:
        self._http = http.client.HTTPConnection(host, timeout=60)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def ask(self, request: bytes) -> int:
        if self._http.sock is None:
            self._http.connect()
        self._http.sock.sendall(request)
        answer = http.client.HTTPResponse(self._http.sock)
        answer.begin()
        answer.read()
        if answer.will_close:
            self._http.close()
        return answer.status

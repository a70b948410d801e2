"""Cheap load generators, since they share the machine with what they measure."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection

from local.bench.figures import percentile
from local.bench.rig import Function


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """`body`: None for a GET."""

    path: str
    token: str
    body: bytes | None = None

    def send(self, connection: HTTPConnection) -> tuple[int, bytes]:
        """Return the response's status and body. Reopens a closed connection."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        method = "GET" if self.body is None else "POST"
        connection.request(method, self.path, self.body, headers)
        response = connection.getresponse()
        return response.status, response.read()


@dataclass(frozen=True, slots=True)
class Load:
    """A load test's result: good responses a second, the p99 latency of all responses,
    CPU time per good one, and the share that was refused.
    """

    per_second: float
    p99_seconds: float
    cpu_ms: float
    refused: float


def submission(token: str) -> BenchRequest:
    body = {"prompt": "a cat", "image_url": "https://example.com/cat.jpg"}
    return BenchRequest("/v1/videos", token, json.dumps(body).encode())


def load(
    function: Function,
    requests: Sequence[BenchRequest],
    *,
    clients: int,
    status: int,
    seconds: float,
) -> Load:
    """Run `clients` that send requests in turn; any other status counts as refused."""
    ends_at, began_cpu = time.monotonic() + seconds, function.cpu_seconds()

    def send_all(nth: int) -> list[tuple[float, bool]]:
        results = []
        with closing(function.connection()) as connection:
            while (began := time.monotonic()) < ends_at:
                received, _ = requests[nth % len(requests)].send(connection)
                results.append((time.monotonic() - began, received == status))
                nth += clients
        return results

    with ThreadPoolExecutor(clients) as threads:
        results = [
            each for client in threads.map(send_all, range(clients)) for each in client
        ]
    cpu, good = (
        function.cpu_seconds() - began_cpu,
        sum(is_good for _, is_good in results),
    )
    return Load(
        per_second=good / seconds,
        p99_seconds=percentile([wait for wait, _ in results], 99),
        cpu_ms=1000 * cpu / max(good, 1),
        refused=1 - good / len(results),
    )

"""The time from process start to first response, compared to a bare function."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path

from local.bench.figures import alternating, print_compared
from local.bench.load import BenchRequest, submission
from local.bench.rig import BARE, OURS, Function, Rig


@dataclass(frozen=True, slots=True)
class Start:
    seconds: float
    cpu_seconds: float
    resident_mb: float


def measure(rig: Rig, rounds: int) -> None:
    request = submission(rig.token("cold"))
    for source in (BARE, OURS):  # compiles the packages, not counted
        first_response(rig, "api", source, request, 202)
    bare, ours = alternating(
        rounds,
        partial(first_response, rig, "api", BARE, request, 202),
        partial(first_response, rig, "api", OURS, request, 202),
    )
    print_start("cold_start_api", "the bare function", bare, ours)


def print_start(
    name: str, reference: str, references: Sequence[Start], ours: Sequence[Start]
) -> None:
    rows = (
        (name, "s", attrgetter("seconds"), "at most 1.15"),
        (f"{name}_cpu", "s", attrgetter("cpu_seconds"), "at most 1.15"),
        (f"{name}_memory", "MB", attrgetter("resident_mb"), ""),
    )
    print_compared(reference, references, ours, rows)


def first_response(
    rig: Rig,
    target: str,
    source: Path,
    request: BenchRequest,
    status: int,
    environ: Mapping[str, str] | None = None,
) -> Start:
    began = time.monotonic()
    with rig.function(target, source, environ, waits=False) as function:
        received, content = _send_when_up(function, request)
        seconds = time.monotonic() - began
        if received != status:
            raise RuntimeError(f"{received}: {content!r}")
        return Start(seconds, function.cpu_seconds(), function.resident_mb())


def _send_when_up(function: Function, request: BenchRequest) -> tuple[int, bytes]:
    while True:
        try:
            with closing(function.connection()) as connection:
                return request.send(connection)
        except ConnectionError:
            time.sleep(0.005)

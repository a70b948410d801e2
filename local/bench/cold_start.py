"""From the start of a process to its first answer, beside a bare function."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType

import requests

from local import functions
from local.bench.figures import alternating, print_beside
from local.bench.load import Asked, submission
from local.bench.stand import BARE, OURS, Function, Stand
from local.processes import Program, Running, free_port


@dataclass(frozen=True, slots=True)
class Start:
    seconds: float
    cpu_seconds: float
    resident_mb: float


def measure(stand: Stand, rounds: int) -> None:
    asked = submission(stand.token("cold"))
    for source in (BARE, OURS):  # compiles the packages: not counted
        first_answer(stand, "api", source, asked, 202)
    bare, ours = alternating(
        rounds,
        partial(first_answer, stand, "api", BARE, asked, 202),
        partial(first_answer, stand, "api", OURS, asked, 202),
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
    print_beside(reference, references, ours, rows)


def first_answer(
    stand: Stand,
    target: str,
    source: Path,
    asked: Asked,
    status: int,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Start:
    port = free_port()
    program = Program(
        name=target,
        command=functions.command(target, port, source, stand.python),
        environment=stand.environment() | dict(environ),
        log=stand.folder / f"cold.{source.stem}.log",
    )
    began, process = time.monotonic(), Running(program)
    try:
        function = Function(f"http://127.0.0.1:{port}", process)
        answer = _answer(function, asked)
        seconds = time.monotonic() - began
        if answer.status_code != status:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return Start(seconds, function.cpu_seconds(), function.resident_mb())
    finally:
        process.end()


def _answer(function: Function, asked: Asked) -> requests.Response:
    headers = {
        "Authorization": f"Bearer {asked.token}",
        "Content-Type": "application/json",
    }
    while True:
        try:
            return requests.post(
                function.address + asked.path,
                data=asked.body,
                headers=headers,
                timeout=30,
            )
        except requests.ConnectionError:
            time.sleep(0.005)

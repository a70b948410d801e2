"""From the start of a process to its first answer, beside a bare function."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import requests

from local import functions
from local.bench.figures import Figure, alternating
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
    for name, unit, field, goal in (
        ("cold_start_api", "s", "seconds", "at most 1.15"),
        ("cold_start_api_cpu", "s", "cpu_seconds", "at most 1.15"),
        ("cold_start_api_memory", "MB", "resident_mb", ""),
    ):
        Figure(
            metric=name,
            unit=unit,
            values=[getattr(each, field) for each in ours],
            reference="the bare function",
            references=[getattr(each, field) for each in bare],
            goal=goal,
        ).print()


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
        command=functions.command(target, port, source),
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

"""The processes of the local stack: started, awaited, and ended by their id."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

PATIENCE_SECONDS = 60.0
GRACE_SECONDS = 5.0
MAX_PORT = 65_535


class DidNotStart(Exception):
    """A part of the stack ended or kept silent instead of getting ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. `log` takes what it prints beside its first line."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path


class Running:
    """One process in a session of its own, so that Ctrl-C reaches the stack alone."""

    def __init__(self, program: Program, *, announces: bool = False) -> None:
        self.program = program
        self._announces = announces
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.program.log.open("ab") as log:
            return subprocess.Popen(
                list(self.program.command),
                env=dict(self.program.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._announces else log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def announcement(self) -> dict[str, Any]:
        """The JSON line that a server of ours prints when it is ready."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            announced: dict[str, Any] = json.loads(line)
        except ValueError:
            raise DidNotStart(self.explain()) from None
        return announced

    def restart(self) -> None:
        self.end()
        self._process = self._start()

    def explain(self) -> str:
        said = self.program.log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"{self.program.name} did not start:", *said])

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        _signal_group(self.pid, number)

    def end(self) -> None:
        """Ask the whole session to end, then make it; waits until it is gone."""
        _signal_group(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        _signal_group(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Each of our processes leads its own group, so its id names the group."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(name: str, port: int) -> None:
    """DidNotStart where another program has the port, so it is never taken for ours."""
    if not port:
        return
    if not 0 < port <= MAX_PORT:
        raise DidNotStart(f"{port} ({name}) is not a port: it must be 1 to {MAX_PORT}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            text = f"Port {port} ({name}) can't be used: {error.strerror}. Stop the "
            text += "program that uses it, or choose other ports: make dev PORT=8710."
            raise DidNotStart(text) from None


def answers(url: str) -> Callable[[], bool]:
    """Whether a server answers there over HTTP: a refusal counts, a failure doesn't."""

    def ask() -> bool:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - an address of our own stack
                return True
        except HTTPError as refused:
            return refused.code < HTTPStatus.INTERNAL_SERVER_ERROR
        except (URLError, OSError):
            return False

    return ask


def wait_until(ready: Callable[[], bool], running: Running) -> None:
    """Until `ready`; DidNotStart where the process ends first or takes too long."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        if running.has_ended or time.monotonic() > give_up_at:
            raise DidNotStart(running.explain())
        time.sleep(0.05)

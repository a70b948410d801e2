"""Processes of the local stack: start, wait until ready, signal, end."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

START_TIMEOUT_SECONDS = 180.0
GRACE_SECONDS = 5.0
MAX_PORT = 65_535
# Linux gives out ports from 32768 on, macOS from 49152 on.
OWN_PORTS = range(20_000, 32_768)
OWN_HOSTS = ("127.0.0.1", "localhost")
# The parts of the stack whose port can be chosen.
PARTS = ("api", "web", "firestore", "storage", "tasks", "worker", "runway", "google")


class DidNotStart(Exception):
    """The stack or a part of it can't start; the message says why."""


class RunningProcess:
    """A process in a session of its own, so that Ctrl-C reaches only the stack itself.

    Runs until `end`, or until its `with` block ends. `log`: the file for its output.
    `announces`: whether its stdout begins with a JSON line, for `announcement`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        announces: bool = False,
    ) -> None:
        self._command, self._environment = list(command), dict(environment)
        self._log, self._announces = log, announces
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._announces else log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def announcement(self) -> dict[str, Any]:
        """The JSON line that one of our servers prints when it is ready.

        Raises DidNotStart if it prints anything else, or ends.
        """
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
        """Why it did not start: the end of its log."""
        tail = self._log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join([f"{self._log.stem} did not start:", *tail])

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        _signal_group(self.pid, number)

    def end(self) -> None:
        """Terminate the whole session, then kill it; wait until it is gone."""
        _signal_group(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        _signal_group(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Each of our processes leads its own group, so its pid is the group's id."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and other ends until the block is over, then deliver one."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in its main thread only.
        return
    held: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [
        (number, signal.signal(number, lambda it, _: held.append(it)))
        for number in numbers
    ]
    try:
        yield
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def bypass_proxies() -> None:
    """Have this process and its children reach this machine without a proxy.

    Most programs read only one of the two variables, and the lower-case one first.
    """
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = dict.fromkeys([*filter(None, given.split(",")), *OWN_HOSTS])
    direct = "*" if "*" in hosts else ",".join(hosts)
    os.environ |= {"no_proxy": direct, "NO_PROXY": direct}


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def free_port() -> int:
    """For a server that starts later, or is restarted.

    Outside the range from which the system picks ports by itself, or something else
    might take it meanwhile.
    """
    while True:
        port = random.choice(OWN_PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def require_free(name: str, port: int) -> None:
    """Raises DidNotStart if another program uses the port."""
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
            text += "program that uses it, or name the first of eight free ports: "
            text += "make dev PORT=…"
            raise DidNotStart(text) from None


def require_distinct(ports: Mapping[str, int]) -> None:
    """Raises DidNotStart if two parts are given the same port; 0 is any free one."""
    for port in filter(None, ports.values()):
        names = [name for name, other in ports.items() if other == port]
        if len(names) > 1:
            raise DidNotStart(f"{' and '.join(names)} can't share port {port}.")


def answers(url: str, seconds: float = START_TIMEOUT_SECONDS) -> Callable[[], bool]:
    """A check whether a server answers at `url` in time, with any status below 500."""

    def responds() -> bool:
        try:
            with urlopen(url, timeout=seconds):  # noqa: S310 - an address of our own stack
                return True
        except HTTPError as refused:
            return refused.code < HTTPStatus.INTERNAL_SERVER_ERROR
        except (URLError, OSError):
            return False

    return responds


def wait_until(ready: Callable[[], bool], running: RunningProcess) -> None:
    """Wait for `ready`. Raises DidNotStart if the process ends or takes too long."""
    give_up_at = time.monotonic() + START_TIMEOUT_SECONDS
    while not ready():
        if running.has_ended or time.monotonic() > give_up_at:
            raise DidNotStart(running.explain())
        time.sleep(0.05)

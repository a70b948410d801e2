"""What a deploy needs from outside: programs, a console, time and HTTP."""

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import requests

NOT_FOUND = 127
FETCH_SECONDS = 20
TRIES = 12
WAIT_SECONDS = 5


class DeployError(Exception):
    """The deploy can't go on; the message says why, and which command to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`shown`: stdout goes to the terminal as it comes, and is not captured."""

    argv: tuple[str, ...]
    stdin: str = ""
    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """`code`: the exit code; 127 if the program isn't installed."""

    code: int
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0

    def json(self) -> dict[str, Any]:
        """The JSON object on stdout; empty if the command failed."""
        printed: dict[str, Any] = json.loads(self.stdout) if self.ok else {}
        return printed


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """`status`: 0 if there was no response."""

    status: int
    body: bytes = b""


class Shell(Protocol):
    def run(self, command: Command) -> CommandResult: ...


class Console(Protocol):
    def say(self, text: str) -> None: ...
    def confirm(self, question: str) -> bool: ...
    def prompt(self, question: str, default: str) -> str: ...
    def prompt_secret(self, question: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    shell: Shell
    console: Console
    wait_seconds: Callable[[float], None]
    send: Callable[[HttpRequest], HttpResponse]
    environ: Mapping[str, str]

    def run(self, *argv: str, stdin: str = "") -> CommandResult:
        return self.shell.run(Command(argv=argv, stdin=stdin))

    def fetch(self, url: str, *, wanted: int) -> int:
        """GET `url` until it answers `wanted`, for up to a minute; the last status."""
        status = self.send(HttpRequest(url=url)).status
        for _ in range(TRIES):
            if status == wanted:
                break
            self.wait_seconds(WAIT_SECONDS)
            status = self.send(HttpRequest(url=url)).status
        return status


class Programs:
    """A Shell that runs the programs found on the PATH."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    def run(self, command: Command) -> CommandResult:
        try:
            process = subprocess.Popen(
                command.argv,
                stdin=subprocess.PIPE,
                stdout=None if command.shown else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=command.folder,
                env=self._environ | dict(command.environment or {}),
            )
        except FileNotFoundError:
            return CommandResult(code=NOT_FOUND, stderr=f"{command.argv[0]} not found")
        try:
            stdout, stderr = process.communicate(command.stdin)
        except KeyboardInterrupt:
            # Ctrl-C reaches Terraform, too, which then needs time to save its state.
            # Its output is still read, or a full pipe would block it.
            process.communicate()
            raise
        if command.shown:
            sys.stderr.write(stderr)
        return CommandResult(
            code=process.returncode, stdout=stdout or "", stderr=stderr
        )


class Terminal:
    """A Console at a terminal."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def confirm(self, question: str) -> bool:
        return _typed(f"{question} Type yes to go on: ").lower() == "yes"

    def prompt(self, question: str, default: str) -> str:
        return _typed(f"{question} [{default}]: ") or default

    def prompt_secret(self, question: str) -> str:
        return _typed(f"{question}: ", getpass.getpass)


class Unattended:
    """A Console that agrees to everything and takes every default: `--yes`."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def confirm(self, question: str) -> bool:
        self.say(f"{question} yes (--yes)")
        return True

    def prompt(self, question: str, default: str) -> str:
        self.say(f"{question}: {default}")
        return default

    def prompt_secret(self, question: str) -> str:
        return ""


def _typed(question: str, ask: Callable[[str], str] | None = None) -> str:
    try:
        return (ask or input)(question).strip()
    except EOFError:
        raise DeployError(
            "There is no terminal to answer from: give --yes to agree to everything."
        ) from None


def send_request(request: HttpRequest) -> HttpResponse:
    try:
        response = requests.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            auth=lambda prepared: prepared,  # not the machine's .netrc
            timeout=FETCH_SECONDS,
        )
    except requests.RequestException:
        return HttpResponse(status=0)
    return HttpResponse(status=response.status_code, body=response.content)


def real_context(*, unattended: bool, environ: Mapping[str, str]) -> Context:
    """`environ` may hold keys from `.env`; programs get the process's environment."""
    console: Console = Unattended() if unattended else Terminal()
    return Context(
        shell=Programs(os.environ),
        console=console,
        wait_seconds=time.sleep,
        send=send_request,
        environ=environ,
    )

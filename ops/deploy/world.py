"""What a deploy needs from outside: programs, a person, time and the web."""

import getpass
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

NOT_FOUND = 127
FETCH_SECONDS = 20


class Stopped(Exception):
    """The deploy can't go on; the message says why, and which command to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`shown`: its output goes to the terminal as it comes, and is not kept."""

    words: tuple[str, ...]
    stdin: str = ""
    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """`code` is 127 where there is no such program."""

    code: int
    stdout: str = ""
    stderr: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` is 0 where nothing answers."""

    status: int
    body: bytes = b""


class Shell(Protocol):
    def run(self, command: Command) -> Ran: ...


class Person(Protocol):
    def say(self, text: str) -> None: ...
    def agrees(self, question: str) -> bool: ...
    def chooses(self, question: str, default: str) -> str: ...
    def types_secret(self, question: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    shell: Shell
    person: Person
    wait_seconds: Callable[[float], None]
    send: Callable[[Outgoing], Answer]
    environ: Mapping[str, str]

    def run(self, *words: str, stdin: str = "") -> Ran:
        return self.shell.run(Command(words=words, stdin=stdin))

    def fetch(self, url: str) -> int:
        """The HTTP status, 0 where nothing answers."""
        return self.send(Outgoing(method="GET", url=url, headers={})).status


class Programs:
    """A Shell of the programs found on the PATH."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    def run(self, command: Command) -> Ran:
        try:
            process = subprocess.Popen(
                command.words,
                stdin=subprocess.PIPE,
                stdout=None if command.shown else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=command.folder,
                env=self._environ | dict(command.environment or {}),
            )
        except FileNotFoundError:
            return Ran(code=NOT_FOUND, stderr=f"{command.words[0]} not found")
        try:
            stdout, stderr = process.communicate(command.stdin)
        finally:
            # Ctrl-C reaches Terraform too, which then needs time to save its state.
            process.wait()
        if command.shown:
            sys.stderr.write(stderr)
        return Ran(code=process.returncode, stdout=stdout or "", stderr=stderr)


class Terminal:
    """A Person at the keyboard."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def agrees(self, question: str) -> bool:
        return _typed(f"{question} Type yes to go on: ").lower() == "yes"

    def chooses(self, question: str, default: str) -> str:
        return _typed(f"{question} [{default}]: ") or default

    def types_secret(self, question: str) -> str:
        return getpass.getpass(f"{question}: ").strip()


class Unattended:
    """A Person who agrees to everything and takes every default: `--yes`."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def agrees(self, question: str) -> bool:
        self.say(f"{question} yes (--yes)")
        return True

    def chooses(self, question: str, default: str) -> str:
        self.say(f"{question}: {default}")
        return default

    def types_secret(self, question: str) -> str:
        return ""


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        raise Stopped(
            "There is no terminal to answer from: give --yes to agree to everything."
        ) from None


def answer_to(asked: Outgoing) -> Answer:
    request = Request(  # noqa: S310 - our own api, or Google's
        asked.url, asked.body, dict(asked.headers), method=asked.method
    )
    try:
        with urlopen(request, timeout=FETCH_SECONDS) as answer:  # noqa: S310
            return Answer(status=answer.status, body=answer.read())
    except HTTPError as error:
        return Answer(status=error.code, body=error.read())
    except (URLError, OSError):
        return Answer(status=0)


def real_world(*, unattended: bool, environ: Mapping[str, str]) -> World:
    """`environ` also holds the keys; programs get the process's own environment."""
    person: Person = Unattended() if unattended else Terminal()
    return World(
        shell=Programs(os.environ),
        person=person,
        wait_seconds=time.sleep,
        send=answer_to,
        environ=environ,
    )

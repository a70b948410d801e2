"""What a deploy needs from outside: programs, a person, time and the web."""

import contextlib
import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

NOT_FOUND = 127
FETCH_SECONDS = 20


class Stopped(Exception):
    """The deploy can't go on; the message says why, and the command that mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`shown`: its output goes to the person as it comes."""

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


class Shell(Protocol):
    def run(self, command: Command) -> Ran: ...


class Person(Protocol):
    def say(self, text: str) -> None: ...
    def agrees(self, question: str) -> bool: ...
    def chooses(self, question: str, default: str) -> str: ...
    def tells_secret(self, question: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """`fetch(url)` gives the HTTP status, 0 where nothing answers."""

    shell: Shell
    person: Person
    wait_seconds: Callable[[float], None]
    fetch: Callable[[str], int]
    environ: Mapping[str, str]

    def run(self, *words: str, stdin: str = "") -> Ran:
        return self.shell.run(Command(words=words, stdin=stdin))


class Programs:
    """A Shell of the programs found on the PATH."""

    def __init__(self, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environ, self._say = dict(environ), say

    def run(self, command: Command) -> Ran:
        # To a file, so that neither stream can fill its pipe and stand still.
        with tempfile.TemporaryFile("w+") as errors:
            try:
                process = self._start(command, errors.fileno())
            except FileNotFoundError:
                return Ran(code=NOT_FOUND, stderr=f"{command.words[0]} not found")
            stdout = self._finish(process, command)
            errors.seek(0)
            ran = Ran(code=process.returncode, stdout=stdout, stderr=errors.read())
        if command.shown and ran.stderr:
            self._say(ran.stderr.rstrip())
        return ran

    def _start(self, command: Command, errors: int) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command.words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=command.folder,
            env=self._environ | dict(command.environment or {}),
        )

    def _finish(self, process: "subprocess.Popen[str]", command: Command) -> str:
        assert process.stdin is not None and process.stdout is not None
        try:
            # A program that asks nothing may end before it has read a word.
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(command.stdin)
            with process.stdout as stdout:
                return "".join(self._lines(stdout, command))
        finally:
            # Ctrl-C reaches Terraform too, which then needs time to save its state.
            process.wait()

    def _lines(self, stdout: IO[str], command: Command) -> Iterator[str]:
        for line in stdout:
            if command.shown:
                self._say(line.rstrip())
            yield line


class Terminal:
    """A Person at the keyboard."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def agrees(self, question: str) -> bool:
        return _typed(f"{question} Type yes to go on: ").lower() == "yes"

    def chooses(self, question: str, default: str) -> str:
        return _typed(f"{question} [{default}]: ") or default

    def tells_secret(self, question: str) -> str:
        return getpass.getpass(f"{question}: ").strip()


class Nobody:
    """A Person who agrees to all and takes every default: `--yes`."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def agrees(self, question: str) -> bool:
        self.say(f"{question} yes (--yes)")
        return True

    def chooses(self, question: str, default: str) -> str:
        self.say(f"{question}: {default}")
        return default

    def tells_secret(self, question: str) -> str:
        return ""


def _typed(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        raise Stopped(
            "Nobody is there to answer: give --yes to agree to all."
        ) from None


def status_of(url: str) -> int:
    try:
        with urlopen(url, timeout=FETCH_SECONDS) as answer:  # noqa: S310 - our own api
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0


def real_world(*, unattended: bool, environ: Mapping[str, str]) -> World:
    """`environ` also holds the keys; programs get the process's own environment."""
    person: Person = Nobody() if unattended else Terminal()
    return World(
        shell=Programs(os.environ, person.say),
        person=person,
        wait_seconds=time.sleep,
        fetch=status_of,
        environ=environ,
    )

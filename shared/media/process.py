"""Starts, uses and ends the decoder process."""

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO, Final

import structlog

from shared.domain.errors import Unreachable
from shared.media.child import NOT_JUDGED, READY

log = structlog.get_logger()

_MAX_RESPONSE_BYTES: Final = 20
_LOGGED_BYTES: Final = 500
_FOLDERS: Final = re.compile(r"[^\s\"']*/")


class DecoderProcess:
    """Runs `program`: starts it when it is first needed, and again if it has died.

    Not thread-safe.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def decode(
        self,
        kind: str,
        limits: Sequence[int],
        files: Sequence[IO[bytes]],
        *,
        wall_seconds: float,
    ) -> bool:
        """Whether the child that the process forks for this exited with success.

        Unreachable: the process or the child did not start, did not finish in time, or
        found the disk full.
        """
        response = b""
        try:
            control = self._control(wall_seconds)
            request = json.dumps([kind, *limits]).encode()
            socket.send_fds(control, [request], [file.fileno() for file in files])
            response = control.recv(_MAX_RESPONSE_BYTES)
            if not response:
                raise ConnectionResetError
        except TimeoutError as error:
            raise Unreachable("the decoder did not finish in time") from error
        except OSError as error:
            raise Unreachable("the decoder did not start, or ended") from error
        finally:
            # After any failure, since a late response would be read as the next one's.
            if not response:
                self.end()
        if int(response) == NOT_JUDGED:
            raise Unreachable("the decoder's child did not start, or the disk is full")
        return int(response) == 0

    def end(self) -> None:
        """Kills the process and its child, if any, which may have outlived it."""
        if self._running is None:
            return
        process, control = self._running
        self._running = None
        atexit.unregister(self.end)
        control.close()
        # The process leads a group that its children belong to. Until `wait`, no other
        # group can get the same id. macOS refuses to signal a group of zombies.
        with suppress(PermissionError, ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _control(self, wall_seconds: float) -> socket.socket:
        """A start takes its time from the same limit."""
        ends_at = monotonic() + wall_seconds
        if self._running and _is_closed(self._running[1]):
            self.end()
        control = self._running[1] if self._running else self._start(wall_seconds)
        seconds_left = ends_at - monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        control.settimeout(seconds_left)
        return control

    def _start(self, wall_seconds: float) -> socket.socket:
        """Returns once the process is ready; OSError if it ended before, which is
        logged, or if it takes too long.
        """
        with tempfile.TemporaryFile() as stderr:
            process, control = self._running = self._popen(stderr)
            atexit.register(self.end)
            control.settimeout(wall_seconds)
            if control.recv(len(READY)):
                return control
            self.end()
            why = _end_of(stderr)
            log.error("decoder_not_started", exit_code=process.returncode, why=why)
            raise ConnectionResetError

    def _popen(
        self, stderr: IO[bytes]
    ) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair()
        # -I ignores the environment, the working directory and the user's packages,
        # where Google's buildpack installs ours: so our own search path is passed on.
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", str(self._program), *sys.path],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={},
                close_fds=True,
                start_new_session=True,
            )
        return process, ours


def _is_closed(control: socket.socket) -> bool:
    """Whether the process at the other end has ended."""
    control.settimeout(0)
    try:
        return not control.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _end_of(stderr: IO[bytes]) -> str:
    """The end of what it wrote, without folders, which may have a user's name."""
    stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - _LOGGED_BYTES))
    return _FOLDERS.sub("…/", stderr.read().decode(errors="replace")).strip()

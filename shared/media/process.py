"""The process that decodes, as seen from the worker that starts and ends it."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from shared.domain.errors import Unreachable
from shared.media.child import NOT_BEGUN

_ANSWER_BYTES: Final = 20


class DecoderProcess:
    """`program` as a process: started when it is first needed, and again if it died.

    Not for several threads at once.
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
        """Whether the child that it forks for this ended by itself and well.

        Unreachable: the process or the child did not start, or was not done in time.
        """
        answer = b""
        try:
            control = self._control()
            control.settimeout(wall_seconds)
            request = json.dumps([kind, *limits]).encode()
            socket.send_fds(control, [request], [file.fileno() for file in files])
            answer = control.recv(_ANSWER_BYTES)
            if not answer:
                raise ConnectionResetError
        except TimeoutError as error:
            raise Unreachable("the machine is too busy to decode") from error
        except OSError as error:
            raise Unreachable("the decoder did not start, or ended") from error
        finally:
            # Whatever went wrong: a late answer would be taken for the next one's.
            if not answer:
                self.end()
        if int(answer) == NOT_BEGUN:
            raise Unreachable("the decoder's child did not start")
        return int(answer) == 0

    def end(self) -> None:
        """With the child that it has, if any, which may have outlived it."""
        if self._running is None:
            return
        process, control = self._running
        self._running = None
        atexit.unregister(self.end)
        control.close()
        # It leads a process group, which its children belong to. Until `wait`, no other
        # group can have its number. macOS refuses to signal a group of zombies.
        with suppress(PermissionError, ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _control(self) -> socket.socket:
        if self._running and _is_closed(self._running[1]):
            self.end()
        if self._running is None:
            self._running = self._started()
            atexit.register(self.end)
        return self._running[1]

    def _started(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair()
        # -I: no environment, no user's packages, nothing of the folder it starts in.
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", str(self._program)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                close_fds=True,
                start_new_session=True,
            )
        return process, ours


def _is_closed(control: socket.socket) -> bool:
    """By the process at its other end, which has ended."""
    control.settimeout(0)
    try:
        return not control.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True

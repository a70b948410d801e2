"""Lets one process at a time do something: of two first runs, one installs.

Uses nothing but the standard library, because it runs on whichever Python is installed.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(file: Path, waiting: str) -> Iterator[None]:
    """Lock `file`, which is only read, until the block or the process ends.

    `waiting` is printed on stderr if another process has it locked.
    """
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, file=sys.stderr, flush=True)
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield

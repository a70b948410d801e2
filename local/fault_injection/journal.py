"""What happened at the crash points of all processes, line by line in one file."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class What(StrEnum):
    """INJECTED: a fault of the plan. SKEWED: a process began with a skewed clock."""

    INJECTED = "injected"
    COMMITTED = "committed"
    SKEWED = "skewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`at`: seconds of the epoch. `detail`: the name of what was injected, "final"
    where a commit ended the job, the function whose clock is skewed."""

    at: float
    what: What
    job_id: str = ""
    detail: str = ""


class Journal:
    """Appends to a file that many processes share; a killed one loses no whole line."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, what: What, job_id: str = "", detail: str = "") -> None:
        entry = Entry(at=time.time(), what=what, job_id=job_id, detail=detail)
        os.write(self._file, (json.dumps(asdict(entry)) + "\n").encode())


def read_journal(file: Path) -> Sequence[Entry]:
    if not file.exists():
        return []
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return [Entry(**line | {"what": What(line["what"])}) for line in lines]

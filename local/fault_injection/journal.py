"""What the functions' processes did and suffered, line by line, whoever dies."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class What(StrEnum):
    """BEGAN and ENDED: a step of a job in one process. STRUCK: an act of the plan."""

    BEGAN = "began"
    ENDED = "ended"
    COMMITTED = "committed"
    STRUCK = "struck"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line. `at` is in seconds of the epoch; `thread` is within its process.

    `detail`: the injection of a STRUCK, "final" where a COMMITTED ended the job.
    """

    at: float
    what: What
    function: str
    pid: int = 0
    thread: int = 0
    job_id: str = ""
    detail: str = ""


class Diary:
    """Appends to a file that many processes share; a killed one loses no whole line."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, entry: Entry) -> None:
        os.write(self._file, (json.dumps(asdict(entry)) + "\n").encode())

    def close(self) -> None:
        os.close(self._file)


def read_diary(file: Path) -> Sequence[Entry]:
    if not file.exists():
        return []
    lines = (json.loads(line) for line in file.read_text().splitlines())
    return [Entry(**line | {"what": What(line["what"])}) for line in lines]


def now() -> float:
    return time.time()

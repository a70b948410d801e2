"""A journal of all processes' crash points: one file, an entry per line."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from msgspec import json


class EntryKind(StrEnum):
    """INJECTED: a fault of the plan. SKEWED: a process started with a skewed clock."""

    INJECTED = "injected"
    COMMITTED = "committed"
    SKEWED = "skewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """`at`: seconds since the epoch. `detail`: the injected fault; "final" if a commit
    ended the job; the function whose clock is skewed.
    """

    at: float
    what: EntryKind
    job_id: str
    detail: str


class Journal:
    """Appends to a file that processes share; a killed process loses no line."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, what: EntryKind, job_id: str = "", detail: str = "") -> None:
        entry = JournalEntry(at=time.time(), what=what, job_id=job_id, detail=detail)
        os.write(self._file, json.encode(entry) + b"\n")


def read_journal(file: Path) -> Sequence[JournalEntry]:
    if not file.exists():
        return []
    return [
        json.decode(line, type=JournalEntry) for line in file.read_bytes().splitlines()
    ]

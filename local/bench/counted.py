"""A deploy root like local/entry.py that counts its functions' calls to Google.

Each call appends a JSON line to the file that BENCH_COUNTS names.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Request

from local import entry
from local.bench import COUNTS_VARIABLE
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_wire import Wire
from shared.gcp.task_queue import CloudTasksQueue

STORAGE = urlsplit(os.environ.get("STORAGE_EMULATOR_HOST", "")).netloc


def count(**counts: float) -> None:
    with open(os.environ[COUNTS_VARIABLE], "a") as file:
        file.write(json.dumps(counts) + "\n")


def counted(owner: Any, name: str, counts: Callable[..., dict[str, float]]) -> None:
    """Wrap a method. `counts` gets its result and arguments; returns what to count."""
    original = getattr(owner, name)

    def call(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        count(**counts(result, *args, **options))
        return result

    setattr(owner, name, call)


def _storage(_: Any, __: Any, method: str, url: str, **___: Any) -> dict[str, float]:
    if urlsplit(url).netloc != STORAGE or method == "DELETE":
        return {}
    return {"storage_gets" if method in ("GET", "HEAD") else "storage_puts": 1}


def _writes(commit: Any) -> dict[str, float]:
    """The number of writes, in all and by collection."""
    names = (write.update.name or write.delete for write in commit.writes)
    collections = Counter(name.split("/")[-2] for name in names)
    return {
        "writes": len(commit.writes),
        **{f"writes of {c}": n for c, n in collections.items()},
    }


counted(Wire, "get", lambda *_, **__: {"reads": 1})
counted(Wire, "read", lambda found, *_, **__: {"reads": len(found)})
counted(Wire, "commit", lambda _, __, commit, **___: _writes(commit))
counted(Database, "query", lambda found, *_, **__: {"reads": max(1, len(found))})
counted(CloudTasksQueue, "enqueue", lambda *_, **__: {"tasks": 1})
counted(requests.Session, "request", _storage)


def busy(function: Callable[[Request], Any]) -> Callable[[Request], Any]:
    def timed(request: Request) -> Any:
        began = time.monotonic()
        try:
            return function(request)
        finally:
            name = function.__name__
            count(**{f"{name}_seconds": time.monotonic() - began, f"{name}_calls": 1})

    timed.__name__ = function.__name__
    return timed


api, worker = busy(entry.api), busy(entry.worker)
budget_alert, sweep = entry.budget_alert, entry.sweep

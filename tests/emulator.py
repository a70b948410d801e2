"""Starting a Firestore emulator that is ready for tests."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from local.emulators.firestore import running, wait_until_ready
from local.stack import RULES

# host:port of the emulator that all parts of `tests.side_by_side` use.
SHARED = "TESTS_FIRESTORE_EMULATOR"


@contextmanager
def warm_emulator() -> Iterator[str]:
    """host:port"""
    with (
        tempfile.TemporaryDirectory(prefix="reelay-tests-") as folder,
        running(rules=RULES, memory="1g", log=Path(folder, "log")) as (host, process),
    ):
        wait_until_ready(host, process)
        # The first call of a new JVM takes longer than any call of ours may.
        first = f"http://{host}/v1/projects/p/databases/(default)/documents/a/b"
        requests.get(first, timeout=600)
        yield host

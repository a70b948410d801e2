"""Background work of a running stack: restarting functions, calling `sweep`."""

import threading
from collections.abc import Callable, Sequence

import requests

from local.processes import RunningProcess

CHECK_EVERY_SECONDS = 0.2


def revive(functions: Sequence[RunningProcess], stopping: threading.Event) -> None:
    """Restart functions that have died, within a second, until `stopping` is set."""
    while not stopping.wait(CHECK_EVERY_SECONDS):
        for running in functions:
            if running.has_ended and not stopping.is_set():
                running.restart()


def schedule(
    url: str,
    token: Callable[[], str],
    *,
    every_seconds: float,
    stopping: threading.Event,
) -> None:
    """Call `sweep` as Cloud Scheduler does, until `stopping` is set.

    The next call makes up for a failed one.
    """
    while not stopping.wait(every_seconds):
        headers = {"Authorization": f"Bearer {token()}"}
        try:
            requests.post(url, headers=headers, timeout=60)
        except requests.RequestException:
            continue

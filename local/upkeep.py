"""What goes on beside a running stack: functions that died, and Cloud Scheduler."""

import threading
from collections.abc import Callable, Sequence

import requests

from local.processes import Running

LOOK_EVERY_SECONDS = 0.2


def revive(functions: Sequence[Running], over: threading.Event) -> None:
    """Starts functions again that died, within a second."""
    while not over.wait(LOOK_EVERY_SECONDS):
        for running in functions:
            if running.has_ended and not over.is_set():
                running.restart()


def schedule(
    url: str, token: Callable[[], str], *, every_seconds: float, over: threading.Event
) -> None:
    """Calls `sweep` as Cloud Scheduler does. A call that fails is made up for by the
    next one."""
    while not over.wait(every_seconds):
        headers = {"Authorization": f"Bearer {token()}"}
        try:
            requests.post(url, headers=headers, timeout=60)
        except requests.RequestException:
            continue

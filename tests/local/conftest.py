"""The simulated Runway, addresses of a stack, and the signal handlers."""

import signal
from collections.abc import Iterator

import pytest

from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from tests.local.simulated import QUICK

ADDRESSES = {
    "api": "http://127.0.0.1:1",
    "firestore": "127.0.0.1:2",
    "storage": "http://127.0.0.1:3",
}


@pytest.fixture
def signals() -> Iterator[None]:
    """Restore the signal handlers, which the commands replace."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(QUICK) as server:
        yield server

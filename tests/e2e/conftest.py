"""One running stack for the tests of the whole; real clients, simulated vendors."""

import os
from collections.abc import Iterator

import pytest

from local.stack import Stack, StackOptions
from tests.e2e.client import Frontend, close_circuits, set_faults


def bare_environment() -> dict[str, str]:
    """No keys and no addresses of the person who runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@pytest.fixture(scope="session")
def running_stack() -> Iterator[Stack]:
    options = StackOptions(
        environ=bare_environment(), seconds=1.0, sweep_every_seconds=5.0
    )
    with Stack(options) as stack:
        yield stack


@pytest.fixture
def stack(running_stack: Stack) -> Iterator[Stack]:
    yield running_stack
    set_faults(running_stack, [])
    close_circuits(running_stack)


@pytest.fixture
def frontend(stack: Stack) -> Frontend:
    return Frontend(stack)

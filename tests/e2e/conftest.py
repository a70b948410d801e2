"""One running stack for the tests of the whole; real clients, simulated vendors."""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from local.fault_injection.time_scale import QUICK_ROOT
from local.stack import Stack, StackOptions
from tests.e2e.client import Frontend, Server, close_circuits, set_faults
from tests.e2e.receiver import Receiver

# Leases of 18 s, a first poll after 1.2 s, the sweep's first retry after 12 s.
TIME_SCALE = "0.2"
# Each frame is rendered, checked and shown, and few serve as well as many.
FRAMES_PER_SECOND = 6

Webhooks = tuple[Receiver, str]
StackFactory = Callable[..., Stack]


def bare_environment() -> dict[str, str]:
    """No keys and no addresses of the person who runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@pytest.fixture(scope="session")
def a_stack(firestore_emulator: str) -> StackFactory:
    """Makes a stack with short waits, in a project of its own in the one emulator."""

    def make(*, sweep_every_seconds: float = 2.0, **environ: str) -> Stack:
        own = {
            "FIRESTORE_EMULATOR_HOST": firestore_emulator,
            "GOOGLE_CLOUD_PROJECT": f"demo-{uuid.uuid4().hex[:8]}",
            "TIME_SCALE": TIME_SCALE,
        }
        options = StackOptions(
            environ=bare_environment() | own | environ,
            seconds=1.0,
            frames_per_second=FRAMES_PER_SECOND,
            source=QUICK_ROOT,
            sweep_every_seconds=sweep_every_seconds,
        )
        return Stack(options)

    return make


@pytest.fixture(scope="session")
def running_stack(a_stack: StackFactory, webhooks: Webhooks) -> Iterator[Stack]:
    """Its users may have any number of jobs, and make any number each minute."""
    _, address = webhooks
    most = ("USER_MAX_JOBS", "USER_MAX_JOBS_PER_MINUTE", "USER_REQUESTS_PER_SECOND")
    limits = dict.fromkeys(most, "9999")
    with a_stack(WEBHOOK_RECEIVER=address, **limits) as stack:
        yield stack


@pytest.fixture(scope="session")
def server(running_stack: Stack) -> Server:
    """A server with an API key."""
    return Server(running_stack)


@pytest.fixture(scope="session")
def webhooks() -> Iterator[Webhooks]:
    """What takes the webhooks of the running stack, and its address."""
    receiver = Receiver()
    with receiver.server() as server:
        yield receiver, server.url


@pytest.fixture
def receiver(webhooks: Webhooks) -> Receiver:
    return webhooks[0]


@pytest.fixture
def stack(running_stack: Stack) -> Iterator[Stack]:
    yield running_stack
    set_faults(running_stack, [])
    close_circuits(running_stack)


@pytest.fixture
def frontend(stack: Stack) -> Frontend:
    return Frontend(stack)

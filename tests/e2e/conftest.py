"""One running stack for the end-to-end tests: real clients, simulated vendors."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator

import pytest

from local.fault_injection.time_scale import QUICK_ROOT
from local.stack import Stack, StackOptions
from tests.e2e.client import Frontend, Server, close_circuits, set_faults
from tests.e2e.receiver import Receiver

# Leases of 18 s, a first poll after 1.2 s, the sweep's first retry after 12 s.
TIME_SCALE = "0.2"
# Each frame is rendered, checked and shown, so few of them keep tests fast.
FRAMES_PER_SECOND = 6
# Screenshots of the page show the default of a deployment.
DAILY_LIMIT_USD = "10" if os.environ.get("SCREENSHOTS") else "1000"

ENDS = (signal.SIGINT, signal.SIGTERM)

StackFactory = Callable[..., Stack]


@pytest.fixture(autouse=True)
def fixed_prices() -> None:
    """Replaces the fixture of all tests: the stack has the vendors' prices."""


def bare_environment() -> dict[str, str]:
    """The environment without keys and URLs of the person who runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


@pytest.fixture(scope="session", autouse=True)
def _signals_interrupt() -> Iterator[None]:
    """So that a run ended by a time limit ends its servers, too.

    A shell's "&" ignores Ctrl-C, also in all programs that the tests start.
    """
    before = {number: signal.getsignal(number) for number in ENDS}
    for number in ENDS:
        signal.signal(number, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def a_stack(firestore_emulator: str) -> StackFactory:
    """Builds stacks with short waits, each in its own project of one emulator."""

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
def running_stack(a_stack: StackFactory, receiver: Receiver) -> Iterator[Stack]:
    """A stack without limits on users' jobs, and with a daily cap that none reaches."""
    most = ("USER_MAX_JOBS", "USER_MAX_JOBS_PER_MINUTE", "USER_REQUESTS_PER_SECOND")
    limits = dict.fromkeys(most, "9999") | {"USER_DAILY_LIMIT_USD": DAILY_LIMIT_USD}
    with a_stack(WEBHOOK_RECEIVER=receiver.address, **limits) as stack:
        yield stack


@pytest.fixture(scope="session")
def server(running_stack: Stack) -> Server:
    """A server with an API key."""
    return Server(running_stack)


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """The receiver of the running stack's webhooks."""
    receiver = Receiver()
    with receiver.server() as server:
        receiver.address = server.url
        yield receiver


@pytest.fixture
def stack(running_stack: Stack) -> Iterator[Stack]:
    yield running_stack
    set_faults(running_stack, [])
    close_circuits(running_stack)


@pytest.fixture
def frontend(stack: Stack) -> Frontend:
    return Frontend(stack)

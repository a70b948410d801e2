"""The simulated Runway, and a local Cloud Storage with its account and its clock."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage

from local.emulators.cloud_storage.signatures import signer_from_key
from local.emulators.storage import RunningStorage, running_storage
from local.functions import BUCKET
from local.identity import LocalIdentity
from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from tests.fakes.clock import FrozenClock
from tests.local.simulated import QUICK

ORIGIN = "http://127.0.0.1:8080"
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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def runway() -> Iterator[SimulatorServer]:
    with runway_simulator(QUICK) as server:
        yield server


def new_account() -> dict[str, str]:
    identity = LocalIdentity.generate("reelay")
    return identity.service_account("api", token_uri="http://127.0.0.1:1/token")


@pytest.fixture(scope="session")
def account() -> dict[str, str]:
    return new_account()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def cloud_storage(
    tmp_path: Path, clock: FrozenClock, account: dict[str, str]
) -> Iterator[RunningStorage]:
    signer = signer_from_key(json.dumps(account))
    with running_storage(tmp_path, signer, origins=[ORIGIN], now=clock.now) as running:
        yield running


@pytest.fixture
def bucket(
    cloud_storage: RunningStorage, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud_storage.address)
    with storage.Client(project="reelay-local") as client:
        yield client.bucket(BUCKET)

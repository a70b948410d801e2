"""Fixtures of all tests: the Firestore emulator, and an empty project in it."""

import gc
import os
import signal
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from local.processes import bypass_proxies
from shared.domain.catalogue import CATALOGUE
from tests.domain.prices import MODELS
from tests.usecases.harness import Harness

# Imports that only the emulator needs stay in its fixtures: `make unit` does without.
if TYPE_CHECKING:
    from google.cloud import firestore

    from shared.gcp.firestore_calls import Database

EMULATOR = "FIRESTORE_EMULATOR_HOST"

bypass_proxies()
# A shell without job control has its background jobs ignore Ctrl-C, which tests raise.
signal.signal(signal.SIGINT, signal.default_int_handler)

# `pytest --hypothesis-profile=thorough` searches four times as long.
settings.register_profile("check", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("check")

# A failed test shows the log; to lay out each line in colours takes far longer.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ]
)


def pytest_collection_finish() -> None:
    """Imported objects stay, so the garbage collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fixed_prices() -> Iterator[None]:
    """Amounts stay true when a vendor changes its price.

    Tests of the price list itself override this. Other processes have the real list.
    """
    with pytest.MonkeyPatch.context() as patch:
        for model_id, model in MODELS.items():
            patch.setitem(CATALOGUE, model_id, model)
        yield


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Functions collect garbage rarely, so large objects must be freed without it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def harness() -> Harness:
    """The worker and the use cases on fakes of all adapters."""
    return Harness()


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """host:port of the emulator in the environment, or else of one started here."""
    from tests.emulator import SHARED, warm_emulator

    if host := os.environ.get(SHARED) or os.environ.get(EMULATOR):
        yield host
        return
    with warm_emulator() as host:
        yield host


@pytest.fixture
def firestore_client(
    firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> "Iterator[firestore.Client]":
    """A client of its own empty project, which a slow emulator may keep waiting."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import firestore

    from shared.gcp.firestore_calls import CallLimits, Database

    patient = CallLimits(read_try=100, total=100)
    monkeypatch.setattr(Database.__init__, "__defaults__", (patient,))
    monkeypatch.setenv(EMULATOR, firestore_emulator)
    project = f"test-{uuid.uuid4().hex[:12]}"
    client = firestore.Client(project=project, credentials=AnonymousCredentials())
    yield client
    client.close()  # Google's


@pytest.fixture
def database(firestore_client: "firestore.Client") -> "Database":
    from shared.gcp.firestore_calls import Database

    return Database(firestore_client)

"""What the tests of all rooms share: the Firestore emulator, and a project in it."""

import gc
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.usecases.harness import Harness

# What only the emulator needs is imported with it: `make unit` does without.
if TYPE_CHECKING:
    from google.cloud import firestore

    from shared.gcp.firestore_calls import Database

EMULATOR = "FIRESTORE_EMULATOR_HOST"

# `pytest --hypothesis-profile=thorough` searches four times as long.
settings.register_profile("check", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("check")


def pytest_collection_finish() -> None:
    """What was imported stays: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """Functions look for garbage seldom: large things must go without it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def harness() -> Harness:
    """The worker and the use cases on fakes of all adapters."""
    return Harness()


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """host:port of an emulator: the one that is set, else one of our own."""
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
    """A client of an empty project of its own."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import firestore

    monkeypatch.setenv(EMULATOR, firestore_emulator)
    project = f"test-{uuid.uuid4().hex[:12]}"
    client = firestore.Client(project=project, credentials=AnonymousCredentials())
    yield client
    client.close()  # Google's


@pytest.fixture
def database(firestore_client: "firestore.Client") -> "Database":
    from shared.gcp.firestore_calls import Database

    return Database(firestore_client)

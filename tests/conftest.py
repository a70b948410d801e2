"""What the tests of all rooms share: the Firestore emulator, and a project in it."""

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


@pytest.fixture
def harness() -> Harness:
    """The worker and the use cases on fakes of all adapters."""
    return Harness()


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an emulator: the one that is set, else one of our own."""
    if host := os.environ.get(EMULATOR):
        yield host
        return
    import requests

    from local.emulators.firestore import running
    from local.stack import RULES

    log = tmp_path_factory.mktemp("firestore") / "log"
    with running(rules=RULES, memory="1g", log=log) as (host, _):
        # The first call of a new JVM takes longer than any call of ours may.
        first = f"http://{host}/v1/projects/p/databases/(default)/documents/a/b"
        requests.get(first, timeout=100)
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

"""What the tests of all rooms share: the Firestore emulator, and a project in it."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.firestore import find
from local.processes import Program, Running, answers, free_port, wait_until

EMULATOR = "FIRESTORE_EMULATOR_HOST"
# Files that share what is slow to start: with pytest-xdist they run in one process.
SHARING = {
    "tests/e2e": "the running stack",
    "tests/infra/test_terraform.py": "Terraform's providers",
    "tests/infra/test_deploy_walk.py": "Terraform's providers",
}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups right after
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Any other file is a group of its own, so that its fixtures are made once."""
    for item in items:
        place = item.path.relative_to(Path(__file__).parent.parent).as_posix()
        groups = (group for part, group in SHARING.items() if place.startswith(part))
        item.add_marker(pytest.mark.xdist_group(next(groups, place)))


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an emulator: the one that is set, else one of our own."""
    if host := os.environ.get(EMULATOR):
        yield host
        return
    running, host = _start(tmp_path_factory.mktemp("firestore") / "log")
    try:
        yield host
    finally:
        running.end()


def _start(log: Path) -> tuple[Running, str]:
    port = free_port()
    program = Program(
        name="the Firestore emulator",
        command=find().command(port=port, rules=None, memory="256m"),
        environment=os.environ,
        log=log,
    )
    running = Running(program)
    try:
        wait_until(answers(f"http://127.0.0.1:{port}/"), running)
    except BaseException:
        running.end()
        raise
    return running, f"127.0.0.1:{port}"


@pytest.fixture
def firestore_client(
    firestore_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[firestore.Client]:
    """A client of an empty project of its own."""
    monkeypatch.setenv(EMULATOR, firestore_emulator)
    project = f"test-{uuid.uuid4().hex[:12]}"
    client = firestore.Client(project=project, credentials=AnonymousCredentials())
    yield client
    client.close()  # type: ignore[no-untyped-call] # Google's

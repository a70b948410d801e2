"""A client of a Firestore emulator, with an owner's rights to everything."""

import os
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.money import EMULATOR


def firestore_of(emulator: str, project: str) -> Any:
    """`emulator`: host:port. The environment is unchanged afterwards."""
    # The client's constructor reads the emulator's address from the environment.
    before = os.environ.get(EMULATOR)
    os.environ[EMULATOR] = emulator
    try:
        return firestore.Client(project=project, credentials=AnonymousCredentials())
    finally:
        del os.environ[EMULATOR]
        os.environ.update({EMULATOR: before} if before else {})

"""The local stack before its first part runs."""

from pathlib import Path

import pytest

from local.processes import DidNotStart
from local.stack import Stack, StackOptions
from local.vendors import ADDRESSES


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"
    # What is named runs elsewhere, so that the functions alone start, and fail.
    elsewhere = dict.fromkeys(ADDRESSES, "http://127.0.0.1:1")
    options = StackOptions(
        environ=elsewhere | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"},
        source=tmp_path / "nothing.py",
        folder=folder,
    )

    with pytest.raises(DidNotStart), Stack(options):
        pass

    assert (folder / "key.json").exists()

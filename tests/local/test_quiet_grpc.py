"""What gRPC prints on stderr while `python -m local` runs."""

import os

import pytest

from local.__main__ import main

VARIABLE = "GRPC_VERBOSITY"


@pytest.mark.parametrize(("chosen", "is_used"), [("", "ERROR"), ("DEBUG", "DEBUG")])
def test_grpc_says_errors_alone_unless_it_is_asked_for_more(
    chosen: str, is_used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator ends under a listener: that is no error, and nothing to be read."""
    monkeypatch.setenv(VARIABLE, chosen)
    if not chosen:
        monkeypatch.delenv(VARIABLE)

    assert main(["token", "me"]) == 0

    assert os.environ[VARIABLE] == is_used

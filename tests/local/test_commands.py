"""`python -m local` and the bench: what they print and refuse."""

import os
import sys
from pathlib import Path

import pytest

import local.bench.__main__ as bench
from local.__main__ import main
from local.bench import rig
from local.money import EMULATOR


def test_the_bench_refuses_a_measurement_that_it_does_not_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as exited:
        bench.main(["--only", "reads", "cold_strat"])

    assert exited.value.code == 2
    assert "no cold_strat in ['cold_start'," in capsys.readouterr().err


def test_the_bench_leaves_neither_its_keys_nor_its_videos_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(EMULATOR, "127.0.0.1:9")
    monkeypatch.setattr(rig, "deployed_python", lambda: Path(sys.executable))

    with rig.start_rig() as running:
        assert running.key_file.exists()
    assert not running.folder.exists()


@pytest.mark.parametrize("chosen", ["", "DEBUG"])
def test_grpc_prints_only_errors_unless_set_otherwise(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it says between our lines that a server has ended, which is no error."""
    monkeypatch.setenv("GRPC_VERBOSITY", chosen)
    if not chosen:
        monkeypatch.delenv("GRPC_VERBOSITY")

    assert main(["token", "me"]) == 0

    assert os.environ["GRPC_VERBOSITY"] == (chosen or "ERROR")


@pytest.mark.parametrize("user", ["", "a/b", "__me__", "x" * 129])
def test_no_token_is_printed_that_the_api_would_refuse(
    user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["token", user]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "A user id is 1 to 128 characters without a slash." in printed.err

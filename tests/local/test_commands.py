"""The commands of the stack's servers, and of the bench: what they print and refuse."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

import local.bench.__main__ as bench
from local.__main__ import main
from local.identity import LocalIdentity
from local.processes import python

SIMULATOR = ("--faults", "runway=503,gemini-veo-3.1", "--seconds", "1")


@pytest.mark.parametrize(
    ("command", "where", "path", "entries"),
    [
        ("simulators runway", "address", "/_control/faults", 2),
        ("simulators google", "address", "/_control/faults", 2),
        ("emulators.storage", "address", "/_control/faults", 0),
        ("emulators.tasks", "control", "/queues", 3),
    ],
)
def test_a_server_prints_its_address_and_ends_on_sigterm(
    tmp_path: Path, command: str, where: str, path: str, entries: int
) -> None:
    pem, account, objects = (tmp_path / n for n in ("key.pem", "key.json", "objects"))
    identity = LocalIdentity.generate("demo")
    identity.save(pem)
    identity.write_service_account_file(account, account="a", token_uri="http://a")
    module, *vendor = command.split()
    options: dict[str, Any] = {
        "simulators": (*vendor, *SIMULATOR),
        "emulators.storage": ("--folder", objects, "--key", account),
        "emulators.tasks": ("--key", pem, "--project", "demo"),
    }

    with subprocess.Popen(
        python(f"local.{module}", *map(str, options[module])),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        found = requests.get(line[where] + path, timeout=100).json()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=100)

    assert (line["ready"], len(found)) == (True, entries)
    assert (process.returncode, said) == (0, ("", ""))


def test_the_bench_refuses_a_measurement_that_it_does_not_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as exited:
        bench.main(["--only", "reads", "cold_strat"])

    assert exited.value.code == 2
    assert "no cold_strat in ['cold_start'," in capsys.readouterr().err


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

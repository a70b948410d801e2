"""The simulators as programs: one line when ready, a quiet end on SIGTERM."""

import json
import signal
import subprocess
import sys

import pytest

from tests.local.simulated import control


@pytest.mark.parametrize("name", ["runway", "google"])
def test_a_simulator_says_where_it_is_and_ends_when_told(name: str) -> None:
    command = [sys.executable, "-m", f"local.simulators.{name}"]
    options = ["--faults", "runway=503,gemini-veo-3.1", "--seconds", "1", "--cache"]
    with subprocess.Popen(
        command + options, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        faults = control(line["address"], "GET", "faults")
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=30)

    assert line["ready"] is True
    assert len(faults) == 2
    assert (process.returncode, said, complained) == (0, "", "")

"""A small fault-injection run on the real stack keeps every promise."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from local.processes import python
from local.stack import ROOT
from tests.e2e.client import are_left, wait_for
from tests.e2e.conftest import bare_environment


@pytest.mark.timeout(1800)
def test_twelve_jobs_survive_every_fault(tmp_path: Path) -> None:
    options = ("--jobs", "12", "--seed", "1", "--time-scale", "0.2")
    environment = bare_environment() | {"TMPDIR": str(tmp_path)}

    ended = subprocess.run(
        python("local.fault_injection", *options),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr[-9000:]
    figures = json.loads(ended.stdout)
    assert figures["jobs"] >= 12
    assert figures["completed"] > 0
    assert figures["crashes"] > 10
    assert figures["faults"] > 10
    assert figures["duplicate_deliveries"] > 0
    assert figures["recoveries"] > 0
    assert figures["webhook_messages"] > 12
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = bare_environment() | {"TMPDIR": str(tmp_path)}
    chaos = subprocess.Popen(
        python("local.fault_injection"),
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
    )
    assert chaos.stderr is not None
    with chaos.stderr:
        while b"jobs: {" not in chaos.stderr.readline():
            assert chaos.poll() is None
        chaos.send_signal(signal.SIGINT)
        chaos.stderr.read()
    assert chaos.wait(200) == 130

    assert list(tmp_path.iterdir()) == []
    wait_for(lambda: not are_left(str(tmp_path)))

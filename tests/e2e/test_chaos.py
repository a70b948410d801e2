"""A small run of fault injection on the real stack: every promise holds."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from local.processes import python
from local.stack import ROOT
from tests.e2e.conftest import bare_environment

ZERO = (
    "lost",
    "not_terminal",
    "paid_twice",
    "ledger_drift_usd",
    "cap_overshoot_usd",
    "corrupt",
    "key_twice",
    "open_jobs_drift",
)


@pytest.mark.timeout(900)
def test_twelve_jobs_come_through_every_fault(tmp_path: Path) -> None:
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
    assert {name: figures[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert figures["jobs"] >= 12
    assert figures["completed"] > 0
    assert figures["crashes"] > 10
    assert figures["faults"] > 10
    assert figures["recoveries"] > 0
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
    assert chaos.wait(60) == 130

    assert list(tmp_path.iterdir()) == []
    assert _processes_that_mention(str(tmp_path)) == []


def _processes_that_mention(text: str) -> list[str]:
    """Those that still run after a moment's grace, by their environment."""
    give_up_at = time.monotonic() + 10
    while found := [p for p in _all_processes() if text in _environment_of(p)]:
        if time.monotonic() > give_up_at:
            return found
        time.sleep(0.1)
    return []


def _all_processes() -> list[str]:
    if not Path("/proc").is_dir():
        return []  # a Mac: the folder that is left empty is the proof there
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _environment_of(process: str) -> str:
    try:
        return Path(f"/proc/{process}/environ").read_text(errors="replace")
    except OSError:
        return ""

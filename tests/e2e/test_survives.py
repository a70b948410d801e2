"""After crashes and a lost queue, nothing paid for is lost or paid for again."""

import json
import signal
import socket
import subprocess
import uuid
from pathlib import Path

import pytest

from local.processes import PARTS, python
from local.stack import ROOT, Stack
from tests.e2e.client import (
    Frontend,
    Video,
    are_left,
    played,
    set_faults,
    submissions,
    wait_for,
)
from tests.e2e.conftest import bare_environment


def _is_generating(video: Video) -> bool:
    return bool(video["stage"] == "generating")


def _is_storing(video: Video) -> bool:
    return bool(video["stage"] == "storing")


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(lambda _: True, id="at once"),
        pytest.param(_is_generating, id="while the vendor works"),
        pytest.param(_is_storing, id="while the result is stored"),
    ],
)
def test_a_job_survives_its_worker_being_killed(
    stack: Stack, frontend: Frontend, moment: object
) -> None:
    video = frontend.create()
    frontend.wait(video, lambda v: moment(v) or v["status"] != "processing")  # type: ignore[operator]

    stack.kill("worker")
    video = frontend.wait(video)

    assert video["status"] == "completed"
    assert video["delivered"]["duration"] == played(video["video_url"])["seconds"]
    # Killed during a paid call, it can't know whether that arrived, and so asks Veo.
    unknown = [a for a in video["attempts"] if a["outcome"] == "unknown"]
    vendors = [s["vendor"] for s in submissions(stack, video["prompt"])]
    assert len(vendors) == len(set(vendors)) <= 1 + len(unknown)


def test_a_job_survives_a_kill_during_the_paid_call_and_another_a_purged_queue(
    stack: Stack, frontend: Frontend
) -> None:
    """Both at once, as both take long: a lease must expire, and the sweep must run."""
    purged = frontend.create()
    frontend.wait(purged, _is_generating)
    stack.purge_queues()
    late = {"provider": "runway", "kind": "late", "seconds": 20, "times": 1}
    set_faults(stack, [late])
    killed = frontend.create()
    frontend.wait(killed, lambda _: bool(submissions(stack, killed["prompt"])))
    stack.kill("worker")

    purged = frontend.wait(purged)
    killed = frontend.wait(killed)

    assert (purged["status"], purged["ai_model"]) == ("completed", "runway")
    assert len(submissions(stack, purged["prompt"])) == 1
    outcomes = [(a["ai_model"], a["outcome"]) for a in killed["attempts"]]
    assert outcomes == [
        ("runway", "unknown"),
        ("runway-http", "skipped"),
        ("gemini-veo-3.1", "succeeded"),
    ]
    vendors = [s["vendor"] for s in submissions(stack, killed["prompt"])]
    assert vendors == ["runway", "vertex"]


def test_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [*python("local", "up"), "--folder", str(tmp_path)]
    up = subprocess.Popen(
        command, cwd=ROOT, env=bare_environment(), stdout=subprocess.PIPE
    )
    assert up.stdout is not None
    with up.stdout:
        announced = json.loads(up.stdout.readline())
        up.send_signal(signal.SIGTERM)
        assert up.wait(200) == 0

    # A process that was killed may take a moment to disappear.
    wait_for(lambda: not any(_is_open(announced[part]) for part in PARTS))
    wait_for(lambda: not are_left(str(tmp_path)))


def _is_open(address: str) -> bool:
    port = int(address.rpartition(":")[2])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_demo_shows_the_fallback(firestore_emulator: str) -> None:
    command = [*python("local", "demo"), "--faults", "runway,runway-http"]
    database = {
        "FIRESTORE_EMULATOR_HOST": firestore_emulator,
        "GOOGLE_CLOUD_PROJECT": f"demo-{uuid.uuid4().hex[:8]}",
    }
    shown = subprocess.run(
        [*command, "--duration", "3"],
        cwd=ROOT,
        env=bare_environment() | database | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
    )

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "with sound" in shown.stdout
    # Once in the live view and once in the table.
    assert shown.stdout.count("rejected") == 4

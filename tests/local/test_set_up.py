"""What a fresh clone needs: locks that any pip takes, a word before the download."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import preflight
from local.lock import LOCKS, with_plain_names

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_locked_with_an_extra_is_locked_without_it_too(lock: str) -> None:
    locked = (ROOT / f"{lock}.txt").read_text()

    assert with_plain_names(locked) == locked


def test_a_lock_gains_the_plain_name_of_what_has_an_extra() -> None:
    hashes = " \\\n    --hash=sha256:1\n"

    gained = with_plain_names(f"a==1{hashes}b[x]==2{hashes}")

    assert gained == f"a==1{hashes}b[x]==2{hashes}b==2{hashes}"


def test_the_first_installer_is_the_one_that_all_are_installed_with() -> None:
    pins = {
        re.search(r"^uv==\S+", (ROOT / name).read_text(), re.MULTILINE)[0]  # type: ignore[index]
        for name in ("requirements-uv.txt", "requirements-dev.txt")
    }

    assert len(pins) == 1


@pytest.mark.parametrize("target", ["deploy", "plan", "destroy"])
def test_a_deploy_without_a_project_is_told_so_before_anything_is_installed(
    target: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)

    # Not that of a `make` which runs these tests.
    environ = {"PATH": os.environ["PATH"]}
    ran = subprocess.run(
        ["make", target], cwd=tmp_path, env=environ, capture_output=True, text=True
    )

    assert ran.returncode != 0
    assert ran.stdout == f"Name it: make {target} PROJECT=my-project\n"


def test_an_old_python_is_told_which_one_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10))

    assert preflight.problems() == [
        "Reelay needs Python 3.11 or newer, and this is 3.10:"
        " install it, or name it with PYTHON=python3.11."
    ]


def test_a_machine_without_the_emulator_is_told_before_anything_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    (problem,) = preflight.problems("emulator")

    assert "Node.js 20" in problem


def test_a_machine_without_a_browser_is_told_which_one_the_tests_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    (problem,) = preflight.problems("chromium")

    assert "apt install chromium" in problem


def test_the_browser_that_the_environment_names_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHROMIUM", sys.executable)

    assert preflight.find_chromium() == sys.executable
    assert preflight.problems("chromium") == []


def test_what_is_not_needed_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert preflight.problems() == []

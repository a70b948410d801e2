"""Setting up a fresh clone: locks that any pip accepts, checks before downloads."""

import fcntl
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
def test_a_package_locked_with_an_extra_is_also_locked_without_it(lock: str) -> None:
    locked = (ROOT / f"{lock}.txt").read_text()

    assert with_plain_names(locked) == locked


def test_a_lock_gains_the_plain_name_of_a_package_with_an_extra() -> None:
    hashes = " \\\n    --hash=sha256:1\n"

    gained = with_plain_names(f"a==1{hashes}b[x]==2{hashes}")

    assert gained == f"a==1{hashes}b[x]==2{hashes}b==2{hashes}"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_with_its_hashes(lock: str) -> None:
    """pip and uv check those that there are; a replaced release has others."""
    lines = re.sub(r"(?m)^ *#.*\n", "", (ROOT / f"{lock}.txt").read_text())
    packages = re.split(r"\n(?=\w)", lines)

    assert packages
    for package in packages:
        assert re.match(r"\S+==\S+", package), package
        assert "--hash=sha256:" in package, package


def test_all_locks_pin_the_same_installer() -> None:
    pins = {
        re.search(r"^uv==\S+", (ROOT / name).read_text(), re.MULTILINE)[0]  # type: ignore[index]
        for name in ("requirements-uv.txt", "requirements-dev.txt")
    }

    assert len(pins) == 1


@pytest.mark.parametrize("target", ["deploy", "plan", "destroy"])
def test_a_deploy_without_a_project_is_refused_before_anything_is_installed(
    target: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)

    # Without the variables of a `make` that runs these tests.
    environ = {"PATH": os.environ["PATH"]}
    ran = subprocess.run(
        ["make", target], cwd=tmp_path, env=environ, capture_output=True, text=True
    )

    assert ran.returncode != 0
    assert ran.stdout == f"Name it: make {target} PROJECT=my-project\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a fresh clone needs to install its packages."""
    for name in ("Makefile", "requirements-uv.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("local", "ops"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


# Without the variables of a `make` that runs these tests, and without the index.
ENVIRON = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1"}
MAKE = ("make", "unit", f"PYTHON={sys.executable}")


def test_packages_that_cannot_be_downloaded_are_said_to_need_a_connection(
    clone: Path,
) -> None:
    ran = subprocess.run(MAKE, cwd=clone, env=ENVIRON, capture_output=True, text=True)

    assert ran.returncode != 0
    assert "Check the connection to the package index" in ran.stderr


def test_a_second_first_run_waits_and_uses_what_the_first_one_installed(
    clone: Path,
) -> None:
    with (clone / "requirements-dev.txt").open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        second = subprocess.Popen(
            MAKE,
            cwd=clone,
            env=ENVIRON,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr
        said = second.stderr.readline()
        pytest_of_the_first = clone / ".venv/bin/pytest"
        pytest_of_the_first.parent.mkdir(parents=True, exist_ok=True)
        pytest_of_the_first.write_text("#!/bin/sh\necho tested\n")
        pytest_of_the_first.chmod(0o755)
        (clone / ".venv/.ready").touch()
    out, _ = second.communicate()

    assert (
        said == "Another make is installing the packages: waiting until it is done …\n"
    )
    assert (second.returncode, out) == (0, "tested\n")


def test_an_old_python_is_refused_with_the_version_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10))

    assert preflight.problems() == [
        "Reelay needs Python 3.11 or newer, and this is 3.10:"
        " install it, or name it with PYTHON=python3.11."
    ]


def test_a_missing_emulator_is_reported_before_anything_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    (problem,) = preflight.problems("emulator")

    assert "Node.js 20" in problem


def test_a_missing_browser_is_reported_with_the_one_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _: None)

    (problem,) = preflight.problems("chromium")

    assert "apt install chromium" in problem


def test_the_browser_named_by_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CHROMIUM", sys.executable)

    assert preflight.find_chromium() == sys.executable
    assert preflight.problems("chromium") == []


def test_a_program_that_is_not_needed_is_not_required(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert preflight.problems() == []

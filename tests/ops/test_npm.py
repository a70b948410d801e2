"""Building the page: the Node.js it needs, and when it is built again."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local import preflight
from ops import npm
from tests.programs import put_programs


@pytest.mark.parametrize(
    ("version", "is_fine"),
    [("v18.20.0", False), ("v20.18.9", False), ("v20.19.0", True), ("v21.9.0", False),
     ("v22.11.0", False), ("v22.12.0", True), ("v24.0.0", True), ("", False)],
)  # fmt: skip
def test_an_old_node_is_reported_before_anything_is_downloaded(
    version: str, is_fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = subprocess.CompletedProcess([], 0, stdout=f"{version}\n", stderr="")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: said)

    found = preflight.problems("page")

    assert [version in sentence for sentence in found] == ([] if is_fine else [True])


def test_a_machine_without_node_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    (problem,) = preflight.problems("page")

    assert "Node.js 20.19" in problem


def test_the_page_is_built_once_until_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run(*command: str) -> None:
        ran.append(" ".join(command[:2]))
        made = {"npm ci": "node_modules/x", "npm run": "dist/index.html"}[ran[-1]]
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).touch()

    monkeypatch.setattr(npm, "WEB", tmp_path)
    monkeypatch.setattr(npm, "DIST", tmp_path / "dist")
    monkeypatch.setattr(npm, "_run", run)
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "src").mkdir()
    source = tmp_path / "src" / "main.ts"
    source.touch()

    npm.build()
    npm.build()
    assert ran == ["npm ci", "npm run"]

    later = (tmp_path / "dist" / "index.html").stat().st_mtime + 1
    os.utime(source, (later, later))
    npm.build()
    assert ran == ["npm ci", "npm run", "npm run"]


def test_no_packages_own_script_is_run_and_a_failed_build_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A package that was taken over would otherwise run on the deployer's machine."""
    put_programs(tmp_path, {"npm": 'echo "$@"\n[ "$1" = ci ]'})
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(npm, "WEB", tmp_path)
    monkeypatch.setattr(npm, "DIST", tmp_path / "dist")
    monkeypatch.setattr(npm, "missing_for_page", list)

    assert npm.main([]) == 1

    installed, built = capfd.readouterr().out.splitlines()
    assert installed.startswith("ci ") and "--ignore-scripts" in installed
    assert built == "run --silent build"


def test_packages_are_never_installed_into_the_target_of_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(npm, "WEB", tmp_path)
    monkeypatch.setattr(npm, "_run", lambda *command: ran.append(command[0]))
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "node_modules").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(subprocess.CalledProcessError):
        npm.install()
    assert not ran

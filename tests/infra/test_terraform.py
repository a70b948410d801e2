"""Terraform run on infra/: its formatting, its validation and its own tests.

Providers come from the registry, or from a stand-in whose `setup` is in the folder
TERRAFORM_STANDIN. Without either, these tests are skipped, unless
REELAY_REQUIRE_TERRAFORM is 1.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent.parent
STANDIN = os.environ.get("TERRAFORM_STANDIN")
NEEDED = ("infra", "docs", "functions", "shared", "main.py", "requirements.txt")
NOT_COPIED = shutil.ignore_patterns(".terraform", "__pycache__")
# What init prints if it can't reach the registry.
UNREACHABLE = ("could not connect to registry", "Failed to query available provider")


def go_without(why: str) -> NoReturn:
    if os.environ.get("REELAY_REQUIRE_TERRAFORM") == "1":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def terraform() -> tuple[str, ...]:
    """The words with which a Terraform command begins."""
    if shutil.which("terraform") is None:
        go_without("Install Terraform 1.11 or newer to check infra/.")
    if not STANDIN:
        return ("terraform",)
    place = ROOT / ".local" / "terraform-standin"
    subprocess.run([f"{STANDIN}/setup", str(place)], check=True, capture_output=True)
    return (str(place / "run"), "terraform")


@pytest.fixture(scope="module")
def infra(terraform: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of infra/ and of the files that ship, initialised."""
    root = tmp_path_factory.mktemp("terraform")
    for name in NEEDED:
        if (source := ROOT / name).is_dir():
            shutil.copytree(source, root / name, ignore=NOT_COPIED)
        else:
            shutil.copy(source, root / name)
    folder = root / "infra"
    ran = run(terraform, folder, "init", "-backend=false", "-input=false")
    if any(words in ran.stderr for words in UNREACHABLE):
        go_without("Terraform's registry is out of reach: set TERRAFORM_STANDIN.")
    assert ran.returncode == 0, ran.stderr
    return folder


def run(
    terraform: tuple[str, ...], folder: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    command = [*terraform, *words, "-no-color"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )


def test_terraform_files_are_formatted(terraform: tuple[str, ...]) -> None:
    ran = run(terraform[-1:], ROOT / "infra", "fmt", "-check", "-recursive")

    assert ran.returncode == 0, f"Run terraform fmt -recursive infra: {ran.stdout}"


def test_terraform_files_are_valid(terraform: tuple[str, ...], infra: Path) -> None:
    ran = run(terraform, infra, "validate")

    assert ran.returncode == 0, ran.stderr + ran.stdout


def test_terraforms_own_tests_pass(terraform: tuple[str, ...], infra: Path) -> None:
    ran = run(terraform, infra, "test")

    assert ran.returncode == 0, ran.stderr + ran.stdout

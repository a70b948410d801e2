"""The test runner behind `make test` and `make check`."""

import os
import sys
from pathlib import Path

import pytest

from tests.side_by_side import PARTS, ROOT, main


def test_the_runner_fails_if_a_part_fails_and_names_the_test_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {f"part{n}": (str(tmp_path / f"test_{n}.py"),) for n in range(2)}
    for (file,), body in zip(parts.values(), ("pass", "assert 0"), strict=True):
        Path(file).write_text(f"def test_it():\n    {body}\n")
    bare = ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:schemathesis"]

    assert main(bare, parts) == 1

    failed, closing = capsys.readouterr().out.splitlines()[-2:]
    assert failed.startswith("FAILED ")
    assert closing.startswith("1 failed, 1 passed in ")


def test_a_failed_check_is_named_and_fails_the_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = (sys.executable, "-V"), (sys.executable, "-c", "exit(3)")

    assert main(["--check"], {}, [bad, good]) == 1

    failed, closing = capsys.readouterr().out.splitlines()[-2:]
    assert failed == f"FAILED {' '.join(bad)}"
    assert closing.startswith("no tests ran in ")


FILES = [*(ROOT / "tests").rglob("test_*.py")]


def test_every_test_is_in_exactly_one_part() -> None:
    assert {file: parts_of(file) for file in FILES if len(parts_of(file)) != 1} == {}


def parts_of(file: Path) -> list[str]:
    """The parts that run this file, as pytest reads their arguments."""
    path = str(file.relative_to(ROOT))

    def is_in(place: str) -> bool:
        return f"{path}/".startswith(f"{place}/")

    return [
        part
        for part, arguments in PARTS.items()
        if any(is_in(a) for a in arguments)
        and not any(is_in(a.removeprefix("--ignore=")) for a in arguments if "=" in a)
    ]

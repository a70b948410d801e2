"""The runner behind `make test` and `make check`."""

import os
from pathlib import Path

import pytest

from tests import side_by_side
from tests.side_by_side import ROOT, closing_line, main


def test_the_last_line_is_the_sum_of_all_parts() -> None:
    parts = [
        "2 failed, 300 passed, 1 skipped in 61.20s (0:01:01)\n",
        "5 passed, 1 warning, 2 errors in 3.00s\n",
    ]

    closing = closing_line(parts, 65.432)

    assert closing == (
        "2 errors, 2 failed, 305 passed, 1 skipped, 1 warning in 65.43s (0:01:05)"
    )


def test_it_fails_where_a_part_does_and_names_the_test_at_the_end(
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


def test_part_of_the_coverage_is_no_failure_of_a_part(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import shared\n\ndef test_it(): pass\n")

    code, lines = side_by_side._run("sample", [str(tmp_path)], measured=True)

    (ROOT / ".coverage.sample").unlink()
    assert code == 0, "".join(lines)

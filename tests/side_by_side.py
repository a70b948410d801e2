"""`python -m tests.side_by_side [OPTION …]`: all tests, in three pytest processes.

End-to-end and infrastructure tests mostly wait, the others mostly compute, so they run
at the same time; so does the run of fault injection, which waits the longest. Options
are passed on to all. With `--cov`, all are measured and the combined coverage is
reported. At the end: the names of the tests that failed, and
pytest's closing line for the sum.
"""

import itertools
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
WAITING = ("tests/e2e", "tests/infra")
CHAOS = "tests/e2e/test_chaos.py"
PARTS: Mapping[str, Sequence[str]] = {
    "chaos": (CHAOS,),
    "waiting": (*WAITING, f"--ignore={CHAOS}"),
    "computing": ("tests", *(f"--ignore={folder}" for folder in WAITING)),
}
_COUNT = re.compile(r"(\d+) (passed|failed|error|warning|skipped|deselected)")


def main(options: Sequence[str], parts: Mapping[str, Sequence[str]] = PARTS) -> int:
    began = time.monotonic()
    measured = "--cov" in options
    passed_on = [option for option in options if option != "--cov"]
    with ThreadPoolExecutor(len(parts)) as pool:
        started = [
            pool.submit(_run, part, [*folders, *passed_on], measured=measured)
            for part, folders in parts.items()
        ]
    ended = [each.result() for each in started]
    codes = [code for code, _ in ended]
    outputs = [output for _, output in ended]
    if measured:
        codes += _report_coverage(parts)
    for line in itertools.chain(*outputs):
        if line.startswith(("FAILED ", "ERROR ")):
            print(line, end="")
    closings = [output[-1] for output in outputs if output]
    print(closing_line(closings, time.monotonic() - began), flush=True)
    return next((code for code in codes if code), 0)


def _run(
    part: str, arguments: Sequence[str], *, measured: bool
) -> tuple[int, Sequence[str]]:
    """Passes on what pytest prints; its exit code and the lines, the last not empty."""
    # The threshold is for all parts together.
    coverage = ("--cov", "--cov-report=", "--cov-fail-under=0") if measured else ()
    cache = ("-o", f"cache_dir=.pytest_cache/{part}")
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments, *coverage, *cache],
        cwd=ROOT,
        env=os.environ | {"COVERAGE_FILE": _coverage_file(part)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(f"{part:9} | {line}", end="", flush=True)
            if line.strip():
                lines.append(line)
        return process.wait(), lines


def _coverage_file(part: str) -> str:
    return f".coverage.{part}"


def _report_coverage(parts: Iterable[str]) -> Sequence[int]:
    """Of all parts together; non-zero below the threshold in pyproject.toml."""
    coverage = [sys.executable, "-m", "coverage"]
    combine = [*coverage, "combine", "--quiet", *map(_coverage_file, parts)]
    return [
        subprocess.run(command, cwd=ROOT, check=False).returncode
        for command in (combine, [*coverage, "report"])
    ]


def closing_line(closings: Iterable[str], seconds: float) -> str:
    """`1 failed, 500 passed in 400.12s (0:06:40)`: the sum of all parts' lines."""
    total: Counter[str] = Counter()
    for line in closings:
        for count, what in _COUNT.findall(line):
            total[what] += int(count)
    counts = ", ".join(
        f"{count} {what}{'s' * (what in ('error', 'warning') and count > 1)}"
        for what, count in sorted(total.items())
    )
    minutes, rest = divmod(round(seconds), 60)
    return f"{counts or 'no tests ran'} in {seconds:.2f}s (0:{minutes:02}:{rest:02})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

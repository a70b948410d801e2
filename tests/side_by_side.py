"""`python -m tests.side_by_side [OPTION …]` runs all tests in five pytest processes.

Some tests mostly wait and others mostly compute, so they run at the same time. Options
are passed on to pytest. With `--check`, it measures the coverage of `shared` and runs
the other checks of `make check` at the same time. At the end it prints the failures and
pytest's closing line for the sum.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.emulator import SHARED, warm_emulator

ROOT = Path(__file__).parent.parent
E2E = "tests/e2e"
# The page in a browser.
PAGE = [f"{E2E}/page"]
# These start their own stacks; the other end-to-end tests share one.
OWN = ("chaos", "browser", "slow_bodies", "caps", "tracing")
APART = [f"{E2E}/test_{name}.py" for name in OWN]
AROUND = ["tests/infra", "tests/local", "tests/ops", "tests/fault_injection"]
# The tests of each part; `shared` are those that run the code of that folder in their
# own process, where its coverage can be measured.
PARTS: Mapping[str, Sequence[str]] = {
    "e2e": [E2E, *(f"--ignore={place}" for place in (*APART, *PAGE))],
    "apart": APART,
    "page": PAGE,
    "around": AROUND,
    "shared": ["tests", *(f"--ignore={folder}" for folder in (E2E, *AROUND))],
}
PYTHON = sys.executable
WEB_SCRIPTS = ("check", "test", "size")
CHECKS: Sequence[Sequence[str]] = (
    (PYTHON, "-m", "mypy"),
    (PYTHON, "-m", "ops.audit"),
    *(("npm", "--prefix", "web", "run", "--silent", x) for x in WEB_SCRIPTS),
    (
        *(".venv-checkov/bin/checkov", "--config-file", "infra/.checkov.yaml"),
        *("--directory", "infra"),
    ),
)
_COUNT = re.compile(r"(\d+) (passed|failed|error|warning|skipped|deselected)")


def main(
    options: Sequence[str],
    parts: Mapping[str, Sequence[str]] = PARTS,
    checks: Sequence[Sequence[str]] = CHECKS,
) -> int:
    """0 if all went well, else 1."""
    began = time.monotonic()
    is_check = "--check" in options
    passed_on = [option for option in options if option != "--check"]
    commands = {
        part: [_pytest(part, [*tests, *passed_on], measured=is_check)]
        for part, tests in parts.items()
    }
    if is_check:
        commands["checks"] = [*checks]
    with ThreadPoolExecutor(len(commands)) as pool:
        ended = dict(
            zip(commands, pool.map(_run_all, commands, commands.values()), strict=True)
        )
    failed = [line for lines, _ in ended.values() for line in lines]
    print(*failed, sep="\n", end="\n" * bool(failed))
    closings = [ended[part][1] for part in parts]
    print(closing_line(closings, time.monotonic() - began), flush=True)
    return 1 if failed else 0


def _pytest(part: str, arguments: Sequence[str], *, measured: bool) -> Sequence[str]:
    # The tests' own files are not measured.
    coverage = ["-m", "slipcover", "--dont-wrap-pytest"]
    cache = ["-o", f"cache_dir=.pytest_cache/{part}"]
    measuring = coverage if measured and part == "shared" else []
    # It computes all the time, so it goes on while the others wait.
    polite = ["nice", "-n", "5"] if part == "shared" else []
    return [*polite, PYTHON, *measuring, "-m", "pytest", *arguments, *cache]


def _run_all(part: str, commands: Iterable[Sequence[str]]) -> tuple[list[str], str]:
    """Run the commands; returns a line per failure, and pytest's closing line."""
    failed: list[str] = []
    closing = ""
    for command in commands:
        code, lines = _run(part, command)
        if code:
            named = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
            failed += named or [f"FAILED {' '.join(command)}"]
        closings = [line for line in lines if _COUNT.search(line) and " in " in line]
        closing = closings[-1] if closings else closing
    return failed, closing


def _run(part: str, command: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Run it, passing on its output; returns the exit code and the lines."""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(f"{part:6} | {line}", end="", flush=True)
            lines.append(line.rstrip())
        return process.wait(), lines


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
    with warm_emulator() as host:
        os.environ[SHARED] = host
        code = main(sys.argv[1:])
    sys.exit(code)

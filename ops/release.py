"""`python -m ops.release VERSION`, which `make release` calls.

Moves the unreleased entries of CHANGELOG.md under the version, keeps records that this
release writes for the tests of later ones, commits, and tags. Pushes nothing.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = "CHANGELOG.md"
UNRELEASED = re.compile(r"^## Unreleased\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
RELEASED = re.compile(r"^## (\d+)\.(\d+)\.(\d+) ", re.MULTILINE)
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class NotReleased(Exception):
    """The release can't be made; the message says why in one sentence."""


def released(changelog: str, version: str, today: date) -> str:
    """`changelog` with its unreleased entries under `version`. Raises NotReleased."""
    number = VERSION.fullmatch(version)
    if number is None:
        raise NotReleased(f"{version} is not a version: write it as 1.2.3.")
    newest = max((_numbers(m) for m in RELEASED.finditer(changelog)), default=(0, 0, 0))
    if _numbers(number) <= newest:
        latest = ".".join(map(str, newest))
        raise NotReleased(f"{version} is not newer than {latest}.")
    unreleased = UNRELEASED.search(changelog)
    if unreleased is None or not unreleased[1].strip():
        raise NotReleased(f"{CHANGELOG} lists nothing under Unreleased.")
    heading = f"## Unreleased\n\n## {version} ({today.isoformat()})\n"
    start = unreleased.start()
    return changelog[:start] + heading + changelog[unreleased.start(1) :]


def _numbers(match: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(part) for part in match.groups())


def release(root: Path, version: str, today: date) -> None:
    if _git(root, "branch", "--show-current") != "main":
        raise NotReleased("Releases are made from main.")
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise NotReleased("There are uncommitted changes.")
    changelog = root / CHANGELOG
    changelog.write_text(released(changelog.read_text(), version, today))
    write_records = [sys.executable, "-m", "tests.gcp.kept_records", version]
    subprocess.run(write_records, cwd=root, check=True)
    _git(root, "add", CHANGELOG, "tests/gcp/records")
    _git(root, "commit", "--quiet", "--message", f"Release {version}")
    _git(root, "tag", "--annotate", f"v{version}", "--message", f"Reelay {version}")


def _git(root: Path, *words: str) -> str:
    result = subprocess.run(
        ["git", *words], cwd=root, check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.release", description=__doc__)
    parser.add_argument("version")
    version = parser.parse_args(arguments).version
    try:
        release(ROOT, version, datetime.now(UTC).date())
    except NotReleased as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"v{version} is tagged. To publish it: git push --follow-tags origin main")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m ops.audit`: looks up the packages that ship in OSV, a database of known
vulnerabilities.

Fails if there is one. If OSV can't be reached, it says so, and fails only
with AUDIT=required.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOT_AUDITED = (
    "NOT AUDITED: OSV, the database of known vulnerabilities, can't be reached from "
    "here. Run `make audit` on a network that reaches it."
)
# pip-audit's words for a requirements file that it can't audit.
WRONG_LOCK = re.compile(r"_cli:(invalid requirements|requirement) ")


class WrongLockError(Exception):
    """The requirements file is missing, malformed or not pinned with hashes."""


def audit(args: argparse.Namespace) -> int:
    """Return 0 if no vulnerability is known.

    Return 1 if one is, if a package was skipped, if the requirements can't be audited,
    or if OSV is required but unreachable.
    """
    try:
        report = _report(args)
    except WrongLockError:
        return 1
    if report is None:
        print(NOT_AUDITED, file=sys.stderr)
        return 1 if args.required else 0
    known = [
        f"{package['name']} {package['version']}: {found['id']}"
        for package in report["dependencies"]
        for found in package.get("vulns", ())
    ]
    skipped = [p["name"] for p in report["dependencies"] if "skip_reason" in p]
    print(
        "\n".join(known + [f"{name}: not audited" for name in skipped])
        or f"{len(report['dependencies'])} packages, no known vulnerabilities"
    )
    return 1 if known or skipped else 0


def _report(args: argparse.Namespace) -> dict[str, Any] | None:
    """pip-audit's report; None if it ended without one. Raises WrongLockError."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json"]
    command += ["--vulnerability-service", "osv", "--progress-spinner", "off"]
    command += ["--require-hashes", "--disable-pip", "-r", str(args.requirements)]
    if args.osv_url:
        command += ["--osv-url", args.osv_url]
    result = subprocess.run(command, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        print(result.stderr.strip().rpartition("\n")[2][:300], file=sys.stderr)
        if WRONG_LOCK.search(result.stderr):
            raise WrongLockError from None
        return None
    return report


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.audit", description=__doc__)
    lock = ROOT / "requirements.txt"
    parser.add_argument("--requirements", type=Path, default=lock)
    parser.add_argument("--osv-url", help="another server with OSV's API")
    required = os.environ.get("AUDIT") == "required"
    parser.add_argument("--required", action="store_true", default=required)
    return audit(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

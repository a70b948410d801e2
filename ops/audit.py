"""`python -m ops.audit`: does anything that ships have a vulnerability known to OSV?

Fails if so. If OSV cannot be reached it says so, and fails only with AUDIT=required.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOT_AUDITED = (
    "NOT AUDITED: OSV, where known vulnerabilities are listed, can't be reached from "
    "here. Run `make audit` again where it can."
)


def audit(asked: argparse.Namespace) -> int:
    """0: none is known. 1: one is known, or OSV was not reached but is required."""
    report = _report(asked)
    if report is None:
        print(NOT_AUDITED, file=sys.stderr)
        return 1 if asked.required else 0
    known = [
        f"{package['name']} {package['version']}: {found['id']}"
        for package in report["dependencies"]
        for found in package.get("vulns", ())
    ]
    skipped = [p["name"] for p in report["dependencies"] if "skip_reason" in p]
    print("\n".join(known) or f"{len(report['dependencies'])} packages, none known")
    return 1 if known or skipped else 0


def _report(asked: argparse.Namespace) -> dict[str, Any] | None:
    """What pip-audit found; None if it ended without a report."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json"]
    command += ["--vulnerability-service", "osv", "--progress-spinner", "off"]
    command += ["--require-hashes", "--disable-pip", "-r", str(asked.requirements)]
    if asked.osv_url:
        command += ["--osv-url", asked.osv_url]
    ran = subprocess.run(command, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        print(ran.stderr.strip().rpartition("\n")[2][:300], file=sys.stderr)
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

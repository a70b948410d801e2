"""`python -m ops.audit`: looks up the packages that ship in OSV, a database of known
vulnerabilities.

Fails if there is one. If OSV can't be reached, it says so, and fails only with
AUDIT=required.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
OSV = "https://api.osv.dev/v1/query"
NOT_AUDITED = (
    "NOT AUDITED: OSV, the database of known vulnerabilities, can't be reached from "
    "here. Run `make audit` on a network that reaches it."
)
REACHED_SECONDS = 30


def main(arguments: Sequence[str]) -> int:
    """Return 0 if no vulnerability is known, or if OSV is out of reach and need not be
    reached. Any other failure is a failure: a package that was skipped, or a file that
    is missing, malformed or not pinned with hashes.
    """
    parser = argparse.ArgumentParser(prog="python -m ops.audit", description=__doc__)
    parser.add_argument("--requirements", default=str(ROOT / "requirements.txt"))
    parser.add_argument("--osv-url", default=OSV, help="another server with OSV's API")
    required = os.environ.get("AUDIT") == "required"
    parser.add_argument("--required", action="store_true", default=required)
    args = parser.parse_args(arguments)
    if not _is_reached(args.osv_url):
        print(NOT_AUDITED, file=sys.stderr)
        return 1 if args.required else 0
    command = [sys.executable, "-m", "pip_audit", "--strict", "--osv-url", args.osv_url]
    command += ["--vulnerability-service", "osv", "--progress-spinner", "off"]
    command += ["--require-hashes", "--disable-pip", "--requirement", args.requirements]
    return subprocess.run(command).returncode


def _is_reached(url: str) -> bool:
    try:
        with urlopen(url, timeout=REACHED_SECONDS):  # noqa: S310 - OSV's, or a test's
            return True
    except HTTPError:
        return True  # It answers, though not to a GET.
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

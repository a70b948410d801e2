"""`python3 -m local.preflight`: checks the machine before anything is downloaded.

Runs on whichever Python is installed, so the rest of the project is imported only after
its version has been checked.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

MIN_PYTHON = (3, 11)
NO_VENV = (
    "Python's venv module is missing: on Debian or Ubuntu, apt install python3-venv."
)


NO_CHROMIUM = (
    "Chromium is missing, which the tests drive: on Debian, apt install chromium; on "
    "macOS, brew install --cask chromium; or name a Chrome with CHROMIUM=/path/to/it."
)


def problems(*parts: str) -> list[str]:
    """A sentence for each thing that is missing, and how to get it.

    `parts`: also check what is needed for the local stack (`emulator`), for building
    the web page (`page`), or for all tests (`chromium`).
    """
    if sys.version_info < MIN_PYTHON:
        version = "{}.{}".format(*sys.version_info)
        return [
            f"Reelay needs Python 3.11 or newer, and this is {version}:"
            " install it, or name it with PYTHON=python3.11."
        ]
    found = [] if _can_make_venvs() else [NO_VENV]
    if "emulator" in parts:
        from local.emulators.firestore import missing_for_emulator

        found += missing_for_emulator()
    if "page" in parts:
        from ops.npm import missing_for_page

        found += missing_for_page()
    if "chromium" in parts and not find_chromium():
        found.append(NO_CHROMIUM)
    return found


def find_chromium() -> str | None:
    """The program that `CHROMIUM` names, else the first one found on the PATH."""
    named = os.environ.get("CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, names)), None)


def _can_make_venvs() -> bool:
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


if __name__ == "__main__":
    missing = problems(*sys.argv[1:])
    for problem in missing:
        print(problem, file=sys.stderr)
    sys.exit(bool(missing))

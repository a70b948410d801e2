"""`python3 -m local.install`: installs the packages that make needs into `.venv`.

uv installs the lock files as they are, without resolving, so neither later releases nor
the pip that came with Python make a difference. Uses nothing but the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ops.one_at_a_time import one_at_a_time

VENV = Path(".venv")
READY = VENV / ".ready"
INSTALLER = Path("requirements-uv.txt")
PACKAGES = Path("requirements-dev.txt")
WAITING = "Another make is installing the packages: waiting until it is done …"
INSTALLING = "Installing the packages, once, which takes a minute or two …"
NOT_INSTALLED = (
    "The packages could not be installed; the reason is above. Check the connection to "
    "the package index, and run the command again."
)
_PIP = "pip install --quiet --disable-pip-version-check --no-deps --require-hashes"
_UV = "uv pip sync --quiet --require-hashes"


def install() -> None:
    """Raises CalledProcessError if it can't."""
    with one_at_a_time(PACKAGES, WAITING):
        if is_ready():
            return
        print(INSTALLING, flush=True)
        _run("rm", "-rf", str(VENV))  # also where it is a link
        _run(sys.executable, "-m", "venv", str(VENV))
        _run(f"{VENV}/bin/python", "-m", *_PIP.split(), "-r", str(INSTALLER))
        _run(f"{VENV}/bin/python", "-m", *_UV.split(), str(PACKAGES))
        READY.touch()


def is_ready() -> bool:
    """Whether what is installed is newer than the lock files, as make sees it."""
    if not READY.exists():
        return False
    at = READY.stat().st_mtime
    return all(lock.stat().st_mtime <= at for lock in (INSTALLER, PACKAGES))


def _run(*command: str) -> None:
    environ = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    subprocess.run(command, env=environ, check=True)


if __name__ == "__main__":
    try:
        install()
    except subprocess.CalledProcessError:
        sys.exit(NOT_INSTALLED)

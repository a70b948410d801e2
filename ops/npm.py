"""`python3 -m ops.npm [--check]`: build the web page into web/dist, with Node.js.

`--check` only reports what is missing to build it. Uses nothing but the standard
library, because it runs on whichever Python is installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ops.one_at_a_time import one_at_a_time

WEB = Path(__file__).resolve().parents[1] / "web"
DIST = WEB / "dist"
# Vite's requirement: https://vite.dev/guide/, "^20.19.0 || >=22.12.0", 2026-11-29.
MIN_MINOR = {20: 19, 22: 12}  # by major version
NO_NODE = (
    "The web page is built with Node.js 20.19 or newer, or 22.12 or newer, and npm: "
    "{found}. Install it from https://nodejs.org, for example with nvm install 22."
)
LINKED = "web/node_modules is a link, and npm would empty its target: remove the link."
INSTALLING = "Installing the page's packages, once, which takes up to a minute …"
WAITING = "Another make is installing the page's packages: waiting until it is done …"
_INSTALLED_LOCK = "node_modules/.reelay-lock"
_QUIET = ("--loglevel=error", "--no-audit", "--no-fund")
# npm's own retries wait for 70 seconds without a word if there is no network.
_IMPATIENT = (
    "--prefer-offline",
    "--fetch-retries=3",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=10000",
)
_NOT_SOURCES = frozenset({"node_modules", "dist"})


def missing_for_page() -> list[str]:
    """Sentences that say what to install; empty if the page can be built."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return [NO_NODE.format(found="neither was found" if node is None else "no npm")]
    result = subprocess.run([node, "--version"], capture_output=True, text=True)
    version = re.match(r"v(\d+)\.(\d+)", result.stdout)
    if version and _is_new_enough(int(version[1]), int(version[2])):
        return []
    return [NO_NODE.format(found=f"this is Node.js {result.stdout.strip()}")]


def _is_new_enough(major: int, minor: int) -> bool:
    return major > max(MIN_MINOR) or minor >= MIN_MINOR.get(major, sys.maxsize)


def install() -> None:
    """Install the packages of the lock file, without running their install scripts.

    Does nothing if this lock file's packages are installed.
    """
    lock, done = WEB / "package-lock.json", WEB / _INSTALLED_LOCK
    if _is_installed(lock, done):
        return
    with one_at_a_time(lock, WAITING):
        if not _is_installed(lock, done):
            _install(lock, done)


def _is_installed(lock: Path, done: Path) -> bool:
    return done.is_file() and done.read_text() == lock.read_text()


def _install(lock: Path, done: Path) -> None:
    if done.parent.is_symlink():
        print(LINKED, file=sys.stderr)
        raise subprocess.CalledProcessError(1, ("npm", "ci"))
    print(INSTALLING, file=sys.stderr)
    _run("npm", "ci", *_QUIET, *_IMPATIENT, "--ignore-scripts")
    done.write_text(lock.read_text())


def build() -> None:
    """Install packages, and build unless the build is newer than its sources."""
    install()
    if not _is_built():
        _run("npm", "run", "--silent", "build")


def _is_built() -> bool:
    entry = DIST / "index.html"
    if not entry.is_file():
        return False
    built_at = entry.stat().st_mtime
    top = [each for each in WEB.iterdir() if each.name not in _NOT_SOURCES]
    # Folders too: removing a file changes only its folder's mtime.
    sources = [source for each in top for source in (each, *each.rglob("*"))]
    return all(source.stat().st_mtime <= built_at for source in sources)


def live_command(port: int) -> list[str]:
    """Vite's own server, which reloads the page as its sources change."""
    vite = str(WEB / "node_modules" / ".bin" / "vite")
    return [vite, str(WEB), "--host", "127.0.0.1", "--port", str(port), "--strictPort"]


def _run(*command: str) -> None:
    subprocess.run(command, cwd=WEB, check=True)


def main(options: list[str]) -> int:
    if missing := missing_for_page():
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    try:
        if "--check" not in options:
            build()
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

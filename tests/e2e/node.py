"""Node.js 22 and the tests' npm packages, installed once as locked."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from local.stack import ROOT
from tests.e2e.conftest import bare_environment

OLDEST = 22
# The npm package of Node.js, for machines whose own is older.
NODE = "node@22.23.3"
LOCAL = ROOT / ".local"
TSC = "node_modules/typescript/bin/tsc"
# npm packages that the tests' programs use.
FRONTEND = Path(__file__).with_name("frontend")
# Without it, fields of a request that have a default are required.
OPTIONAL = "--default-non-nullable=false"
QUIET = ("--silent", "--no-audit", "--no-fund")


@cache
def node() -> str:
    """The path of Node.js: the one on the PATH if it is new enough."""
    found = shutil.which("node")
    assert found and shutil.which("npm"), "Install Node.js 20 or newer, with npm."
    asked = subprocess.run([found, "--version"], capture_output=True, text=True)
    version = re.match(r"v(\d+)", asked.stdout)
    if version and int(version[1]) >= OLDEST:
        return found
    folder = LOCAL / NODE
    program = folder / "node_modules/node/bin/node"
    if not program.is_file():
        install = ["npm", "install", *QUIET, "--prefix", str(folder), NODE]
        subprocess.run(install, check=True, timeout=800)
    return str(program)


def installed(package: Path) -> Path:
    """A copy of the package's folder with dependencies, installed without scripts."""
    copy = LOCAL / package.name
    for old in copy.glob("*"):
        if old.is_dir() and old.name != "node_modules":
            shutil.rmtree(old)
    ignore = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(package, copy, dirs_exist_ok=True, ignore=ignore)
    lock, done = copy / "package-lock.json", copy / "node_modules/.lock"
    if not done.is_file() or done.read_text() != lock.read_text():
        install = ["npm", "ci", *QUIET, "--ignore-scripts"]
        subprocess.run(install, cwd=copy, check=True, timeout=800)
        done.write_text(lock.read_text())
    return copy


def run_node(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `node …` in `folder`; a failure shows its output."""
    return _run([node(), *arguments], folder, environment)


def run_npm(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `npm …` with the same Node.js."""
    program = shutil.which("npm")
    assert program
    return _run([program, *arguments], folder)


def _run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = f"{Path(node()).parent}:{bare_environment()['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=bare_environment() | {"PATH": path} | dict(environment or {}),
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def write_types(document: str, made: str, folder: Path) -> list[str]:
    """Generate types from an OpenAPI document; returns openapi-typescript's output."""
    generator = installed(FRONTEND) / "node_modules/openapi-typescript/bin/cli.js"
    done = run_node(str(generator), document, OPTIONAL, "-o", made, folder=folder)
    return (done.stdout + done.stderr).splitlines()


@cache
def ai_sdk() -> Path:
    """A copy of packages/ai-sdk, installed and built."""
    copy = installed(ROOT / "packages" / "ai-sdk")
    run_node(TSC, "--project", "tsconfig.build.json", folder=copy)
    return copy

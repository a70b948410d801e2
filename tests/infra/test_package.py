"""What ships: the zip by the allow-list, unpacked alone, imports and serves."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from local.identity import LocalIdentity
from local.processes import Program, Running, answers, free_port, wait_until

ROOT = Path(__file__).parent.parent.parent
PATTERNS = json.loads((ROOT / "infra" / "packaged.json").read_text())
FUNCTIONS = ("api", "worker", "sweep", "budget_alert")
ANSWERS = {"api": ("/health", 200), "worker": ("/", 401), "sweep": ("/", 401)} | {
    "budget_alert": ("/", 401)
}
IMPORT_ALL = """
import importlib, pathlib, sys
sys.path.insert(0, ".")
for file in sorted(pathlib.Path(".").rglob("*.py")):
    importlib.import_module(".".join(file.with_suffix("").parts))
"""


def packaged() -> list[Path]:
    return sorted(file for pattern in PATTERNS for file in ROOT.glob(pattern))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Terraform makes it, unpacked into an empty folder."""
    place = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(place / "source.zip", "w") as archive:
        for file in packaged():
            archive.write(file, file.relative_to(ROOT))
    with zipfile.ZipFile(place / "source.zip") as archive:
        archive.extractall(place / "source")
    return place / "source"


def test_only_what_runs_ships() -> None:
    tops = {file.relative_to(ROOT).parts[0] for file in packaged()}

    assert tops == {"main.py", "requirements.txt", "functions", "shared"}


def test_nothing_of_what_runs_is_left_behind() -> None:
    there = {
        file
        for folder in ("functions", "shared")
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert not there - {*packaged()}


def test_every_packaged_file_imports_with_nothing_else_beside_it(
    package: Path,
) -> None:
    ran = run([sys.executable, "-I", "-W", "error", "-c", IMPORT_ALL], package)

    assert ran.returncode == 0, ran.stderr


# With only what requirements.txt locks ------------------------------------------------


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment with only the locked packages."""
    place = tmp_path_factory.mktemp("venv")
    run(
        [sys.executable, "-m", "venv", "--without-pip", str(place)], ROOT
    ).check_returncode()
    python = ["--python", str(place / "bin" / "python")]
    sync = [sys.executable, "-m", "uv", "pip", "sync", "--quiet", *python]
    ran = run([*sync, "--require-hashes", "requirements.txt"], ROOT)
    assert ran.returncode == 0, ran.stderr
    return place / "bin"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_serves_from_the_package_alone(
    function: str, served: Mapping[str, str]
) -> None:
    path, status = ANSWERS[function]

    assert status_of(served[function] + path) == status


@pytest.fixture(scope="module")
def served(
    package: Path, locked: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Each function's address; all four started as Cloud Run starts them."""
    logs = tmp_path_factory.mktemp("logs")
    account = an_account(logs / "account.json")
    ports = {name: free_port() for name in FUNCTIONS}
    with ExitStack() as closing:
        started = {
            name: Running(
                Program(
                    name=name,
                    command=command(locked, package, name, port),
                    environment=in_the_cloud(name, port) | account,
                    log=logs / name,
                )
            )
            for name, port in ports.items()
        }
        for running in started.values():
            closing.callback(running.end)
        for name, running in started.items():
            wait_until(answers(f"http://127.0.0.1:{ports[name]}/health"), running)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


# An instance that was frozen ---------------------------------------------------------


def test_an_instance_that_wakes_up_keeps_its_worker_process(
    package: Path, locked: Path, tmp_path: Path
) -> None:
    """Cloud Run takes the CPU away between requests, and then calls again.

    With a limit of one second between heartbeats the frozen worker is overdue, and the
    arbiter, which wakes up first here, would kill it.
    """
    port = free_port()
    environment = in_the_cloud("sweep", port) | an_account(tmp_path / "account.json")
    running = Running(
        Program(
            name="sweep",
            command=command(locked, package, "sweep", port),
            environment=environment | {"CLOUD_RUN_TIMEOUT_SECONDS": "1"},
            log=tmp_path / "sweep",
        )
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(answers(url), running)
        arbiter = running.pid
        [worker] = children(arbiter)
        for pid in (arbiter, worker):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)  # the frozen time itself
        os.kill(arbiter, signal.SIGCONT)
        time.sleep(2)  # in which the arbiter looks at heartbeats, once a second
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)

        assert status_of(url) == 401
        assert children(arbiter) == [worker]
    finally:
        running.kill()
        running.end()


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def command(programs: Path, package: Path, name: str, port: int) -> list[str]:
    framework = str(programs / "functions-framework")
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [framework, "--target", name, "--source", str(package / "main.py"), *where]


def an_account(path: Path) -> dict[str, str]:
    """The function's own identity, which the metadata server has in the cloud."""
    identity = LocalIdentity.generate("my-project")
    nowhere = f"http://127.0.0.1:{free_port()}/token"
    identity.write_service_account_file(path, account="api", token_uri=nowhere)
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}


def in_the_cloud(name: str, port: int) -> dict[str, str]:
    """What Cloud Run and Terraform set: no emulator, nothing of this machine."""
    return {
        "PATH": "/usr/bin:/bin",
        "PORT": str(port),
        "K_SERVICE": name.replace("_", "-"),
        "FUNCTION_TARGET": name,
        "GOOGLE_CLOUD_PROJECT": "my-project",
        "BUCKET": "my-project-reelay-videos",
        "RUNWAY_API_KEY": "unset",
        "GEMINI_API_KEY": "unset",
        "THREADS": "4",
        "WORKER_URL": "https://us-central1-my-project.cloudfunctions.net/worker",
        "SWEEP_AUDIENCE": "https://us-central1-my-project.cloudfunctions.net/sweep",
        "BUDGET_ALERT_AUDIENCE": "https://us-central1-my-project.cloudfunctions.net/b",
        "TASKS_INVOKER": "tasks-invoker@my-project.iam.gserviceaccount.com",
        "SCHEDULER_INVOKER": "scheduler@my-project.iam.gserviceaccount.com",
        "PUBSUB_INVOKER": "pubsub@my-project.iam.gserviceaccount.com",
    }


def run(words: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        words, cwd=folder, env=kept, capture_output=True, text=True, check=False
    )


def status_of(url: str) -> int:
    try:
        with urlopen(url, data=None, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code

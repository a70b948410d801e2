"""The package that ships: the zip of the allow-list imports and serves by itself."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from local.identity import LocalIdentity
from local.processes import RunningProcess, answers, free_port, wait_until
from tests.infra.terraform_files import resources

ROOT = Path(__file__).parent.parent.parent
PATTERNS = json.loads((ROOT / "infra" / "packaged.json").read_text())
PRIVATE = ("worker", "sweep", "budget_alert")
ANSWERS = {"api": ("/health", 200)} | dict.fromkeys(PRIVATE, ("/", 401))
# The base interpreter, which doesn't have the packages of this environment.
PYTHON = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}")
IMAGE_TIME = datetime(1980, 1, 1, 0, 0, 1, tzinfo=UTC).timestamp()
DECODE = """
import sys
sys.path.append(sys.argv[1])
from shared.wiring import steps
steps.decoder_check()()
"""
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
    """The zip as Terraform builds it, unpacked into an empty folder."""
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


def test_everything_that_runs_ships() -> None:
    there = {
        file
        for folder in ("functions", "shared")
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert not there - {*packaged()}


def test_every_packaged_file_imports_by_itself(
    package: Path,
) -> None:
    ran = run([sys.executable, "-I", "-W", "error", "-c", IMPORT_ALL], package)

    assert ran.returncode == 0, ran.stderr


def test_a_start_compiles_no_module(package: Path, tmp_path: Path) -> None:
    """The build compiles the source, and the image then sets all times to one of 1980.

    https://github.com/GoogleCloudPlatform/buildpacks/blob/main/cmd/python/functions_framework/lib/lib.go
    https://github.com/buildpacks/lifecycle/blob/main/archive/writer.go
    """
    image = shutil.copytree(package, tmp_path / "image")
    (build,) = resources()["google_cloudfunctions2_function.functions"]["build_config"]
    compile_all = [sys.executable, "-m", "compileall", "-f", "-q", "."]
    environ = build.get("environment_variables", {})
    assert run(compile_all, image, **environ).returncode == 0
    for source in image.rglob("*.py"):
        os.utime(source, (IMAGE_TIME, IMAGE_TIME))
    compiled = bytecode(image)

    ran = run([sys.executable, "-c", "import main"], image)

    assert ran.returncode == 0, ran.stderr
    assert compiled
    assert bytecode(image) == compiled  # else Python has written it anew


def bytecode(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*.pyc")}


# With only what requirements.txt locks, where Google's buildpack installs it ----------


@pytest.fixture(scope="module")
def user_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PYTHONUSERBASE: the buildpack runs `pip install --user`, not in an environment.

    https://github.com/GoogleCloudPlatform/buildpacks/blob/main/pkg/python/python.go
    """
    base = tmp_path_factory.mktemp("user")
    place = sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)})
    sync = [sys.executable, "-m", "uv", "pip", "sync", "--quiet"]
    where = ["--python", str(PYTHON), "--target", place]
    ran = run([*sync, *where, "--require-hashes", "requirements.txt"], ROOT)
    assert ran.returncode == 0, ran.stderr
    return base


def test_an_image_and_a_video_are_decoded_from_the_package_alone(
    package: Path, user_base: Path
) -> None:
    words = [str(PYTHON), "-c", DECODE, str(package)]

    ran = run(words, package.parent, PYTHONUSERBASE=str(user_base))

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("function", ANSWERS)
def test_a_function_serves_from_the_package_alone(
    function: str, served: Mapping[str, str]
) -> None:
    path, status = ANSWERS[function]

    assert status_of(served[function] + path) == status


@pytest.fixture(scope="module")
def served(
    package: Path, user_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Each function's URL, with all four started as Cloud Run starts them."""
    place = tmp_path_factory.mktemp("logs")
    ports = {name: free_port() for name in ANSWERS}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    with ExitStack() as closing:
        started = {}
        for name, port in ports.items():
            running = start(name, port, user_base, package, place)
            started[name] = closing.enter_context(running)
        for name, running in started.items():
            wait_until(answers(f"{urls[name]}/health"), running)
        yield urls


def start(
    name: str, port: int, user_base: Path, package: Path, place: Path
) -> RunningProcess:
    """Start a function as Cloud Run does; its log and its account are in `place`."""
    framework = [str(PYTHON), "-m", "functions_framework", "--target", name]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    # The function's identity, which in the cloud comes from the metadata server.
    account = place / f"{name}.json"
    LocalIdentity.generate("my-project").write_service_account_file(
        account, account=name, token_uri=f"http://127.0.0.1:{free_port()}/token"
    )
    own = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(account),
        "PYTHONUSERBASE": str(user_base),
    }
    return RunningProcess(
        [*framework, "--source", str(package / "main.py"), *where],
        environment=in_the_cloud(name, port) | own,
        log=place / name,
    )


def in_the_cloud(name: str, port: int) -> dict[str, str]:
    """The environment that Cloud Run and Terraform set, without emulators."""
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


def run(
    words: list[str], folder: Path, **more: str
) -> "subprocess.CompletedProcess[str]":
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        words, cwd=folder, env=kept | more, capture_output=True, text=True, check=False
    )


def status_of(url: str) -> int:
    try:
        with urlopen(url, data=None, timeout=100) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code

"""The local stack before its first part runs."""

import io
import socket
from pathlib import Path

import pytest
from rich.console import Console
from werkzeug import Response

from local import functions
from local.__main__ import main
from local.dev import PARTS, first_port, stable_ports, welcome
from local.http_server import HttpServer
from local.processes import DidNotStart, answers, require_free
from local.stack import Stack, StackOptions
from local.vendors import ADDRESSES


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"
    # What is named runs elsewhere, so that the functions alone start, and fail.
    elsewhere = dict.fromkeys(ADDRESSES, "http://127.0.0.1:1")
    options = StackOptions(
        environ=elsewhere | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"},
        source=tmp_path / "nothing.py",
        folder=folder,
    )

    with pytest.raises(DidNotStart), Stack(options):
        pass

    assert (folder / "key.json").exists()


def test_a_busy_port_is_named_and_never_taken_for_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        options = StackOptions(environ={}, ports={"api": port}, folder=tmp_path)

        with pytest.raises(DidNotStart, match=rf"Port {port} \(api\) can't be used"):
            Stack(options).__enter__()

    assert list(tmp_path.iterdir()) == []


WRONG = [
    ("DAILY_LIMIT_USD", "abc"),
    ("DAILY_LIMIT_USD", "-1"),
    ("USER_MAX_JOBS", "abc"),
    ("ON_UNKNOWN_SUBMISSION", "x"),
    ("PROVIDER_CHAIN", "nope"),
    ("RUNWAY_MODEL", "gen9"),
    ("ALLOWED_ORIGINS", "nonsense"),
    ("RUNWAYML_BASE_URL", "nonsense"),
    ("LOCAL_PAID_POSTS_LIMIT", "many"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("command", ["up", "dev", "demo"])
def test_a_wrong_setting_is_said_before_anything_starts(
    command: str,
    name: str,
    value: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stack, "_start", pytest.fail)
    monkeypatch.setattr("ops.npm.install", pytest.fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv(name, value)

    assert main([command]) == 1

    said = capsys.readouterr()
    assert said.err.startswith(f"Wrong in the environment or in .env: {name}")
    assert said.out == ""


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--faults", "nope", "--faults: there is no provider nope, only runway"),
        ("--faults", "runway:boom", "--faults: runway:boom: boom is not a fault"),
        ("--seconds", "-1", "--seconds: a generation takes 0 seconds or more."),
        ("--seconds", "nan", "--seconds: "),
    ],
)
def test_a_wrong_option_of_up_is_said_before_anything_starts(
    option: str,
    value: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stack, "_start", pytest.fail)

    assert main(["up", option, value]) == 1

    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"FAULTS": "runwy"}, "FAULTS: there is no provider runwy"),
        ({"FAULTS": "runway", "RUNWAY_API_KEY": "key"}, "FAULTS needs the simulators"),
    ],
)
def test_make_dev_refuses_faults_that_cannot_be(
    environ: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stack, "__init__", pytest.fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert main(["dev"]) == 1

    assert capsys.readouterr().err.startswith(said)


def test_the_simulated_providers_fail_as_make_dev_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[str] = []

    def start(stack: Stack) -> None:
        begun.append(stack._options.faults)
        raise DidNotStart("far enough")

    monkeypatch.setattr(Stack, "_start", start)
    monkeypatch.setattr("ops.npm.install", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("FAULTS", "runway,runway-http")

    assert main(["dev"]) == 1

    assert begun == ["runway,runway-http"]


def test_the_stacks_own_settings_are_not_the_environments() -> None:
    """One that the stack sets anyway can't keep it from starting."""
    own = {"STORAGE_EMULATOR_HOST": "https://example.com", "K_SERVICE": "api"}

    assert Stack(StackOptions(environ=own))


@pytest.mark.parametrize(("status", "ready"), [(200, True), (401, True), (500, False)])
def test_a_server_that_fails_is_not_ready(status: int, ready: bool) -> None:
    with HttpServer(Response(status=status)) as server:
        assert answers(server.url)() is ready


def test_ports_of_make_dev_are_the_same_every_time() -> None:
    assert stable_ports(8700) == stable_ports(8700)
    assert len(set(stable_ports(8700).values())) == 8


@pytest.mark.parametrize("text", ["80000", "65529", "0", "-1", "abc", "", "9" * 5000])
def test_ports_of_make_dev_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(DidNotStart, match="a whole number from 1 to 65528; "):
        first_port(text)

    assert max(stable_ports(first_port("65528")).values()) == 65535


@pytest.mark.parametrize("webhooks", ["", "http://127.0.0.1:4000"])
def test_make_dev_shows_what_to_paste_at_its_own_ports(webhooks: str) -> None:
    stack = Stack(StackOptions(environ={}))
    ports = stable_ports(9300)
    stack.addresses = {part: f"http://127.0.0.1:{ports[part]}" for part in PARTS}
    stack.addresses["firestore"] = "127.0.0.1:9302"
    console = Console(width=60, file=io.StringIO())

    welcome(console, stack, webhooks=webhooks, faults="runway:500")

    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    making = ".venv/bin/python -m local key make me"
    assert "export API=http://127.0.0.1:9300" in lines
    assert any(line.startswith("export TOKEN=ey") for line in lines)
    assert f"An API key: FIRESTORE_EMULATOR_HOST=127.0.0.1:9302 {making}" in lines
    shown = [line.split()[-1] for line in lines if "webhooks" in line]
    assert shown == [webhooks] * bool(webhooks)
    assert [line.split()[-1] for line in lines if "faults" in line] == ["runway:500"]


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(DidNotStart, match=r"80000 \(api\) is not a port"):
        require_free("api", 80_000)


def test_origins_of_the_environment_are_added_to_the_stacks_own() -> None:
    environ = {"ALLOWED_ORIGINS": "http://localhost:5173, http://localhost:3000"}

    assert functions.origins("http://127.0.0.1:8701", environ) == [
        "http://127.0.0.1:8701",
        "http://localhost:8701",
        "http://localhost:5173",
        "http://localhost:3000",
    ]

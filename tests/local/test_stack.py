"""The local stack: settings, options and ports, before its first part starts."""

import io
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import proxy_bypass

import pytest
import requests
from rich.console import Console
from werkzeug import Response

from local import functions, processes
from local.__main__ import main
from local.dev import first_port, stable_ports, welcome
from local.functions import FUNCTIONS
from local.http_server import HttpServer
from local.processes import (
    PARTS,
    DidNotStart,
    RunningProcess,
    answers,
    free_port,
    require_distinct,
    require_free,
)
from local.stack import Stack, StackOptions
from local.vendors import ADDRESSES
from tests.programs import put_programs


def test_a_missing_folder_is_created(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "one"
    # All other parts run elsewhere, so only the functions start, and fail.
    elsewhere = dict.fromkeys(ADDRESSES, "http://127.0.0.1:1")
    options = StackOptions(
        environ=elsewhere | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"},
        source=tmp_path / "nothing.py",
        folder=folder,
    )

    with pytest.raises(DidNotStart), Stack(options):
        pass

    assert (folder / "key.json").exists()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_given_firestore_emulator_must_answer(tmp_path: Path, host: str) -> None:
    given = {"FIRESTORE_EMULATOR_HOST": host}
    # Else all the rest starts, and each call of the API fails.
    options = StackOptions(environ=given, folder=tmp_path)

    with (
        pytest.raises(DidNotStart, match=f"FIRESTORE_EMULATOR_HOST: .*{host}"),
        Stack(options),
    ):
        pass


def test_a_busy_port_is_reported_and_never_taken_for_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        options = StackOptions(environ={}, ports={"api": port}, folder=tmp_path)

        with pytest.raises(DidNotStart, match=rf"Port {port} \(api\) can't be used"):
            Stack(options).__enter__()

    assert list(tmp_path.iterdir()) == []


def test_a_free_port_is_none_that_another_program_gets_meanwhile() -> None:
    """A function that was killed needs its port again."""
    given_out = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(given_out.read_text().split()[0]) if given_out.exists() else 49_152

    assert [port for port in (free_port() for _ in range(20)) if port >= first] == []


def test_a_free_port_is_not_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = other.getsockname()[1]
        monkeypatch.setattr(processes, "OWN_PORTS", (busy,) * 20 + (free,))

        assert free_port() == free


def test_ctrl_c_while_a_process_starts_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[RunningProcess] = []

    def start(*args: Any, **options: Any) -> RunningProcess:
        started.append(RunningProcess(*args, **options))
        signal.raise_signal(signal.SIGINT)
        return started[-1]

    monkeypatch.setattr("local.stack.RunningProcess", start)

    with pytest.raises(KeyboardInterrupt):
        Stack(StackOptions(environ={}, folder=tmp_path)).__enter__()

    left = [each for each in started if not each.has_ended]
    for each in left:
        each.end()
    assert (len(started), left) == (1, [])


def test_ctrl_c_stops_waiting_for_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes seconds to start, and on a busy machine many."""
    put_programs(tmp_path, {"java": "exec sleep 600"})
    waited: list[str] = []

    def wait(*_: object) -> None:
        waited.append("until Ctrl-C")
        signal.raise_signal(signal.SIGINT)
        waited.append("after Ctrl-C")

    monkeypatch.setattr("local.emulators.firestore.wait_until", wait)
    monkeypatch.setattr(
        "local.emulators.firestore.find", lambda: (tmp_path / "java", Path("jar"))
    )
    stack = Stack(StackOptions(environ={}, folder=tmp_path))

    with pytest.raises(KeyboardInterrupt):
        stack.__enter__()

    assert waited == ["until Ctrl-C"]
    assert stack._parts["firestore"].has_ended


class _Part:
    """Stands in for a RunningProcess; `events` lists the signals and ends, in order."""

    has_ended = False

    def __init__(self, events: list[tuple[str, str]], log: Path) -> None:
        self._events, self._name = events, log.stem

    def announcement(self) -> dict[str, str]:
        return {"address": "http://127.0.0.1:1", "tasks": "x", "control": "x"}

    def send_signal(self, number: signal.Signals) -> None:
        self._events.append((number.name, self._name))

    def end(self) -> None:
        self._events.append(("end", self._name))


def test_parts_end_at_the_same_time_and_the_functions_before_what_they_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other they take so long that a restart finds its ports busy."""
    events: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "local.stack.RunningProcess", lambda *_, log, **__: _Part(events, log)
    )
    monkeypatch.setattr("local.stack.answers", lambda *_, **__: lambda: True)
    elsewhere = dict.fromkeys(ADDRESSES, "http://127.0.0.1:1")
    environ = elsewhere | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:1"}

    with Stack(StackOptions(environ=environ, folder=tmp_path)):
        pass

    others = {"storage", "tasks"}
    expected = [("SIGTERM", {*FUNCTIONS}), ("end", {*FUNCTIONS})]
    expected += [("SIGTERM", others), ("end", others)]
    for what, names in expected:
        now, events = events[: len(names)], events[len(names) :]
        assert {*now} == {(what, name) for name in names}
    assert events == []


def test_another_ctrl_c_does_not_interrupt_the_end_of_a_process() -> None:
    stack, ended = Stack(StackOptions(environ={})), []

    def end() -> None:
        signal.raise_signal(signal.SIGINT)
        ended.append("process")

    stack._closing.callback(end)

    with pytest.raises(KeyboardInterrupt):
        stack.__exit__()

    assert ended == ["process"]


@pytest.mark.usefixtures("signals")
def test_ctrl_c_stops_make_dev_while_it_starts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.npm.install", lambda: None)
    monkeypatch.setattr(Stack, "_start", lambda _: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr("local.dev.welcome", pytest.fail)

    assert main(["dev"]) == 0

    assert capsys.readouterr().out.endswith("Stopped.\n")


def test_make_dev_without_the_pages_packages_says_that_npm_failed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, "npm")

    monkeypatch.setattr("ops.npm.missing_for_page", list)
    monkeypatch.setattr("ops.npm.install", fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    assert main(["dev"]) == 1

    assert capsys.readouterr().err.startswith("npm could not install the web page's")


WRONG_SETTINGS = {
    "DAILY_LIMIT_USD": "-1",
    "USER_MAX_JOBS": "abc",
    "ON_UNKNOWN_SUBMISSION": "x",
    "PROVIDER_CHAIN": "nope",
    "RUNWAY_MODEL": "gen9",
    "ALLOWED_ORIGINS": "nonsense",
    "RUNWAYML_BASE_URL": "nonsense",
    "LOCAL_PAID_POSTS_LIMIT": "many",
}
WITH_KEY = {"FAULTS": "runway", "RUNWAY_API_KEY": "key"}


@pytest.mark.parametrize(
    ("command", "environ", "message"),
    [
        *(
            (command, {name: value}, f"Wrong in the environment or in .env: {name}")
            for command in ("up", "dev", "demo")
            for name, value in WRONG_SETTINGS.items()
        ),
        ("up --faults nope", {}, "--faults: there is no provider nope, only runway"),
        ("up --faults runway:boom", {}, "--faults: runway:boom: boom is not a fault"),
        ("up --seconds -1", {}, "--seconds: a generation takes 0 seconds or more."),
        ("up --seconds nan", {}, "--seconds: "),
        ("dev", {"FAULTS": "runwy"}, "FAULTS: there is no provider runwy"),
        ("dev", WITH_KEY, "FAULTS needs the simulators"),
    ],
)
def test_what_is_wrong_is_reported_before_anything_starts(
    command: str,
    environ: dict[str, str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stack, "_start", pytest.fail)
    monkeypatch.setattr("ops.npm.install", pytest.fail)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert main(command.split()) == 1

    printed = capsys.readouterr()
    assert printed.err.startswith(message)
    assert printed.out == ""


def test_make_dev_passes_faults_on_to_the_simulators(
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


def test_the_stacks_own_settings_override_the_environment() -> None:
    """A variable that the stack sets anyway can't prevent its start."""
    own = {"STORAGE_EMULATOR_HOST": "https://example.com", "K_SERVICE": "api"}

    assert Stack(StackOptions(environ=own))


@pytest.mark.parametrize(("status", "ready"), [(200, True), (401, True), (500, False)])
def test_a_server_that_fails_is_not_ready(status: int, ready: bool) -> None:
    with HttpServer(Response(status=status)) as server:
        assert answers(server.url)() is ready


@pytest.mark.parametrize(
    ("given", "direct"),
    [
        ({}, ()),
        ({"NO_PROXY": "a.kr"}, ("a.kr",)),
        ({"no_proxy": "a.kr"}, ("a.kr",)),
        ({"no_proxy": "*"}, ("a.kr",)),
    ],
)
def test_a_proxy_is_not_asked_for_this_machine(
    given: dict[str, str], direct: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    nobody = "http://127.0.0.1:1"
    for name, value in {"http_proxy": nobody, "HTTP_PROXY": nobody, **given}.items():
        monkeypatch.setenv(name, value)

    main(["token", "me"])

    with HttpServer(Response()) as server:
        assert answers(server.url)()
        assert requests.get(server.url, timeout=10).ok
    assert all(map(proxy_bypass, ("localhost", *direct)))
    assert given == {"no_proxy": "*"} or not proxy_bypass("b.kr")


@pytest.mark.parametrize("text", ["80000", "65529", "0", "-1", "abc", "", "9" * 5000])
def test_ports_of_make_dev_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(DidNotStart, match="a whole number from 1 to 65528; "):
        first_port(text)

    assert max(stable_ports(first_port("65528")).values()) == 65535


@pytest.mark.parametrize("webhooks", ["", "http://127.0.0.1:4000"])
def test_make_dev_shows_what_to_paste_at_its_own_ports(
    webhooks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    stack = Stack(StackOptions(environ={}))
    stack.folder = tmp_path
    ports = stable_ports(9300)
    stack.addresses = {part: f"http://127.0.0.1:{ports[part]}" for part in PARTS}
    stack.addresses["firestore"] = "127.0.0.1:9302"
    console = Console(width=60, file=io.StringIO(), record=True)

    welcome(console, stack, webhooks=webhooks, faults="runway:500")

    lines = console.export_text().splitlines()
    making = ".venv/bin/python -m local key make me"
    assert "export API=http://127.0.0.1:9300" in lines
    assert "export no_proxy=127.0.0.1" in lines
    assert any(line.startswith("export TOKEN=ey") for line in lines)
    assert f"Logs: {tmp_path}/worker.log, and one for each other part" in lines
    assert lines[-1].startswith("Ctrl-C stops everything and deletes its jobs")
    assert f"An API key: FIRESTORE_EMULATOR_HOST=127.0.0.1:9302 {making}" in lines
    shown = [line.split()[-1] for line in lines if "webhooks" in line]
    assert shown == [webhooks] * bool(webhooks)
    assert [line.split()[-1] for line in lines if "faults" in line] == ["runway:500"]


def test_a_port_out_of_range_is_refused() -> None:
    with pytest.raises(DidNotStart, match=r"80000 \(api\) is not a port"):
        require_free("api", 80_000)


def test_a_port_that_two_parts_are_given_is_refused() -> None:
    require_distinct({"api": 0, "web": 0, "tasks": 8701})

    twice = StackOptions(environ={}, ports={"api": 8701, "web": 8701})
    refused = pytest.raises(DidNotStart, match=r"api and web can't share port 8701")
    with refused, Stack(twice):
        pass


def test_origins_of_the_environment_are_added_to_the_stacks_own() -> None:
    environ = {"ALLOWED_ORIGINS": "http://localhost:5173, http://localhost:3000"}

    assert functions.origins("http://127.0.0.1:8701", environ) == [
        "http://127.0.0.1:8701",
        "http://localhost:8701",
        "http://localhost:5173",
        "http://localhost:3000",
    ]

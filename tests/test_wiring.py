"""Which links the settings allow, and that a part is built once."""

import subprocess
import sys
import threading
from collections.abc import Callable
from inspect import unwrap
from pathlib import Path

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from shared import wiring
from shared.domain.catalogue import ProviderId
from shared.settings import Settings

ROOT = Path(__file__).parents[1]
BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}
EMULATORS = {
    "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
    "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
    "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1",
}


def run(code: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """In a process of its own, which has imported nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def configured(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[ProviderId, str | None]]:
    """The class that each provider is built as, None where it is not configured."""

    def configured(**environ: str) -> dict[ProviderId, str | None]:
        known = Settings.from_env(BARE | environ)
        monkeypatch.setattr(wiring, "settings", lambda: known)
        found_now = unwrap(wiring.credentials)
        monkeypatch.setattr(wiring, "credentials", found_now)
        providers = unwrap(wiring.providers)()
        built = {each: providers.get(each) for each in ProviderId}
        assert built == {each: providers.get(each) for each in ProviderId}
        assert [providers.is_configured(p) for p in built] == [
            found is not None for found in built.values()
        ]
        parts = {each: getattr(p, "transport", p) for each, p in built.items()}
        return {each: type(p).__name__ if p else None for each, p in parts.items()}

    return configured


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_provider_is_there_if_its_key_or_identity_is(
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[..., dict[ProviderId, str | None]],
    is_complete: bool,
) -> None:
    def default(**_: object) -> tuple[AnonymousCredentials, str]:
        if not is_complete:
            raise DefaultCredentialsError("not logged in")
        return AnonymousCredentials(), "demo-x"

    monkeypatch.setattr(google.auth, "default", default)
    keys = ("key_1", "AIza1") if is_complete else ("unset", "")

    built = configured(RUNWAY_API_KEY=keys[0], GEMINI_API_KEY=keys[1])

    named = ("SdkTransport", "HttpTransport", "Veo", "Omni")
    assert list(built.values()) == list(named if is_complete else [None] * 4)


def test_a_part_is_built_once_however_many_ask_at_once() -> None:
    built: list[object] = []

    @wiring.once
    def part() -> object:
        built.append(object())
        return built[-1]

    threads = [threading.Thread(target=part) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(built), part()) == (1, built[0])


def test_an_identity_that_could_not_be_found_is_looked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The metadata server may not answer a process that has just started."""
    identity, failures = AnonymousCredentials(), [DefaultCredentialsError("too busy")]

    def default(**_: object) -> tuple[AnonymousCredentials, str]:
        if failures:
            raise failures.pop()
        return identity, "demo-x"

    monkeypatch.setattr(google.auth, "default", default)
    credentials = wiring.once(unwrap(wiring.credentials))

    assert [credentials() for _ in range(3)] == [None, identity, identity]


def test_while_traces_are_off_nothing_of_their_library_is_imported() -> None:
    """Google's clients import its API, which does nothing, but not its SDK."""
    code = """
import sys
from shared import tracing, wiring
wiring.settings(), wiring.database(), wiring.queue(), wiring.providers()
from functions.http.request_context import request_context
with tracing.root("request", {}), tracing.span("step", a="b"):
    assert tracing.task_headers() == {}
print([name for name in sys.modules if name.startswith(
    ("opentelemetry.sdk", "opentelemetry.exporter", "shared.gcp.cloud_trace"))])
"""
    ran = run(code, BARE | EMULATORS)

    assert ran.stdout == "[]\n", ran.stderr


def test_no_vendors_sdk_is_imported_before_it_is_asked() -> None:
    """A worker that polls Runway would start with a second of Google's."""
    code = """
import sys
import google.auth
from google.auth.credentials import AnonymousCredentials
google.auth.default = lambda **_: (AnonymousCredentials(), "demo-x")
from shared import wiring
assert wiring.providers() and wiring.translator()
print([name for name in ("google.genai", "runwayml") if name in sys.modules])
assert wiring.translator().max_cost_usd("너구리") > 0
"""
    ran = run(code, BARE)

    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_a_poll_loads_nothing_that_only_other_steps_need() -> None:
    code = """
import sys
import google.auth
from google.auth.credentials import AnonymousCredentials
google.auth.default = lambda **_: (AnonymousCredentials(), "demo-x")
from shared import wiring
class Reports:
    def read(self): return frozenset()
    def write(self, _): pass
wiring._provider_reports = Reports
assert wiring.advance().following.poll
print([name for name in ("google.cloud.storage", "shared.media", "google.genai")
       if name in sys.modules])
assert wiring.advance().storing.bring_in
assert "google.cloud.storage" in sys.modules
"""
    ran = run(code, BARE | EMULATORS)

    assert (ran.stdout, ran.returncode) == ("[]\n", 0), ran.stderr


def test_a_bucket_that_cannot_be_built_stops_a_start_before_it_spends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An error between the intent and the POST would be an unknown outcome."""

    def broken() -> None:
        raise DefaultCredentialsError("no identity")

    monkeypatch.setattr(wiring, "settings", lambda: Settings.from_env(BARE))
    monkeypatch.setattr(wiring, "bucket", broken)

    with pytest.raises(DefaultCredentialsError):
        assert wiring.lazy(unwrap(wiring._starting)).start

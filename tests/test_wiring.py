"""Which links the settings allow, and that a part is built once."""

import threading
from collections.abc import Callable

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from shared import wiring
from shared.domain.catalogue import ProviderId
from shared.settings import Settings

BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}


@pytest.fixture
def configured(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., dict[ProviderId, str | None]]:
    """The class that each provider is built as, None where it is not configured."""

    def configured(**environ: str) -> dict[ProviderId, str | None]:
        known = Settings.from_env(BARE | environ)
        monkeypatch.setattr(wiring, "settings", lambda: known)
        providers = wiring.providers.__wrapped__()  # type: ignore[attr-defined]
        built = {each: providers.get(each) for each in ProviderId}
        assert built == {each: providers.get(each) for each in ProviderId}
        assert [providers.is_configured(p) for p in built] == [
            found is not None for found in built.values()
        ]
        parts = {each: getattr(p, "transport", p) for each, p in built.items()}
        return {each: type(p).__name__ if p else None for each, p in parts.items()}

    return configured


def _nobody(**_: object) -> None:
    raise DefaultCredentialsError("nobody is logged in")


def test_a_provider_without_a_key_or_an_identity_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[..., dict[ProviderId, str | None]],
) -> None:
    monkeypatch.setattr(google.auth, "default", _nobody)

    assert configured(RUNWAY_API_KEY="unset") == dict.fromkeys(ProviderId)


def test_each_key_opens_its_providers(
    monkeypatch: pytest.MonkeyPatch,
    configured: Callable[..., dict[ProviderId, str | None]],
) -> None:
    somebody = AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda **_: (somebody, "demo-x"))

    assert configured(RUNWAY_API_KEY="key_1", GEMINI_API_KEY="AIza1") == {
        ProviderId.RUNWAY: "SdkTransport",
        ProviderId.RUNWAY_HTTP: "HttpTransport",
        ProviderId.VEO: "Veo",
        ProviderId.OMNI: "Omni",
    }


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

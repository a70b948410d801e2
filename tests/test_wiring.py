"""Which links the settings allow, and that a part is built once."""

import threading
from collections.abc import Mapping

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from shared import wiring
from shared.domain.catalogue import ProviderId
from shared.settings import Settings

BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}


def providers(environ: Mapping[str, str]) -> dict[ProviderId, str | None]:
    providers = wiring.ConfiguredProviders(Settings.from_env(BARE | dict(environ)))
    built = {provider_id: providers.get(provider_id) for provider_id in ProviderId}
    assert {
        provider_id: providers.get(provider_id) for provider_id in ProviderId
    } == built
    assert providers.missing() == {
        provider_id for provider_id, found in built.items() if not found
    }
    return {
        provider_id: type(p).__name__ if p else None for provider_id, p in built.items()
    }


def _nobody(**_: object) -> None:
    raise DefaultCredentialsError("nobody is logged in")


def test_a_provider_without_a_key_or_an_identity_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(google.auth, "default", _nobody)

    assert providers({"RUNWAY_API_KEY": "unset"}) == dict.fromkeys(ProviderId)


def test_each_key_opens_its_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda **_: (somebody, "demo-x"))

    assert providers({"RUNWAY_API_KEY": "key_1", "GEMINI_API_KEY": "AIza1"}) == {
        ProviderId.RUNWAY: "RunwaySdk",
        ProviderId.RUNWAY_HTTP: "RunwayHttp",
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

"""Which links the settings allow, and that a part is built once."""

import threading
from collections.abc import Mapping

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from shared import wiring
from shared.domain.catalogue import Link
from shared.settings import Settings

BARE = {"GOOGLE_CLOUD_PROJECT": "demo-x", "BUCKET": "videos"}


def links(environ: Mapping[str, str]) -> dict[Link, str | None]:
    providers = wiring.ConfiguredProviders(Settings.from_env(BARE | dict(environ)))
    built = {link: providers.get(link) for link in Link}
    assert {link: providers.get(link) for link in Link} == built
    assert providers.missing() == {link for link, found in built.items() if not found}
    return {link: type(p).__name__ if p else None for link, p in built.items()}


def _nobody(**_: object) -> None:
    raise DefaultCredentialsError("nobody is logged in")


def test_a_link_without_a_key_or_an_identity_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(google.auth, "default", _nobody)

    assert links({"RUNWAY_API_KEY": "unset"}) == dict.fromkeys(Link)


def test_each_key_opens_its_links(monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = AnonymousCredentials()
    monkeypatch.setattr(google.auth, "default", lambda **_: (somebody, "demo-x"))

    assert links({"RUNWAY_API_KEY": "key_1", "GEMINI_API_KEY": "AIza1"}) == {
        Link.RUNWAY: "RunwaySdk",
        Link.RUNWAY_HTTP: "RunwayHttp",
        Link.VEO: "Veo",
        Link.OMNI: "Omni",
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

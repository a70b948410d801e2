"""What all tests of providers leave out."""

import ssl

import pytest


@pytest.fixture(autouse=True)
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client of an SDK loads all certificate authorities, which takes longer than
    most of these tests; no server of theirs speaks TLS.
    """
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)

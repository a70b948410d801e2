"""Who signs the tokens of these tests, and where its public keys are."""

from collections.abc import Iterator

import pytest

from local.http_server import HttpServer, as_json, routed
from local.identity import LocalIdentity
from tests.gcp.firebase_signing import PROJECT


@pytest.fixture(scope="session")
def identity() -> LocalIdentity:
    return LocalIdentity.generate(PROJECT)


@pytest.fixture(scope="session")
def certs_url(identity: LocalIdentity) -> Iterator[str]:
    certificates = as_json(identity.certificates())
    with HttpServer(routed({("GET", "/certs"): lambda _: certificates})) as server:
        yield f"{server.url}/certs"

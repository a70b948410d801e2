"""Who signs the tokens of these tests, and an https server that they trust."""

from collections.abc import Iterator

import pytest

from local.http_server import HttpServer, as_json, routed
from local.identity import LocalIdentity
from tests.gcp.firebase_signing import PROJECT
from tests.gcp.small_web import Site, Trust, serving, trusted


@pytest.fixture(scope="session")
def identity() -> LocalIdentity:
    return LocalIdentity.generate(PROJECT)


@pytest.fixture(scope="session")
def certs_url(identity: LocalIdentity) -> Iterator[str]:
    certificates = as_json(identity.certificates())
    with HttpServer(routed({("GET", "/certs"): lambda _: certificates})) as server:
        yield f"{server.url}/certs"


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return trusted(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(trust: Trust) -> Iterator[Site]:
    """Over https."""
    made = Site()
    with serving(made, trust.server()):
        yield made

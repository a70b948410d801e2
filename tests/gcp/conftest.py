"""An identity that signs tokens, and an https server at public addresses."""

from collections.abc import Iterator

import pytest

from local.http_server import HttpServer, as_json, routed
from local.identity import LocalIdentity
from shared.gcp.web_download import PublicWeb
from tests.gcp.firebase_signing import PROJECT
from tests.gcp.internet import Internet, leading_to
from tests.gcp.small_web import HOST, PUBLIC, Site, Trust, trusted


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
def internet() -> Iterator[Internet]:
    names = (HOST, "other.example", "wrong.example", "xn--bcher-kva.example")
    made = Internet(zone={name: [[PUBLIC]] for name in names})
    made.zone["inside.example"] = [["192.168.0.1"]]
    with leading_to(made):
        yield made
    assert made.escaped == []


@pytest.fixture
def site(trust: Trust, internet: Internet) -> Iterator[Site]:
    """A server over https, to which the public address of every name leads."""
    with Site(trust.server()) as made:
        internet.routes[PUBLIC] = made.server_port
        yield made


@pytest.fixture
def vendor(internet: Internet) -> Iterator[Site]:
    """A server on this machine, over http, as the settings may name one."""
    with Site() as made:
        internet.routes[f"127.0.0.1:{made.server_port}"] = made.server_port
        yield made


@pytest.fixture
def web(trust: Trust, internet: Internet) -> PublicWeb:
    """As shipped, except that it trusts the tests' certificate."""
    return PublicWeb(tls=trust.client(), total_seconds=300)

"""TLS to vendors: untrusted certificates, and authorities loaded ahead of calls."""

import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from shared.domain.outcomes import NotSent, PollFailed
from tests.gcp.small_web import certificate
from tests.providers.provider_cases import ProviderCase, each, request_for
from tests.providers.vendor_server import Reply, Vendor


@each()
def test_nothing_is_sent_to_a_vendor_with_an_untrusted_certificate(
    case: ProviderCase, tmp_path: Path
) -> None:
    own = certificate(tmp_path / "own.pem", x509.IPAddress(ip_address("127.0.0.1")))
    with Vendor(Reply(body=case.accepted), own.server()) as server:
        provider = case.make(server.url)

        assert isinstance(provider.start(request_for(case)), NotSent)
        assert isinstance(provider.poll(case.task()), PollFailed)
    assert server.received == []


@each()
def test_a_call_does_not_load_certificate_authorities(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    with Vendor(Reply(body=case.accepted)) as server:
        provider = case.make(server.url)
        provider.poll(case.task())
        for name in ("load_verify_locations", "load_default_certs"):
            monkeypatch.setattr(
                ssl.SSLContext, name, lambda *which, **_: read.append(which)
            )
        provider.poll(case.task())

    assert len(server.received) == 2
    assert read == []

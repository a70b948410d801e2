"""However slowly a vendor answers, a paid call ends before its lease does."""

import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509

from shared.cutoff import Cutoff
from shared.domain import timing
from shared.domain.outcomes import Accepted, Unknown
from shared.providers import paid_post, response_limits
from tests.gcp.small_web import certificate
from tests.providers.provider_cases import (
    RUNWAY,
    RUNWAY_HTTP,
    VEO,
    ProviderCase,
    each,
    request_for,
    submitted,
)
from tests.providers.vendor_server import Conduct, Reply, Vendor


@each()
def test_a_vendor_that_does_not_answer_is_given_up_at_the_read_limit(
    case: ProviderCase,
) -> None:
    outcome = submitted(case, Reply(conduct=Conduct.HANG))

    assert isinstance(outcome, Unknown)
    # And not only at the cutoff, which looks like a lost connection.
    assert "Timeout" in outcome.detail


DRIPPING = [Conduct.DRIP_HEAD, Conduct.DRIP_BODY]


@pytest.fixture(params=["http", "https"])
def tls(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> ssl.SSLContext | None:
    """The TLS context of a vendor that all providers trust; None for plain HTTP."""
    if request.param == "http":
        return None
    own = certificate(tmp_path / "own.pem", x509.IPAddress(ip_address("127.0.0.1")))
    monkeypatch.setattr(response_limits, "tls_context", own.client)
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(own.pem))
    return own.server()


@pytest.mark.parametrize("conduct", DRIPPING)
@each()
def test_an_answer_that_drips_in_is_cut_off_at_the_calls_limit(
    case: ProviderCase,
    conduct: Conduct,
    tls: ssl.SSLContext | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cutoffs: list[Cutoff] = []

    def cutoff(seconds: float) -> Cutoff:
        cutoffs.append(Cutoff(seconds))
        return cutoffs[-1]

    monkeypatch.setattr(paid_post, "Cutoff", cutoff)
    with Vendor(Reply(body=case.accepted, conduct=conduct), tls) as server:
        server.while_dripping = lambda: cutoffs[0].cut()
        outcome = case.make(server.url).start(request_for(case))

    assert isinstance(outcome, Unknown)
    assert (len(server.received), len(cutoffs)) == (1, 1)


@pytest.mark.parametrize("conduct", DRIPPING)
@each(RUNWAY, RUNWAY_HTTP, VEO)
def test_a_slow_answer_within_the_limit_counts(
    case: ProviderCase, conduct: Conduct
) -> None:
    outcome = submitted(case, Reply(body=case.accepted, conduct=conduct))

    assert isinstance(outcome, Accepted)


def test_a_paid_call_is_over_before_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float] = []
    monkeypatch.setattr(paid_post, "Cutoff", seconds.append)

    paid_post.cutoff(paid_post.READ_SECONDS)

    assert seconds == [timing.POST_LIMIT.total_seconds()]
    # Nor does a poll, a fetch or a cancel take longer.
    assert paid_post.FREE_READ_SECONDS <= paid_post.READ_SECONDS

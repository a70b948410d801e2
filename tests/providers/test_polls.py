"""What every provider's poll has in common."""

import pytest

from shared.domain.outcomes import PollFailed
from tests.providers.provider_cases import PROVIDERS, ProviderCase
from tests.providers.vendor_server import Conduct, Reply, vendor


@pytest.mark.parametrize("case", PROVIDERS, ids=lambda case: case.name)
def test_a_poll_that_hangs_is_cut_off_and_counts_as_failed(
    case: ProviderCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vendor(Reply(conduct=Conduct.HANG)) as server:
        provider = case.make(server.url)
        module = type(provider).__module__
        monkeypatch.setattr(f"{module}.FREE_READ_SECONDS", 0.2)
        poll = provider.poll(case.task())

    assert isinstance(poll, PollFailed)
    assert len(server.received) == 1

"""Calls have limits, and responses are read up to one."""

from types import ModuleType

import httpx
import httpx2
import pytest

from shared.providers.paid_post import CONNECT_SECONDS, SendState
from shared.providers.response_limits import response_hook, single_call_client


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_response_is_read_up_to_the_limit(library: ModuleType) -> None:
    def read(size: int) -> object:
        response = library.Response(200, stream=library.ByteStream(b"x" * size))
        response_hook(library, 6)(response)
        return response.read()

    assert read(6) == b"xxxxxx"
    with pytest.raises(library.ReadError):
        read(7)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_call_has_its_own_limits_and_ignores_the_environment(
    library: ModuleType,
) -> None:
    with single_call_client(
        library, read_seconds=3, max_bytes=6, send_state=SendState()
    ) as client:
        request = client.build_request("POST", "https://vendor.example", timeout=99)
        (before_sending,) = client.event_hooks["request"]
        before_sending(request)

    timeout = request.extensions["timeout"]
    assert (timeout["connect"], timeout["read"]) == (CONNECT_SECONDS, 3)
    assert request.headers["accept-encoding"] == "identity"
    assert not client.trust_env

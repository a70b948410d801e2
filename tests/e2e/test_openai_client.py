"""OpenAI's own client, unchanged, against a running stack."""

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from local.stack import Stack
from tests.e2e.client import Server

# The client's authors deprecated all of `client.videos`, which these routes serve.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The Sora API is scheduled:DeprecationWarning"
)


@pytest.fixture
def client(stack: Stack, server: Server) -> Iterator[OpenAI]:
    address = f"{stack.addresses['api']}/openai/v1"
    with OpenAI(base_url=address, api_key=server.api_key) as client:
        yield client


def test_an_image_that_is_too_large_gets_an_answer_and_no_broken_connection(
    client: OpenAI,
) -> None:
    """The framework reads the rest of the body first, which must not fail."""
    content = b"\xff\xd8\xff" + bytes(31_000_000)

    with pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(prompt="a raccoon", input_reference=content)

    assert caught.value.status_code == 413

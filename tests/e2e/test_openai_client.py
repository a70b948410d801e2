"""OpenAI's own client, unchanged, against the whole of it."""

import io
from collections.abc import Iterator

import av
import openai
import pytest
from openai import OpenAI
from PIL import Image

from local.stack import Stack
from tests.e2e.client import IMAGE, Server

# Its authors mark all of `client.videos` so; it is why these routes are here.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The Sora API is scheduled:DeprecationWarning"
)


@pytest.fixture
def client(stack: Stack, server: Server) -> Iterator[OpenAI]:
    address = f"{stack.addresses['api']}/openai/v1"
    with OpenAI(base_url=address, api_key=server.api_key) as client:
        yield client


def test_from_a_file_to_an_mp4_and_gone(client: OpenAI) -> None:
    video = client.videos.create_and_poll(
        prompt="a raccoon looks up",
        model="sora-2",
        seconds="4",
        size="1280x720",
        input_reference=IMAGE,
        poll_interval_ms=200,
    )

    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert (video.seconds, video.size) == ("4", "1280x720")
    content = client.videos.download_content(video.id).read()
    with av.open(io.BytesIO(content), "r") as mp4:
        assert sum(1 for _ in mp4.decode(video=0)) > 0
    poster = client.videos.download_content(video.id, variant="thumbnail").read()
    assert Image.open(io.BytesIO(poster)).size == (1280, 720)
    assert video.id in [listed.id for listed in client.videos.list(limit=1)]
    assert client.videos.delete(video.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve(video.id)


def test_too_large_an_image_is_told_and_not_cut_off(client: OpenAI) -> None:
    """The framework reads what is left before it answers: that must not fail."""
    content = b"\xff\xd8\xff" + bytes(31_000_000)

    with pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(prompt="a raccoon", input_reference=content)

    assert caught.value.status_code == 413

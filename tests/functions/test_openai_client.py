"""OpenAI's own client, unchanged, against our compatible routes on fakes."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import openai
import pytest
from flask import Flask, Response, request
from openai import OpenAI

from local.http_server import HttpServer
from shared.domain.catalogue import ProviderId
from shared.domain.kill_switch import Level
from shared.domain.structs import replace
from tests.domain.examples import a_job, a_new_job, completed
from tests.fakes.clock import NOON
from tests.functions.openai_harness import JPEG, LosingAnswers, app_on, uploads
from tests.usecases.harness import Harness

# The client's authors deprecated all of `client.videos`, which these routes serve.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The Sora API is scheduled:DeprecationWarning"
)


@pytest.fixture
def server(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> LosingAnswers:
    return LosingAnswers(app_on(harness, monkeypatch))


@pytest.fixture
def address(server: LosingAnswers) -> Iterator[str]:
    with HttpServer(server) as served:
        yield f"{served.url}/openai/v1"


@pytest.fixture
def client(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=address, api_key="ann") as client:
        yield client


def test_a_lost_answer_leaves_one_job_and_one_image(
    client: OpenAI, server: LosingAnswers, harness: Harness
) -> None:
    server.to_lose = 1

    video = client.videos.create(prompt="a cat", input_reference=JPEG)

    assert server.handled == 2
    assert [job.job_id for job in harness.jobs.all] == [video.id]
    assert len(uploads(harness)) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_all_pages_are_listed_newest_first(
    client: OpenAI, harness: Harness, limit: int
) -> None:
    for n in range(4):
        harness.jobs.put(a_new_job(job_id=f"job{n}", at=NOON + timedelta(minutes=n)))

    pages = client.videos.list(limit=limit, order="desc")
    ids = [video.id for video in islice(pages, 5)]

    assert ids == ["job3", "job2", "job1", "job0"]
    rest = client.videos.list(after="job2", limit=1)
    assert ([v.id for v in rest.data], rest.has_more) == (["job1"], True)


def test_the_video_is_downloaded_without_our_token(
    client: OpenAI, harness: Harness
) -> None:
    seen: list[dict[str, str]] = []
    bucket = Flask("bucket")

    @bucket.get("/job1.mp4")
    def video() -> Response:
        seen.append(dict(request.headers))
        return Response(b"an mp4")

    with HttpServer(bucket) as served:
        url = f"{served.url}/job1.mp4?sig=1"
        there = replace(completed(a_job(), ProviderId.RUNWAY), video_url=url)
        harness.jobs.put(there)
        content = client.videos.download_content("job1").read()

    assert content == b"an mp4"
    assert len(seen) == 1 and "Authorization" not in seen[0]


def test_a_deleted_video_is_gone(client: OpenAI, harness: Harness) -> None:
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    assert client.videos.delete("job1").deleted

    with pytest.raises(openai.NotFoundError):
        client.videos.retrieve("job1")


def paused(harness: Harness) -> None:
    harness.set_level(Level.PAUSED)


def full(harness: Harness) -> None:
    harness.jobs.limits = replace(harness.jobs.limits, max_open_jobs=0)


@pytest.mark.parametrize(
    ("prepare", "size", "error", "param"),
    [
        (None, "1x1", openai.BadRequestError, "size"),
        (paused, "1280x720", openai.InternalServerError, None),
        (full, "1280x720", openai.RateLimitError, None),
    ],
    ids=["wrong", "paused", "full"],
)
def test_the_client_does_not_retry_a_refusal(
    client: OpenAI,
    server: LosingAnswers,
    harness: Harness,
    prepare: Callable[[Harness], None] | None,
    size: Any,
    error: type[openai.APIStatusError],
    param: str | None,
) -> None:
    if prepare:
        prepare(harness)

    with pytest.raises(error) as caught:
        client.videos.create(prompt="a", input_reference=JPEG, size=size)

    assert (server.handled, caught.value.param) == (1, param)
    assert harness.jobs.all == []


NOT_OFFERED: dict[str, tuple[dict[str, Any], str]] = {
    "remix": ({"video_id": "job1", "prompt": "bluer"}, "remix"),
    "edit": ({"video": b"an mp4", "prompt": "bluer"}, "edits"),
    "extend": ({"video": b"an mp4", "prompt": "on", "seconds": "4"}, "extensions"),
    "create_character": ({"name": "Mia", "video": b"an mp4"}, "characters"),
    "get_character": ({"character_id": "char_1"}, "characters"),
    "download_content": ({"video_id": "job1", "variant": "spritesheet"}, "variant"),
    "list": ({"order": "asc"}, "order"),
}


@pytest.mark.parametrize("verb", NOT_OFFERED)
def test_the_client_does_not_retry_what_is_not_offered(
    client: OpenAI, server: LosingAnswers, harness: Harness, verb: str
) -> None:
    fields, param = NOT_OFFERED[verb]
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))

    with pytest.raises(openai.BadRequestError) as caught:
        getattr(client.videos, verb)(**fields)

    assert (server.handled, caught.value.param) == (1, param)
    assert f"`{param}`" in caught.value.message

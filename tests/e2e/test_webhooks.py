"""A webhook, from its request over the running stack to its receiver's library."""

import pytest
import standardwebhooks

from local.stack import Stack
from tests.e2e.client import Frontend, Server
from tests.e2e.receiver import Receiver


def test_a_server_hears_of_the_end_and_its_library_verifies_who_says_so(
    stack: Stack, server: Server, receiver: Receiver
) -> None:
    receiver.answers["/verified"] = [500]

    video = server.create(duration=3, webhook_url="https://example.com/verified?t=hush")
    ended = server.wait(video, lambda v: v["webhook"]["status"] != "pending")

    # On a busy machine an answer may come too late: then there are more.
    missed, *_, taken = messages = receiver.messages["/verified"]
    verifier = standardwebhooks.Webhook(server.webhook_secret)
    event = verifier.verify(taken.body, dict(taken.headers))
    assert missed.headers["Webhook-Id"] == taken.headers["Webhook-Id"]
    assert event["type"] == "video.completed"
    assert event["data"]["video_url"] == ended["video_url"]
    assert event["data"] | {"webhook": ended["webhook"]} == ended
    assert ended["webhook"] == {"status": "delivered", "attempts": len(messages)}
    assert "hush" not in "".join(
        log.read_text(errors="replace") for log in stack.folder.glob("*.log")
    )


def test_a_webhook_outlives_the_worker_and_the_queue(
    stack: Stack, server: Server, receiver: Receiver
) -> None:
    video = server.create(
        image_url="https://nowhere.internal/", webhook_url="https://a.example/1"
    )
    server.wait(video)
    for _ in range(3):
        stack.kill("worker")
        stack.purge_queues()

    server.wait(video, lambda v: v["webhook"]["status"] == "delivered", 90)

    ids = {message.headers["Webhook-Id"] for message in receiver.messages["/1"]}
    assert ids == {f"msg_{video['job_id']}"}


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "is only for API keys"), ("ko", "API 키로 요청할 때만")],
)
def test_a_user_is_told_that_webhooks_are_for_keys(
    frontend: Frontend, language: str, said: str
) -> None:
    frontend.headers["Accept-Language"] = language
    body = {"prompt": "a raccoon", "webhook_url": "https://example.com/hook"}

    answer = frontend.call("POST", "/v1/videos", body)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "webhook_url")
    assert said in error["message"]

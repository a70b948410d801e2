"""Webhooks from the running stack to a receiver that verifies them."""

import standardwebhooks

from local.stack import Stack
from tests.e2e.client import Server
from tests.e2e.receiver import Receiver


def test_a_webhook_arrives_and_is_verified_by_the_public_library(
    stack: Stack, server: Server, receiver: Receiver
) -> None:
    receiver.answers["/verified"] = [500]

    video = server.create(duration=3, webhook_url="https://example.com/verified?t=hush")
    ended = server.wait(video, lambda v: v["webhook"]["status"] != "pending")

    # On a busy machine an answer may come too late, and then there are more messages.
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

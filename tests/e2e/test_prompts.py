"""Korean prompts on the running stack, with a translation model that may fail."""

from decimal import Decimal
from typing import Any

import requests

from local.stack import Stack
from tests.e2e.client import Frontend, submissions

KOREAN = "고양이가 창밖을 바라본다"
ENGLISH = "A cat looks out of the window"


def translations(stack: Stack) -> list[dict[str, Any]]:
    """The calls that the simulated model charged for."""
    url = stack.addresses["google"] + "/_control/submissions"
    made: list[dict[str, Any]] = requests.get(url, timeout=100).json()["translations"]
    return made


def test_a_korean_prompt_is_sent_in_english_and_both_are_shown(
    stack: Stack, frontend: Frontend
) -> None:
    reviewed = frontend.retry("POST", "/v1/prompts", {"prompt": KOREAN}).json()
    before = translations(stack)

    video = frontend.wait(frontend.create(prompt=KOREAN))

    assert reviewed == {"prompt": ENGLISH, "language": "ko", "translated": True}
    assert video["status"] == "completed"
    assert (video["prompt"], video["prompt_sent"]) == (KOREAN, ENGLISH)
    assert submissions(stack, ENGLISH)
    assert not submissions(stack, KOREAN)
    [paid] = translations(stack)[len(before) :]
    assert Decimal(video["cost_usd"]) == Decimal("0.25") + Decimal(paid["cost_usd"])
    logs = "".join(log.read_text() for log in stack.folder.glob("*.log"))
    assert "prompt_translated" in logs
    assert KOREAN not in logs
    assert ENGLISH not in logs

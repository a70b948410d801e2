"""Wires the api's real use cases to the fakes of a harness."""

from functools import partial

import pytest

from shared.wiring import guards, use_cases
from tests.usecases.harness import Harness

USE_CASES = (
    *("create_video", "get_video", "list_videos", "cancel_video", "delete_video"),
    *(
        "start_upload",
        "store_inline_image",
        "translate_prompt",
        "estimate",
        "list_models",
    ),
    "show_usage",
)


def wire(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what `wiring` would build in a function by what `harness` builds."""
    for name in USE_CASES:
        monkeypatch.setattr(use_cases, name, partial(getattr, harness, name))
    monkeypatch.setattr(guards, "kill_switch", lambda: harness.kill_switch)

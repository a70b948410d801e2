"""The pause between two tries."""

import time

import pytest

from shared.request_time import limited_to
from shared.system import pause


def test_a_pause_ends_with_its_requests_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    pause(10)
    with limited_to(2):
        pause(10)
    with limited_to(-1):
        pause(10)

    assert 5 <= slept[0] <= 10 and 0 < slept[1] <= 2 and slept[2] == 0

"""Pauses between retries, and the time limit of a request."""

import time

import pytest

from shared.request_time import left_seconds, limited_to
from shared.system import pause


def test_a_pause_never_exceeds_the_requests_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)

    pause(10)
    with limited_to(2):
        pause(10)
    with limited_to(-1):
        pause(10)

    assert 5 <= slept[0] <= 10 and 0 < slept[1] <= 2 and slept[2] == 0


def test_a_requests_time_starts_with_its_first_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cold start imports for seconds before its first call."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    with limited_to(12):
        now[0] = 20
        assert left_seconds() == 12
        now[0] = 33
        assert left_seconds() == -1

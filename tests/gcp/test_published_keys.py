"""Caching Google's published keys, and using old ones while Google doesn't answer."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.auth.exceptions import TransportError

from shared.domain.errors import Unreachable
from shared.gcp.published_keys import (
    GRACE_SECONDS,
    MAX_LIFE_SECONDS,
    MIN_LIFE_SECONDS,
    RETRY_SECONDS,
    PublishedKeys,
)

URL = "https://keys.example/certs"
KEYS = {"kid": "a certificate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    data: bytes = json.dumps(KEYS).encode()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Google:
    """Answers or raises `reply`, and counts requests; `now` is the simulated time."""

    def __init__(self, reply: Response | Exception) -> None:
        self.reply, self.request_count, self.now = reply, 0, 1000.0

    def __call__(self, url: str, *, timeout: float, **_: object) -> Any:
        assert url == URL
        assert 0 < timeout <= 10
        self.request_count += 1
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    def keys(self) -> PublishedKeys:
        return PublishedKeys(URL, request=self, monotonic=lambda: self.now)


@pytest.mark.parametrize(
    ("cache_control", "life_seconds"),
    [
        ("public, max-age=19283, must-revalidate, no-transform", 19283),
        ("max-age=5", MIN_LIFE_SECONDS),
        ("max-age=0", MIN_LIFE_SECONDS),
        ("MAX-AGE=999999", MAX_LIFE_SECONDS),
        ("no-store", MIN_LIFE_SECONDS),
        ("max-age=soon", MIN_LIFE_SECONDS),
        ("", MIN_LIFE_SECONDS),
    ],
)
def test_keys_are_cached_for_as_long_as_google_says_within_limits(
    cache_control: str, life_seconds: float
) -> None:
    google = Google(Response(headers={"Cache-Control": cache_control}))
    keys = google.keys()

    keys("any address")
    google.now += life_seconds - 1
    assert json.loads(keys("any address").data) == KEYS
    assert google.request_count == 1

    google.now += 1
    keys("any address")
    assert google.request_count == 2


def test_a_new_key_is_fetched_once_a_token_names_it() -> None:
    google = Google(Response())
    keys = google.keys()
    keys(URL)
    google.reply = Response(data=json.dumps(KEYS | {"new": "another"}).encode())

    keys.expect("new")
    assert json.loads(keys(URL).data) == KEYS
    google.now += RETRY_SECONDS
    keys.expect("kid")
    assert json.loads(keys(URL).data) == KEYS
    keys.expect("new")
    assert "new" in json.loads(keys(URL).data)

    for _ in range(3):
        keys.expect("made up")
        keys(URL)
    assert google.request_count == 2


FAILURES = [
    pytest.param(TransportError("down"), id="no answer"),
    pytest.param(Response(status=503), id="out of order"),
    pytest.param(Response(data=b"<html>"), id="not JSON"),
    pytest.param(Response(data=b'["no", "object"]'), id="a list"),
    pytest.param(Response(data=b"{}"), id="no key"),
    pytest.param(Response(data=b'{"keys": [{"kty": "RSA"}]}'), id="a JWK set"),
]


@pytest.mark.parametrize("failure", FAILURES)
def test_old_keys_stay_valid_for_a_while_without_new_ones(failure: Any) -> None:
    google = Google(failure)
    keys = google.keys()
    with pytest.raises(Unreachable):
        keys(URL)
    google.reply = Response()
    keys(URL)

    google.reply = failure
    google.now += MIN_LIFE_SECONDS + GRACE_SECONDS - 1
    assert json.loads(keys(URL).data) == KEYS

    google.now += 1
    with pytest.raises(Unreachable):
        keys(URL)


def test_failed_fetches_are_retried_only_after_a_pause() -> None:
    google = Google(Response())
    keys = google.keys()
    keys(URL)
    google.reply = TransportError("down")
    google.now += MIN_LIFE_SECONDS

    for _ in range(3):
        keys.expect("made up")
        keys(URL)
    assert google.request_count == 2

    google.now += RETRY_SECONDS
    keys(URL)
    assert google.request_count == 3


class SlowGoogle(Google):
    """Answers once `may_answer` is set."""

    def __init__(self, reply: Response | Exception) -> None:
        super().__init__(reply)
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self, url: str, **options: Any) -> Any:
        self.is_asked.set()
        assert self.may_answer.wait(100)
        return super().__call__(url, **options)


def test_concurrent_requests_fetch_the_keys_once() -> None:
    google = SlowGoogle(Response())
    keys = google.keys()
    everybody = threading.Barrier(8)

    def ask(_: int) -> bytes:
        everybody.wait(100)
        return keys(URL).data

    with ThreadPoolExecutor(8) as pool:
        asking = pool.map(ask, range(8))
        assert google.is_asked.wait(100)
        google.may_answer.set()

        assert len(set(asking)) == 1
    assert google.request_count == 1


def test_valid_keys_are_served_while_new_ones_are_fetched() -> None:
    google = SlowGoogle(Response())
    google.may_answer.set()
    keys = google.keys()
    keys(URL)
    google.now += MIN_LIFE_SECONDS
    google.may_answer.clear()
    google.is_asked.clear()

    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(keys, URL)
        assert google.is_asked.wait(100)
        assert json.loads(keys(URL).data) == KEYS
        assert not fetching.done()
        google.may_answer.set()

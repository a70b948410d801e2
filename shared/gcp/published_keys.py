"""Caches the public keys that Google signs its tokens with."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from google.auth import jwt
from google.auth.exceptions import TransportError
from google.auth.transport.requests import Request
from msgspec import Struct

from shared.domain.errors import Unreachable
from shared.domain.structs import replace

MIN_LIFE_SECONDS: Final = 300.0
MAX_LIFE_SECONDS: Final = 6 * 3600.0
# How long expired keys are still used while new ones can't be fetched. Google
# publishes a key long before signing with it, so most tokens can still be checked; a
# key that was withdrawn in an emergency is accepted for at most this long.
GRACE_SECONDS: Final = 3600.0
# The wait before a failed fetch is retried.
RETRY_SECONDS: Final = 30.0

_TIMEOUT_SECONDS: Final = 10
_MAX_AGE: Final = re.compile(r"\bmax-age=(\d{1,9})\b", re.IGNORECASE)


class KeysResponse(Struct, frozen=True, kw_only=True):
    """The response that google-auth reads: key ids and X.509 certificates in PEM."""

    data: bytes
    status: int = HTTPStatus.OK


class _Known(Struct, frozen=True, kw_only=True):
    response: KeysResponse
    key_ids: frozenset[str]
    fetched_at: float
    renew_at: float
    ends_at: float


class PublishedKeys:
    """A transport for google-auth that answers every request with the keys at one URL.

    Concurrent callers share one fetch and its result.
    """

    def __init__(
        self,
        url: str,
        *,
        request: Callable[..., Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._request = request or Request()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._fetches = 0
        self._known: _Known | None = None

    def __call__(self, url: str, method: str = "GET") -> KeysResponse:
        """The keys at our URL, whichever google-auth asks for; Unreachable if none.

        Keys are cached for their `max-age`, at least 5 minutes and at most 6 hours.
        """
        fetches = self._fetches
        # With usable keys, don't wait for another thread's fetch.
        if self._is_due() and self._lock.acquire(blocking=self._usable() is None):
            try:
                if fetches == self._fetches:
                    self._renew()
            finally:
                self._lock.release()
        if usable := self._usable():
            return usable
        raise Unreachable("no published keys to check tokens with")

    def expect_key_of(self, token: str) -> None:
        """Like `expect`. ValueError if the token names no key: without a `kid`,
        google-auth would try every key.
        """
        key_id = jwt.decode_header(token).get("kid")
        if not key_id:
            raise ValueError("no kid")
        self.expect(key_id)

    def expect(self, key_id: str) -> None:
        """Call this before a key is needed. If it isn't among the cached keys, it may
        have been published since, so the next use fetches them again, but not sooner
        than 30 s after the last fetch.
        """
        known, now = self._known, self._monotonic()
        if known is None or key_id in known.key_ids:
            return
        if now >= known.fetched_at + RETRY_SECONDS:
            self._known = replace(known, fetched_at=now, renew_at=now)

    def _is_due(self) -> bool:
        return self._known is None or self._monotonic() >= self._known.renew_at

    def _usable(self) -> KeysResponse | None:
        known = self._known
        return known.response if known and self._monotonic() < known.ends_at else None

    def _renew(self) -> None:
        try:
            self._known = self._fetch()
        except (TransportError, ValueError):
            self._postpone_renewal()
        finally:
            self._fetches += 1

    def _postpone_renewal(self) -> None:
        """Keep the known keys, and wait before the next fetch."""
        if known := self._known:
            self._known = replace(known, renew_at=self._monotonic() + RETRY_SECONDS)

    def _fetch(self) -> _Known:
        response = self._request(self._url, method="GET", timeout=_TIMEOUT_SECONDS)
        if response.status != HTTPStatus.OK:
            raise ValueError("no keys")
        now = self._monotonic()
        renew_at = now + _life_seconds(response.headers)
        return _Known(
            response=KeysResponse(data=response.data),
            key_ids=_key_ids(response.data),
            fetched_at=now,
            renew_at=renew_at,
            ends_at=renew_at + GRACE_SECONDS,
        )


def _key_ids(data: bytes) -> frozenset[str]:
    """ValueError unless it is a non-empty JSON object of strings."""
    keys = json.loads(data)
    if not isinstance(keys, dict) or not keys:
        raise ValueError("no keys")
    if not all(isinstance(key, str) for key in keys.values()):
        raise ValueError("no certificates")
    return frozenset(keys)


def _life_seconds(headers: Mapping[str, str]) -> float:
    found = _MAX_AGE.search(headers.get("Cache-Control", ""))
    seconds = float(found[1]) if found else MIN_LIFE_SECONDS
    return min(max(seconds, MIN_LIFE_SECONDS), MAX_LIFE_SECONDS)

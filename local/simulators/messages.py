"""Knows what a request and its answer are to a simulator."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from local.simulators.fault_kinds import Kind, Place, ProviderId
from local.simulators.faults import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Header names are in lower case; `address` is how the client named the server."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    address: str
    body: bytes = b""


class Delivery(StrEnum):
    """How much of an answer reaches the client, and what becomes of the connection."""

    WHOLE = "whole"
    HALF_THEN_CLOSE = "half-then-close"
    HALF_THEN_HOLD = "half-then-hold"
    NOTHING_CLOSE = "nothing-close"
    NOTHING_HOLD = "nothing-hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`accepted` is the id of a paid task which this answer tells the client."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: str | None = None
    delivery: Delivery = Delivery.WHOLE
    declared_length: int | None = None
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`name` is the path as requests are counted; no place, no faults."""

    name: str
    provider: ProviderId | None
    place: Place | None
    answer: Callable[[Request, Fault | None], Reply]


class Application(Protocol):
    """A vendor's API, apart from the wire."""

    def route(self, request: Request) -> Route:
        """Where this goes, from method, path and headers; the body isn't read yet."""
        ...

    def error(self, kind: Kind) -> Reply:
        """How this vendor words that HTTP error."""
        ...

    def close(self) -> None:
        """Stops what is being rendered."""
        ...


def json_reply(
    status: int, value: object, *, accepted: str | None = None, **headers: str
) -> Reply:
    return Reply(
        status=status,
        body=json.dumps(value, default=str).encode(),
        headers={"content-type": "application/json"}
        | {name.replace("_", "-"): text for name, text in headers.items()},
        accepted=accepted,
    )


def html_reply(status: int) -> Reply:
    """What a proxy says when the service behind it isn't there."""
    return Reply(
        status=status,
        body=b"<!doctype html><html><title>Error</title><h1>Please try again</h1>",
        headers={"content-type": "text/html; charset=utf-8"},
    )


_PROXY_TEXT = {
    408: "Request Timeout",
    409: "Conflict",
    425: "Too Early",
    499: "client disconnected",
    502: "Bad Gateway",
    503: "upstream connect error or disconnect/reset before headers. reset reason: "
    "connection termination",
    504: "upstream request timeout",
}


def proxy_reply(status: int, *, is_html: bool) -> Reply:
    """What a proxy says that lost the vendor's answer."""
    text = _PROXY_TEXT[status]
    if is_html:
        text = f"<html><head><title>{status} {text}</title></head><body></body></html>"
    kind = "text/html; charset=utf-8" if is_html else "text/plain"
    return Reply(status=status, body=text.encode(), headers={"content-type": kind})

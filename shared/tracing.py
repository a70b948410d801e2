"""Spans of requests, steps and provider calls, if TRACE_SAMPLE_RATIO is above 0.

By default it is 0: spans are then no-ops, and OpenTelemetry's SDK is never imported.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

# Our own header, because Google's front end replaces the span in W3C's.
HEADER = "X-Reelay-Traceparent"


class Headers(Protocol):
    def get(self, name: str) -> str | None: ...


class Tracer(Protocol):
    def root(self, name: str, parent: str | None, *, is_ours: bool) -> Iterator[None]:
        """The generator of a context manager. `parent`: a W3C traceparent. `is_ours`:
        one of our functions wrote it, and has decided whether the trace is sampled.
        """
        ...

    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]: ...

    def current(self) -> str | None:
        """The open span as a W3C traceparent."""
        ...


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Turn tracing on, or with None off. The wiring calls this once."""
    global _tracer
    _tracer = tracer


@contextmanager
def root(name: str, headers: Headers, *, is_private: bool = False) -> Iterator[None]:
    """The root span of a request or a task; continues the sender's trace, if any.

    `is_private`: strangers can't call this function, so our own header is genuine.
    """
    if _tracer is None:
        yield
        return
    ours = headers.get(HEADER) if is_private else None
    parent = ours or headers.get("traceparent")
    yield from _tracer.root(name, parent, is_ours=ours is not None)


@contextmanager
def span(name: str, **attributes: str) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    yield from _tracer.span(name, attributes)


def current() -> str | None:
    """The open span as a W3C traceparent; None while tracing is off."""
    return _tracer.current() if _tracer else None


def task_headers() -> Mapping[str, str]:
    """Headers to add to a task, so that its step continues this trace."""
    traceparent = current()
    return {HEADER: traceparent} if traceparent else {}

"""Spans of requests, steps and provider calls, if TRACE_SAMPLE_RATIO is above 0.

Off, which is the default, a span is nothing, and OpenTelemetry's SDK is never imported.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

# A header of our own: Google's front end replaces the span in W3C's.
HEADER = "X-Reelay-Traceparent"


class Headers(Protocol):
    def get(self, name: str) -> str | None: ...


class Tracer(Protocol):
    def root(self, name: str, parent: str | None) -> Iterator[None]:
        """A context manager's generator. `parent`: W3C's traceparent."""
        ...

    def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]: ...

    def current(self) -> str | None:
        """W3C's traceparent of the open span."""
        ...


_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """The wiring calls this once."""
    global _tracer
    _tracer = tracer


@contextmanager
def root(name: str, headers: Headers) -> Iterator[None]:
    """A request's or a task's own span, in the trace of whoever made it."""
    if _tracer is None:
        yield
        return
    parent = headers.get(HEADER) or headers.get("traceparent")
    yield from _tracer.root(name, parent)


@contextmanager
def span(name: str, **attributes: str) -> Iterator[None]:
    if _tracer is None:
        yield
        return
    yield from _tracer.span(name, attributes)


def is_on() -> bool:
    return _tracer is not None


def current() -> str | None:
    """W3C's traceparent of the open span; None while tracing is off."""
    return _tracer.current() if _tracer else None


def task_headers() -> Mapping[str, str]:
    """What a task carries, so that its step continues this trace."""
    traceparent = current()
    return {HEADER: traceparent} if traceparent else {}

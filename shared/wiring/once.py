"""Builds a component once per process, or lazily when it is first used."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

T = TypeVar("T")

_building = threading.RLock()


def once(build: Callable[[], T]) -> Callable[[], T]:
    """Caches what `build` returns; it runs once, however many threads call it first.

    None is not cached: what isn't found at startup may be found a moment later.
    """
    kept: T | None = None

    @wraps(build)
    def locked() -> T:
        nonlocal kept
        # What is built is returned without waiting for others, which may take seconds.
        if kept is None:
            with _building:
                if kept is None:
                    kept = build()
        return kept

    return locked


class _Lazy:
    def __init__(self, build: Callable[[], object]) -> None:
        self._build = build

    def __getattr__(self, name: str) -> Any:
        return getattr(self._build(), name)


def lazy(build: Callable[[], T]) -> T:
    """A proxy that calls `build`, which must be a `once`, at each attribute access."""
    proxy: Any = _Lazy(build)
    return cast(T, proxy)

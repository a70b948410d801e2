"""One of each refusal that a caller can get."""

from collections.abc import Iterator
from datetime import timedelta

from shared.domain.errors import (
    ErrorCode,
    InvalidRequest,
    LimitReached,
    Refused,
)


def every_refusal() -> list[Refused]:
    return [Refused("no"), *(_example(kind) for kind in _kinds(Refused))]


def _kinds(of: type[Refused]) -> Iterator[type[Refused]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _example(kind: type[Refused]) -> Refused:
    if kind is InvalidRequest:
        return InvalidRequest(())
    if kind is LimitReached:
        return LimitReached(ErrorCode.DAILY_LIMIT_REACHED, timedelta(seconds=60))
    return kind("no")

"""An example of each refusal that a caller can get."""

from collections.abc import Iterator
from datetime import timedelta

from shared.domain.errors import (
    ApiError,
    ErrorCode,
    InvalidRequest,
    LimitReached,
    TooLarge,
    TooManyRequests,
)


def every_refusal() -> list[ApiError]:
    return [ApiError("no"), *(_example(kind) for kind in _kinds(ApiError))]


def _kinds(of: type[ApiError]) -> Iterator[type[ApiError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _example(kind: type[ApiError]) -> ApiError:
    if kind is InvalidRequest:
        return InvalidRequest(())
    if kind is LimitReached:
        return LimitReached(ErrorCode.DAILY_LIMIT_REACHED, timedelta(seconds=60))
    if kind in (TooLarge, TooManyRequests):
        return kind()
    return kind("no")

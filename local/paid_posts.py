"""A daily limit of paid POSTs that does not depend on Firestore, for real keys.

The ledger is in the emulator, where any program on this machine could change it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.money import PAID_POSTS_LIMIT
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import NotSent, Submission
from shared.ports.providers import GenerationRequest, Provider
from shared.wiring import adapters
from shared.wiring.once import once


@dataclass(frozen=True, slots=True)
class PaidPosts:
    """A day's counter of paid POSTs, in a file that all processes share."""

    path: Path
    limit: int

    def take(self) -> bool:
        """Count a POST before it is sent; False if the day's limit is reached."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        with self._locked() as descriptor:
            day, _, sent = os.pread(descriptor, 64, 0).decode().partition(" ")
            count = int(sent) if day == today else 0
            if count >= self.limit:
                return False
            text = f"{today} {count + 1}".encode()
            # In this order, so that whatever fails, the count is not lost.
            os.pwrite(descriptor, text, 0)
            os.ftruncate(descriptor, len(text))
            os.fsync(descriptor)
            return True

    @contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


class LimitedProvider:
    """A provider whose paid POSTs are counted first, and not sent beyond the limit."""

    def __init__(self, provider: Provider, posts: PaidPosts) -> None:
        self._provider, self._posts = provider, posts

    def start(self, request: GenerationRequest) -> Submission:
        if self._posts.take():
            return self._provider.start(request)
        detail = (
            f"{PAID_POSTS_LIMIT}: {self._posts.limit} paid requests a day were sent"
        )
        return NotSent(problem=Problem(code=ErrorCode.NOT_CONFIGURED, detail=detail))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)


class LimitedProviders:
    def __init__(self, providers: Any, posts: PaidPosts) -> None:
        self._providers, self._posts = providers, posts

    def get(self, provider_id: ProviderId) -> Any:
        provider = self._providers.get(provider_id)
        return provider and LimitedProvider(provider, self._posts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._providers, name)


def limit_paid_posts(path: Path, *, limit: int) -> None:
    """Limit this process's providers to `limit` paid POSTs a day, counted in `path`."""
    build, posts = adapters.providers, PaidPosts(path, limit)
    limited: Any = once(lambda: LimitedProviders(build(), posts))
    adapters.providers = limited

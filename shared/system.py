"""The system's clock, random ids, and a sleep with jitter."""

import random
import time
import uuid
from datetime import UTC, datetime

from shared.request_time import left_seconds


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds:
    def new(self) -> str:
        """32 hexadecimal digits, 122 bits of them random."""
        return uuid.uuid4().hex


def pause(seconds: float) -> None:
    """Sleep for 50 to 100 % of `seconds`, so that competing processes drift apart.

    Never longer than the current request has left.
    """
    jitter = 0.5 + random.random() / 2  # noqa: S311 - no secret
    time.sleep(max(0.0, min(seconds * jitter, left_seconds())))

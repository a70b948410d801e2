"""The time and the randomness of the machine that we run on."""

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
    """Sleep between half of `seconds` and all of it, so that rivals drift apart.

    Not beyond the time of the request that is handled.
    """
    jitter = 0.5 + random.random() / 2  # noqa: S311 - no secret
    time.sleep(max(0.0, min(seconds * jitter, left_seconds())))

"""Circuit breaker of webhook receivers: skips those of an API key that are slow."""

from collections import OrderedDict
from datetime import datetime, timedelta

import structlog
from msgspec import Struct, field

from shared.ports.store import Clock

log = structlog.get_logger()

# Half of the time that a receiver has to respond.
SLOW_THRESHOLD = timedelta(seconds=5)
# Receivers that accept a message slowly are skipped for as many times as long as that
# took. So with four workers, each of which counts for itself, one key takes less than
# half of the queue's only slot.
SHARE = 8
# After the second message in a row that was slow and failed; doubled after each further
# one.
MIN_SKIP = timedelta(seconds=15)
MAX_SKIP = timedelta(minutes=8)
MAX_KEYS = 1000


class _SlowReceivers(Struct, frozen=True, kw_only=True):
    skip: timedelta
    since: datetime


class ReceiverBreaker(Struct, kw_only=True):
    """Keeps one API key's receivers from delaying all other webhooks. One per process.

    Counts by key and not by address, since a key may be used with any number of
    addresses. It needs no lock: a report that is lost to another thread costs one more
    slow message.
    """

    clock: Clock
    _slow: OrderedDict[str, _SlowReceivers] = field(default_factory=OrderedDict)

    def skipped_for(self, key_id: str) -> timedelta:
        """For how much longer the key's receivers are skipped; 0: they are not."""
        slow = self._slow.get(key_id)
        left = slow.since + slow.skip - self.clock.now() if slow else timedelta(0)
        return max(left, timedelta(0))

    def report(self, key_id: str, took: timedelta, *, is_delivered: bool) -> None:
        """`took`: how long the receiver was waited for, whether or not it responded.

        After a skip, a single slow message is enough for the next one, which is longer
        if the message failed.
        """
        before = self._slow.pop(key_id, None)
        if took < SLOW_THRESHOLD:
            return
        skip = timedelta(0)
        if before is not None:
            longer = min(max(before.skip * 2, MIN_SKIP), MAX_SKIP)
            skip = SHARE * took if is_delivered else longer
            log.warning("receivers_skipped", key_id=key_id, seconds=skip.seconds)
        self._slow[key_id] = _SlowReceivers(skip=skip, since=self.clock.now())
        if len(self._slow) > MAX_KEYS:
            self._slow.popitem(last=False)

"""Caches documents that this process has read or written, to save reads before commits.

A commit has preconditions on all that it was decided on. So an outdated guess costs a
refused commit and a read, and nothing else.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from shared.domain.structs import replace
from shared.gcp.firestore_wire import Snapshot

MAX_CACHED = 10_000
# For all locks of a try. Together with the last try, it stays within the three seconds
# of a creation; and it lets twenty threads commit in turn, at 25 ms each.
MAX_WAIT_SECONDS = 0.5


class _Entry(Struct, frozen=True):
    """`is_ours`: no other process wrote it between our last two looks at it."""

    snapshot: Snapshot
    is_ours: bool = True


class DocumentCache:
    """Snapshots by path.

    A document that other processes also write is not guessed, since a refused commit
    takes as long as a read. It is guessed again once a read finds it unchanged.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def guess(self, path: str) -> Snapshot | None:
        """The document, if it is probably still as this process last saw it."""
        entry = self._entries.get(path)
        return entry.snapshot if entry and entry.is_ours else None

    def last_seen(self, path: str) -> Snapshot | None:
        """The document as this process last saw it, however long ago; None if never."""
        entry = self._entries.get(path)
        return entry.snapshot if entry else None

    def record_reads(self, snapshots: Iterable[Snapshot]) -> None:
        for found in snapshots:
            last = self.last_seen(found.reference.path)
            is_ours = last is None or last.update_time == found.update_time
            self._store(_Entry(found, is_ours))

    def record_writes(self, snapshots: Iterable[Snapshot]) -> None:
        """Call this after a commit of this process has succeeded."""
        for put in snapshots:
            entry = self._entries.get(put.reference.path)
            self._store(replace(entry, snapshot=put) if entry else _Entry(put))

    def invalidate(self, paths: Iterable[str]) -> None:
        """Call this after a commit with preconditions on `paths` was refused, or had no
        clear answer.
        """
        with self._lock:
            for path in paths:
                if entry := self._entries.get(path):
                    self._entries[path] = replace(entry, is_ours=False)

    def _store(self, entry: _Entry) -> None:
        path = entry.snapshot.reference.path
        with self._lock:
            self._entries[path] = entry
            self._entries.move_to_end(path)
            if len(self._entries) > MAX_CACHED:
                self._entries.popitem(last=False)


class AdvisoryLocks:
    """Locks by name, which let competing threads of this process commit in turn.

    They only save lost races: it is preconditions that keep the commits apart. So no
    thread waits for long; after that, it goes ahead without the lock.
    """

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, names: Sequence[str]) -> Iterator[None]:
        """Callers that share several names must list them in the same order."""
        ends_at = time.monotonic() + MAX_WAIT_SECONDS
        acquired = [name for name in names if self._acquire(name, ends_at)]
        try:
            yield
        finally:
            for name in acquired:
                self._locks[name].release()
            self._leave(names)

    def _acquire(self, name: str, ends_at: float) -> bool:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
            self._waiting[name] += 1
        return lock.acquire(timeout=max(ends_at - time.monotonic(), 0))

    def _leave(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    del self._waiting[name], self._locks[name]

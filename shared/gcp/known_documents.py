"""What this process last saw of documents: a guess that saves the read before a commit.

A commit is conditional on what it was decided on. So a guess that is out of date costs
a refused commit and a read, and nothing else.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from shared.domain.structs import replace
from shared.gcp.firestore_wire import Snapshot

MOST_KNOWN = 10_000
# Two turns and the last try together keep to the three seconds of a creation.
LONGEST_TURN_SECONDS = 0.25


class _Known(Struct, frozen=True):
    """`is_ours`: nobody else wrote it between the last two times that we looked."""

    snapshot: Snapshot
    is_ours: bool = True


class KnownDocuments:
    """By path. A document that others write, too, is not guessed: a refused commit
    takes as long as a read. It is again once a read finds what is known of it.
    """

    def __init__(self, most: int = MOST_KNOWN) -> None:
        self._most = most
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def guess(self, path: str) -> Snapshot | None:
        """The document, if it probably still is what this process last saw."""
        known = self._known.get(path)
        return known.snapshot if known and known.is_ours else None

    def last(self, path: str) -> Snapshot | None:
        """The document as it was at some time, if it was ever seen."""
        known = self._known.get(path)
        return known.snapshot if known else None

    def read(self, snapshots: Iterable[Snapshot]) -> None:
        for found in snapshots:
            last = self.last(found.reference.path)
            is_ours = last is None or last.update_time == found.update_time
            self._keep(_Known(found, is_ours))

    def written(self, snapshots: Iterable[Snapshot]) -> None:
        """By this process, in a commit that holds."""
        for put in snapshots:
            known = self._known.get(put.reference.path)
            self._keep(replace(known, snapshot=put) if known else _Known(put))

    def doubt(self, paths: Iterable[str]) -> None:
        """A commit that was conditional on them was refused, or had no clear answer."""
        with self._lock:
            for path in paths:
                if known := self._known.get(path):
                    self._known[path] = replace(known, is_ours=False)

    def _keep(self, known: _Known) -> None:
        path = known.snapshot.reference.path
        with self._lock:
            self._known[path] = known
            self._known.move_to_end(path)
            if len(self._known) > self._most:
                self._known.popitem(last=False)


class Turns:
    """Who would be rivals for a document, within this process, go one by one.

    It saves them lost races; what keeps their commits apart is their preconditions. So
    nobody waits for long: then a rival goes all the same.
    """

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def take(self, names: Sequence[str]) -> Iterator[None]:
        """All callers must name in the same order what they may share."""
        mine = [name for name in names if self._acquire(name)]
        try:
            yield
        finally:
            for name in mine:
                self._locks[name].release()
            self._leave(names)

    def _acquire(self, name: str) -> bool:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
            self._waiting[name] += 1
        return lock.acquire(timeout=LONGEST_TURN_SECONDS)

    def _leave(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    del self._waiting[name], self._locks[name]

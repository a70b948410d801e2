"""Every call of Firestore: its time limits, and Google's errors as ours.

Calls of the client library without `retry=` go on for 300 s, whatever `timeout=` says.
So adapters call Firestore only through `Database`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Self, TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from msgspec import Struct

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.structs import replace
from shared.gcp import firestore_wire as wire
from shared.gcp.firestore_records import Record
from shared.gcp.firestore_wire import Snapshot, Wire
from shared.gcp.translation import Table, translated
from shared.request_time import left_seconds

T = TypeVar("T")
Document = Any
Reference = Any

MOST_REFERENCES: Final = 4096

# A read has no side effects: whatever failed may be tried again.
READ: Final[Table] = (
    (exceptions.GoogleAPIError, Unreachable),
    (ValueError, Unreachable),
)
# An error that is not a clear refusal may have followed a commit that holds.
COMMIT: Final[Table] = (
    (exceptions.AlreadyExists, LostRace),
    (exceptions.FailedPrecondition, LostRace),
    (exceptions.NotFound, LostRace),
    (exceptions.Aborted, LostRace),
    (exceptions.PermissionDenied, Unreachable),
    (exceptions.Unauthenticated, Unreachable),
    (exceptions.InvalidArgument, Unreachable),
    (exceptions.GoogleAPIError, CommitUncertain),
    (ValueError, CommitUncertain),
)
# The library must not retry beneath us: its retries have time limits of their own.
_ONCE: Final = Retry(predicate=lambda _error: False)
_READ_AGAIN: Final = if_exception_type(
    exceptions.ServiceUnavailable, exceptions.DeadlineExceeded
)
# A commit is resent if its connection failed, never because time ran out.
_COMMIT_AGAIN: Final = if_exception_type(exceptions.ServiceUnavailable)


class CallLimits(Struct, frozen=True, kw_only=True):
    """Seconds for one try of a read, and for a call with all of its tries.

    The last try of a read may begin just before `total` and exceed it by `read_try`.
    All calls of one request also end with its time.
    """

    read_try: float = 3.0
    total: float = 10.0

    def now(self) -> "CallLimits":
        """Of a call that begins now. Unreachable if its request has no time left."""
        left = left_seconds()
        if left <= 0:
            raise Unreachable("Firestore: the request's time is up")
        return replace(self, total=min(self.total, left))


USUAL: Final = CallLimits()


class Database:
    """A Firestore client whose every call ends in time, with an error of ours."""

    def __init__(self, client: firestore.Client, limits: CallLimits = USUAL) -> None:
        self._client = client
        self._limits = limits
        self._wire = Wire(client)
        self._document = lru_cache(maxsize=MOST_REFERENCES)(client.document)

    def within(self, limits: CallLimits) -> "Database":
        """The same client under other limits."""
        return Database(self._client, limits)

    def document(self, *path: str) -> Reference:
        return self._document(*path)

    def collection(self, name: str) -> Any:
        """To be queried, as is `collection_group`."""
        return self._client.collection(name)

    def collection_group(self, name: str) -> Any:
        return self._client.collection_group(name)

    def get(self, reference: Reference) -> Document:
        """A snapshot, also of a document that does not exist; Unreachable."""
        return self.get_all([reference])[0]

    def get_all(
        self, references: Iterable[Reference], *, at: datetime | None = None
    ) -> list[Document]:
        """Snapshots in the order of `references`, all of one moment; Unreachable."""
        wanted = list(references)
        if not wanted:
            return []
        found = self._read(
            lambda timeout: self._wire.read(wanted, timeout=timeout, at=at)
        )
        return [found[reference.path] for reference in wanted]

    def query(self, query: Any, *, at: datetime | None = None) -> list[Document]:
        """All that `query` finds; Unreachable."""
        return self._read(
            lambda timeout: list(query.get(retry=_ONCE, timeout=timeout, read_time=at))
        )

    def overwrite(self, reference: Reference, record: Record) -> None:
        """Unconditional, and so repeated like a read; Unreachable."""
        written = [wire.overwritten(self._wire.name(reference), record)]
        self._read(lambda timeout: self._wire.commit(written, timeout=timeout))

    def batch(self) -> "Batch":
        return Batch(self._wire, self._limits)

    def _read(self, once: Callable[[float], T]) -> T:
        limits = self._limits.now()
        with translated(READ, "Firestore: read"):
            read: T = _retrying(_READ_AGAIN, limits)(once)(limits.read_try)
            return read


class Batch:
    """Writes that all take effect in one commit, or none of them.

    `put_now`: what was `put` or `change`d, as it is in Firestore once the commit holds.
    It is the whole of these documents if each `put` was.
    """

    def __init__(self, channel: Wire, limits: CallLimits) -> None:
        self._wire, self._limits = channel, limits
        self._writes: list[wire.Write] = []
        self._put: dict[int, tuple[Reference, Record]] = {}
        self.put_now: Sequence[Snapshot] = ()

    def copy(self) -> Self:
        """Another one with the same writes so far."""
        copied = type(self)(self._wire, self._limits)
        copied._writes, copied._put = [*self._writes], {**self._put}
        return copied

    def create(self, reference: Reference, record: Record) -> None:
        """LostRace if it exists."""
        self._writes.append(wire.created(self._wire.name(reference), record))

    def put(self, reference: Reference, record: Record, token: object) -> None:
        """The named fields; LostRace if the document changed since `token` was read.

        `token`: its `update_time`, or None if it did not exist.
        """
        self._put[len(self._writes)] = (reference, record)
        if token is None:
            self.create(reference, record)
        else:
            name = self._wire.name(reference)
            self._writes.append(wire.updated(name, record, token))

    def change(self, found: Document, changes: Record) -> None:
        """The named fields, nested ones too; LostRace if the document changed since it
        was `found`, existing or not.
        """
        reference, before = found.reference, found.to_dict()
        if before is None:
            self.put(reference, changes, None)
            return
        self._put[len(self._writes)] = (reference, _merged(before, changes))
        name = self._wire.name(reference)
        self._writes.append(wire.changed(name, changes, found.update_time))

    def update(self, reference: Reference, record: Record) -> None:
        """The named fields; LostRace if the document does not exist."""
        self._writes.append(wire.updated(self._wire.name(reference), record))

    def merge(self, reference: Reference, record: Record) -> None:
        """The named fields, nested ones too, whether or not the document exists."""
        self._writes.append(wire.merged(self._wire.name(reference), record))

    def delete(self, reference: Reference, token: object = None) -> None:
        """LostRace if it changed since a `token` was read."""
        self._writes.append(wire.deleted(self._wire.name(reference), token))

    def commit(self, *, may_resend: bool = True) -> Sequence[Any]:
        """The write results. LostRace or Unreachable: nothing was written.

        CommitUncertain: there was no clear answer. The commit may hold, or take effect
        later: Firestore does not learn that its client has stopped waiting.

        `may_resend` is False where no precondition keeps it from holding twice.
        """
        results = self._committed(may_resend=may_resend)
        self.put_now = [
            Snapshot(reference, dict(record), results[nth].update_time)
            for nth, (reference, record) in self._put.items()
        ]
        return results

    def _committed(self, *, may_resend: bool) -> Sequence[Any]:
        limits = self._limits.now()
        ends_at = time.monotonic() + limits.total
        tries = 0

        def once() -> Sequence[Any]:
            nonlocal tries
            tries += 1
            left = max(ends_at - time.monotonic(), 0.001)
            return self._wire.commit(self._writes, timeout=left)

        try:
            with translated(COMMIT, "Firestore: commit"):
                send = _retrying(_COMMIT_AGAIN, limits)(once) if may_resend else once
                written: Sequence[Any] = send()
                return written
        except LostRace as error:
            if tries == 1:
                raise
            # An earlier try may have held, and this one lost the race to it.
            raise CommitUncertain("Firestore: commit: sent more than once") from error


def _merged(before: Any, changes: Record) -> dict[str, Any]:
    """Where there was no map before, it is replaced."""
    known = before if isinstance(before, dict) else {}
    into = {
        name: _merged(known.get(name), value)
        for name, value in changes.items()
        if isinstance(value, dict)
    }
    return {**known, **changes, **into}


def _retrying(predicate: Callable[[Exception], bool], limits: CallLimits) -> Any:
    return Retry(predicate=predicate, initial=0.1, maximum=1.0, timeout=limits.total)

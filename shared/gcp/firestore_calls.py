"""Calls Firestore with time limits, and maps Google's errors to ours.

The client library retries a call without `retry=` for 300 s, whatever `timeout=` says,
so adapters call Firestore only through `Database`.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from msgspec import Struct

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.structs import replace
from shared.gcp import firestore_wire as wire
from shared.gcp.error_mapping import ErrorTable, map_errors
from shared.gcp.firestore_records import Record
from shared.gcp.firestore_wire import Snapshot, Wire
from shared.request_time import left_seconds

T = TypeVar("T")
Document = Any
Reference = Any

MAX_REFERENCES: Final = 4096

# Reads have no side effects, so any failure can be retried.
READ: Final[ErrorTable] = (
    (exceptions.GoogleAPIError, Unreachable),
    (ValueError, Unreachable),
)
# Unless the error is a clear refusal, the commit may have taken effect.
COMMIT: Final[ErrorTable] = (
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
# The library itself must not retry: its retries have time limits of their own.
_NO_RETRY: Final = Retry(predicate=lambda _error: False)
_MAY_RETRY_READ: Final = if_exception_type(
    exceptions.ServiceUnavailable, exceptions.DeadlineExceeded
)
# A commit is resent if the connection failed, never after a timeout.
_MAY_RETRY_COMMIT: Final = if_exception_type(exceptions.ServiceUnavailable)


class CallLimits(Struct, frozen=True, kw_only=True):
    """Seconds for one try of a read, and for a call with all of its tries.

    The last try of a read may begin just before `total` and exceed it by `read_try`.
    A call also ends when the time of its request is up.
    """

    read_try: float = 3.0
    total: float = 10.0

    def from_now(self) -> "CallLimits":
        """The limits of a call that begins now; Unreachable if no time is left."""
        left = left_seconds()
        if left <= 0:
            raise Unreachable("Firestore: the request's time is up")
        return replace(self, total=min(self.total, left))


DEFAULT_LIMITS: Final = CallLimits()


class Database:
    """A Firestore client that limits the time of each call, and raises our errors."""

    def __init__(
        self, client: firestore.Client, limits: CallLimits = DEFAULT_LIMITS
    ) -> None:
        self._client = client
        self._limits = limits
        self._wire = Wire(client)
        self._document = lru_cache(maxsize=MAX_REFERENCES)(client.document)

    def with_limits(self, limits: CallLimits) -> "Database":
        """The same client under other limits."""
        return Database(self._client, limits)

    def document(self, *path: str) -> Reference:
        return self._document(*path)

    def collection(self, name: str) -> Any:
        """Only for building queries, like `collection_group`."""
        return self._client.collection(name)

    def collection_group(self, name: str) -> Any:
        return self._client.collection_group(name)

    def get(self, reference: Reference) -> Document:
        """A snapshot, which may be of a missing document. May raise Unreachable.

        If all of the database is missing, so is its document; `get_all` then raises.
        """
        return self._read(lambda timeout: self._wire.get(reference, timeout=timeout))

    def get_all(
        self, references: Iterable[Reference], *, at: datetime | None = None
    ) -> list[Document]:
        """Consistent snapshots, in the order of `references`. May raise Unreachable."""
        wanted = list(references)
        if not wanted:
            return []
        found = self._read(
            lambda timeout: self._wire.read(wanted, timeout=timeout, at=at)
        )
        return [found[reference.path] for reference in wanted]

    def query(self, query: Any, *, at: datetime | None = None) -> list[Document]:
        """All documents that `query` finds. May raise Unreachable."""
        return self._read(
            lambda timeout: list(
                query.get(retry=_NO_RETRY, timeout=timeout, read_time=at)
            )
        )

    def overwrite(self, reference: Reference, record: Record) -> None:
        """Has no precondition, so it is retried like a read. May raise Unreachable."""
        commit = self._wire.new_commit()
        wire.overwrite(commit.writes, self._wire.name(reference), record)
        self._read(lambda timeout: self._wire.commit(commit, timeout=timeout))

    def batch(self) -> "Batch":
        return Batch(self._wire, self._limits)

    def _read(self, once: Callable[[float], T]) -> T:
        limits = self._limits.from_now()
        with map_errors(READ, "Firestore: read"):
            read: T = _retry_policy(_MAY_RETRY_READ, limits)(once)(limits.read_try)
            return read


class Batch:
    """An atomic batch: all of its writes take effect, or none.

    `written`: after a successful commit, the documents that were `put` or `change`d as
    they now are in Firestore. They are complete if each `put` wrote a whole document.
    """

    def __init__(self, channel: Wire, limits: CallLimits) -> None:
        self._wire, self._limits = channel, limits
        self._commit = channel.new_commit()
        self._writes = self._commit.writes
        self._put: dict[int, tuple[Reference, Record]] = {}
        self.written: Sequence[Snapshot] = ()

    @property
    def size(self) -> int:
        return len(self._writes)

    def cut(self, size: int) -> None:
        """Drops all writes but the first `size`. Only before a commit, or after one
        that is known to have written nothing.
        """
        del self._writes[size:]
        self._put = {nth: put for nth, put in self._put.items() if nth < size}

    def create(self, reference: Reference, record: Record) -> None:
        """LostRace if the document exists."""
        wire.create(self._writes, self._wire.name(reference), record)

    def put(self, reference: Reference, record: Record, token: object) -> None:
        """Writes the fields in `record`; LostRace if the document has changed since.

        `token`: the `update_time` that was read, or None if it did not exist.
        """
        self._put[len(self._writes)] = (reference, record)
        if token is None:
            self.create(reference, record)
        else:
            wire.update(self._writes, self._wire.name(reference), record, token)

    def change(self, found: Document, changes: Record) -> None:
        """Writes the fields in `changes`, merging nested maps; LostRace if the document
        has changed, or was created or deleted, since it was `found`.
        """
        reference, before = found.reference, found.to_dict()
        if before is None:
            self.put(reference, changes, None)
            return
        self._put[len(self._writes)] = (reference, _merge(before, changes))
        name = self._wire.name(reference)
        wire.change(self._writes, name, changes, found.update_time)

    def update(self, reference: Reference, record: Record) -> None:
        """Writes the fields in `record`; LostRace if the document does not exist."""
        wire.update(self._writes, self._wire.name(reference), record)

    def increment(self, reference: Reference, amounts: Record) -> None:
        """Adds to numbers, nested ones too. The document may or may not exist."""
        wire.increment(self._writes, self._wire.name(reference), amounts)

    def delete(self, reference: Reference, token: object = None) -> None:
        """LostRace if a `token` is given and the document has changed since."""
        wire.delete(self._writes, self._wire.name(reference), token)

    def commit(self, *, may_resend: bool = True) -> Sequence[Any]:
        """The write results. LostRace or Unreachable: nothing was written.

        CommitUncertain: there was no clear answer. The commit may have taken effect, or
        may yet do so: Firestore doesn't learn that its client has stopped waiting.

        `may_resend` must be False if no precondition prevents it from taking effect
        twice.
        """
        results = self._commit_within_limits(may_resend=may_resend)
        self.written = [
            Snapshot(reference, dict(record), results[nth].update_time)
            for nth, (reference, record) in self._put.items()
        ]
        return results

    def _commit_within_limits(self, *, may_resend: bool) -> Sequence[Any]:
        limits = self._limits.from_now()
        ends_at = time.monotonic() + limits.total
        tries = 0

        def once() -> Sequence[Any]:
            nonlocal tries
            tries += 1
            left = max(ends_at - time.monotonic(), 0.001)
            return self._wire.commit(self._commit, timeout=left)

        try:
            with map_errors(COMMIT, "Firestore: commit"):
                send = (
                    _retry_policy(_MAY_RETRY_COMMIT, limits)(once)
                    if may_resend
                    else once
                )
                return send()
        except (LostRace, Unreachable) as error:
            if tries == 1:
                raise
            # An earlier try may have taken effect, whatever the answer to this one.
            raise CommitUncertain("Firestore: commit: sent more than once") from error


def _merge(before: Any, changes: Record) -> dict[str, Any]:
    """`before` with `changes` merged in; a value that is not a map is replaced."""
    known = before if isinstance(before, dict) else {}
    into = {
        name: _merge(known.get(name), value)
        for name, value in changes.items()
        if isinstance(value, dict)
    }
    return {**known, **changes, **into}


def _retry_policy(predicate: Callable[[Exception], bool], limits: CallLimits) -> Any:
    return Retry(predicate=predicate, initial=0.1, maximum=1.0, timeout=limits.total)

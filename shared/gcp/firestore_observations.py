"""Stores observations of vendors: `control/prices` and `control/task_times`."""

from typing import Generic, TypeVar

from msgspec import Struct

from shared.domain.errors import Unreadable
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import Versioned

T = TypeVar("T", bound=Struct)
# Creating, starting and polling wait for these calls, and all can do without them.
LIMITS = CallLimits(read_try=2.0, total=4.0)


class FirestoreObservations(Generic[T]):
    """The ports `PriceStore` and `TaskTimeStore` on google-cloud-firestore.

    `kind()` stands in for a missing or malformed document. Observations only improve
    estimates and guard no money, since a vendor's own maximum is held.
    """

    def __init__(self, database: Database, name: str, kind: type[T]) -> None:
        self._database, self._kind = database, kind
        self._reference = database.document("control", name)

    def read(self) -> Versioned[T]:
        found = self._database.get(self._reference)
        try:
            observed = from_record(self._kind, found.to_dict() or {})
        except Unreadable:
            observed = self._kind()
        return Versioned(value=observed, token=found.update_time)

    def commit(self, before: Versioned[T], after: T) -> None:
        batch = self._database.batch()
        batch.put(self._reference, to_record(after), before.token)
        batch.commit()

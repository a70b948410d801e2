"""Stores single documents in Firestore: `control/` and their name."""

from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec import Struct

from shared.domain.errors import Unreachable, Unreadable
from shared.domain.kill_switch import KillSwitchState
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import Record, from_record, to_record
from shared.ports.store import Versioned

T = TypeVar("T", bound=Struct)
# Creating, starting and polling wait for observations, and all can do without them.
OBSERVATION_LIMITS = CallLimits(read_try=2.0, total=4.0)


class FirestoreDocument(Generic[T]):
    """The port `DocumentStore` on google-cloud-firestore.

    `kind()` stands in for a missing document, and for a malformed one, too, unless it
    `guards_money`: that raises Unreachable. `shown`: more fields of the document, for
    operators who inspect it; they are never read back.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        kind: type[T],
        *,
        guards_money: bool = False,
        shown: Callable[[T], Record] = lambda _: {},
    ) -> None:
        self._database, self._kind = database, kind
        self._guards_money, self._shown = guards_money, shown
        self._reference = database.document("control", name)

    def read(self) -> Versioned[T]:
        found = self._database.get(self._reference)
        value, record = self._kind(), found.to_dict()
        if record is not None:
            try:
                value = from_record(self._kind, record)
            except Unreadable as error:
                if self._guards_money:
                    raise Unreachable(f"{found.reference.path}: malformed") from error
        return Versioned(value=value, token=found.update_time)

    def commit(self, before: Versioned[T], after: T) -> None:
        batch = self._database.batch()
        record = to_record(after) | self._shown(after)
        batch.put(self._reference, record, before.token)
        batch.commit()


def kill_switch_store(database: Database) -> FirestoreDocument[KillSwitchState]:
    return FirestoreDocument(
        database,
        "generation",
        KillSwitchState,
        guards_money=True,
        shown=lambda switch: {"level": switch.level.value},
    )

"""The kill switch in Firestore: the one document `control/generation`."""

from typing import Any

from shared.domain.errors import Unreachable, Unreadable
from shared.domain.kill_switch import Switch
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_records import Record, from_record, to_record
from shared.ports.store import Versioned


class FirestoreSwitch:
    """The port `SwitchStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Versioned[Switch]:
        found = self._database.get(self._reference())
        record = found.to_dict()
        if record is None:
            return Versioned(value=Switch(), token=None)
        return Versioned(value=switch_of(record), token=found.update_time)

    def commit(self, before: Versioned[Switch], after: Switch) -> None:
        batch = self._database.batch()
        # The level is for operators who look at the document; it is never read back.
        record = to_record(after) | {"level": after.level.value}
        batch.put(self._reference(), record, before.token)
        batch.commit()

    def _reference(self) -> Any:
        return self._database.document("control", "generation")


def switch_of(record: Record) -> Switch:
    """Unreachable if it is not what we wrote: the level is then not known."""
    try:
        return from_record(Switch, record)
    except Unreadable as error:
        raise Unreachable("control/generation is not a kill switch") from error

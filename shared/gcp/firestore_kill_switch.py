"""Stores the kill switch in Firestore: the single document `control/generation`."""

from shared.domain.errors import Unreachable, Unreadable
from shared.domain.kill_switch import KillSwitchState
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_records import Record, from_record, to_record
from shared.ports.store import Versioned


class FirestoreKillSwitch:
    """The port `KillSwitchStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reference = database.document("control", "generation")

    def read(self) -> Versioned[KillSwitchState]:
        found = self._database.get(self._reference)
        record = found.to_dict()
        if record is None:
            return Versioned(value=KillSwitchState(), token=None)
        return Versioned(value=kill_switch_state(record), token=found.update_time)

    def commit(
        self, before: Versioned[KillSwitchState], after: KillSwitchState
    ) -> None:
        batch = self._database.batch()
        # The level is for operators who inspect the document; it is never read back.
        record = to_record(after) | {"level": after.level.value}
        batch.put(self._reference, record, before.token)
        batch.commit()


def kill_switch_state(record: Record) -> KillSwitchState:
    """Unreachable if the document is malformed, because the level is then unknown."""
    try:
        return from_record(KillSwitchState, record)
    except Unreadable as error:
        raise Unreachable("control/generation is not a kill switch") from error

"""How long vendors took in Firestore: the one document `control/task_times`."""

from typing import Any

from shared.domain.errors import Unreadable
from shared.domain.poll_plan import TaskTimes
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import Versioned

# A step waits for these calls, and can do without them.
LIMITS = CallLimits(read_try=2.0, total=4.0)


class FirestoreTaskTimes:
    """The port `TaskTimeStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Versioned[TaskTimes]:
        found = self._database.get(self._reference())
        record = found.to_dict()
        if record is None:
            return Versioned(value=TaskTimes(), token=None)
        try:
            times = from_record(TaskTimes, record)
        except Unreadable:
            times = TaskTimes()  # a fixed plan does, until enough is known again
        return Versioned(value=times, token=found.update_time)

    def commit(self, before: Versioned[TaskTimes], after: TaskTimes) -> None:
        batch = self._database.batch()
        batch.put(self._reference(), to_record(after), before.token)
        batch.commit()

    def _reference(self) -> Any:
        return self._database.document("control", "task_times")

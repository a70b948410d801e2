"""What Firestore holds, read beside Reelay: jobs, ledger, counts."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud import firestore

from local.fault_injection.evidence import (
    JobSeen,
    Ledger,
    booked_days,
    job_seen,
)


class FirestoreView:
    """Reads and, before the run, writes what a user has spent already."""

    def __init__(self, address: str, project: str) -> None:
        # The client knows an emulator by this name alone.
        os.environ["FIRESTORE_EMULATOR_HOST"] = address
        self._client: Any = firestore.Client(project=project)

    def close(self) -> None:
        self._client.close()

    def statuses(self) -> Sequence[str]:
        found = self._client.collection("videos").select(["status"]).stream()
        return [str((each.to_dict() or {}).get("status")) for each in found]

    def jobs(self) -> Sequence[JobSeen]:
        runs = self.records()
        seen = (
            job_seen(each.id, each.to_dict() or {}, runs.get(each.id, {}))
            for each in self._client.collection("videos").stream()
        )
        return [job for job in seen if job is not None]

    def records(self) -> Mapping[str, Mapping[str, Any]]:
        """Each `videos/{job_id}/internal/run`."""
        found = self._client.collection_group("internal").stream()
        return {each.reference.parent.parent.id: each.to_dict() or {} for each in found}

    def ledger(self) -> Ledger:
        days: dict[Any, Any] = {}
        for account in self._client.collection("spend").stream():
            days |= booked_days(account.id, account.to_dict() or {})
        return days

    def open_jobs(self) -> Mapping[str, int]:
        found = self._client.collection("users").stream()
        return {each.id: (each.to_dict() or {}).get("open_jobs", 0) for each in found}

    def close_circuits(self) -> int:
        """As somebody does who renewed a key; else one wrong key would stop a vendor
        for the rest of the run. How many were open."""
        found = list(self._client.collection("circuits").stream())
        for circuit in found:
            circuit.reference.delete()
        return sum(1 for circuit in found if (circuit.to_dict() or {}).get("reason"))

    def spend(self, account: str, day: str, micros: int) -> None:
        """As if jobs of that day had cost so much."""
        booked = {"held": micros, "settled": micros, "released": 0}
        self._client.collection("spend").document(account).set({"days": {day: booked}})

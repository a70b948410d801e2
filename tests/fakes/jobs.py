"""The jobs in memory: real preconditions, and commits that go wrong on request."""

import threading
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from shared.domain.errors import LostRace, ReelayError, Unclear, Unreachable
from shared.domain.job import Job
from shared.domain.projection import project
from shared.ports import Overdue, Snapshot


class Trouble(StrEnum):
    """What the next commit (or create) meets instead of a plain answer."""

    NONE = "none"
    LOST_RACE = "lost race"
    UNREACHABLE = "unreachable"
    APPLIED = "unclear, and applied"
    NOT_APPLIED = "unclear, and not applied"


class FakeJobs:
    """`troubles` and `read_failures` are met by the next calls, in their order.

    `projections`: what listeners see; `projected`: how often it was written.
    """

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self.read_failures: list[ReelayError] = []
        self.projections: dict[str, dict[str, object]] = {}
        self.projected = 0
        self._jobs: dict[str, tuple[Job, int]] = {}
        self._tokens = 0
        self._lock = threading.RLock()

    def create(self, job: Job) -> None:
        trouble = self._trouble()
        with self._lock:
            if job.job_id in self._jobs:
                raise LostRace("it exists")
            if trouble is not Trouble.NOT_APPLIED:
                self._keep(job)
                self._project(job)
        self._after(trouble)

    def read(self, job_id: str) -> Snapshot | None:
        if self.read_failures:
            raise self.read_failures.pop(0)
        with self._lock:
            if job_id not in self._jobs:
                return None
            job, token = self._jobs[job_id]
        return Snapshot(job=job, token=token)

    def commit(self, before: Snapshot, after: Job) -> Snapshot:
        trouble = self._trouble()
        with self._lock:
            _, token = self._jobs.get(after.job_id, (None, None))
            if token is None or token != before.token:
                raise LostRace("somebody was faster, or it is deleted")
            if trouble is not Trouble.NOT_APPLIED:
                self._keep(after)
                self._project_changes(before.job, after)
        self._after(trouble)
        return Snapshot(job=after, token=self._jobs[after.job_id][1])

    def overdue(self, now: datetime, *, most: int) -> Sequence[Overdue]:
        waiting = [
            Overdue(job_id=job.job_id, version=job.version, wake_at=job.wake_at)
            for job, _ in self._jobs.values()
            if job.wake_at is not None and job.wake_at <= now
        ]
        return sorted(waiting, key=lambda overdue: overdue.wake_at)[:most]

    def put(self, job: Job) -> Snapshot:
        """As if somebody else had committed it."""
        self._keep(job)
        self._project(job)
        return self.get(job.job_id)

    def get(self, job_id: str) -> Snapshot:
        job, token = self._jobs[job_id]
        return Snapshot(job=job, token=token)

    def delete(self, job_id: str) -> None:
        del self._jobs[job_id]
        del self.projections[job_id]

    @property
    def all(self) -> list[Job]:
        return [job for job, _ in self._jobs.values()]

    def _trouble(self) -> Trouble:
        trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
        if trouble is Trouble.LOST_RACE:
            raise LostRace("scripted")
        if trouble is Trouble.UNREACHABLE:
            raise Unreachable("scripted")
        return trouble

    def _after(self, trouble: Trouble) -> None:
        if trouble in (Trouble.APPLIED, Trouble.NOT_APPLIED):
            raise Unclear("scripted")

    def _keep(self, job: Job) -> None:
        self._tokens += 1
        self._jobs[job.job_id] = (job, self._tokens)

    def _project(self, job: Job) -> None:
        self.projections[job.job_id] = project(job)
        self.projected += 1

    def _project_changes(self, before: Job, after: Job) -> None:
        old, new = project(before), project(after)
        if any(old[name] != new[name] for name in new.keys() - {"updated_at"}):
            self._project(after)

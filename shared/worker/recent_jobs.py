"""Cache of the jobs this process committed last, which saves the next step a read."""

from collections import OrderedDict

from msgspec import Struct, field

from shared.domain.job import Job
from shared.domain.naming import task_name
from shared.ports.store import Versioned

MAX_JOBS = 1000


class RecentJobs(Struct, frozen=True):
    """Each job is handed out once, to its version's own task. One cache per process.

    An entry may be stale, because another process may have committed meanwhile. The
    step's commit detects that: it is conditional on the version that the step began
    with. No lock is needed: what is lost to another thread is read again.
    """

    _jobs: OrderedDict[str, Versioned[Job]] = field(default_factory=OrderedDict)

    def keep(self, job: Versioned[Job]) -> None:
        if job.value.is_final:
            return
        self._jobs.pop(job.value.job_id, None)
        self._jobs[job.value.job_id] = job
        if len(self._jobs) > MAX_JOBS:
            self._jobs.popitem(last=False)

    def take(self, job_id: str, task: str | None) -> Versioned[Job] | None:
        """The job, if the cached version is the one that `task` is named for."""
        known = self._jobs.get(job_id)
        if known is None or task != task_name(job_id, known.value.version):
            return None
        # Of two threads with the same task, one gets it.
        return known if self._jobs.pop(job_id, None) is known else None

"""What this process committed last, so that the next step needn't read it again."""

from collections import OrderedDict

from msgspec import Struct, field

from shared.domain.job import Job
from shared.domain.naming import task_name
from shared.ports.store import Versioned

MOST_JOBS = 1000


class RecentJobs(Struct, frozen=True):
    """Each for one delivery of its version's own task. One for the process.

    It is a guess: another process may have committed meanwhile. The commit of a step
    finds out, because it is conditional on the version that the step began with. It
    needs no lock: what threads lose to each other is read.
    """

    _jobs: OrderedDict[str, Versioned[Job]] = field(default_factory=OrderedDict)

    def keep(self, job: Versioned[Job]) -> None:
        if job.value.is_final:
            return
        self._jobs.pop(job.value.job_id, None)
        self._jobs[job.value.job_id] = job
        if len(self._jobs) > MOST_JOBS:
            self._jobs.popitem(last=False)

    def take(self, job_id: str, task: str | None) -> Versioned[Job] | None:
        """The job, if it is known at the version whose task this is."""
        known = self._jobs.get(job_id)
        if known is None or task != task_name(job_id, known.value.version):
            return None
        # Of two threads with the same task, one gets it.
        return known if self._jobs.pop(job_id, None) is known else None

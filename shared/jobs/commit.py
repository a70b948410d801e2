"""How an outcome gets into a job: apply, commit, and again until it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Outcome
from shared.domain.transitions import apply, settle
from shared.jobs.events import log_finished
from shared.ports.store import (
    Clock,
    Ids,
    Jobs,
    Versioned,
)

SHORT_BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6)
# What a paid POST answered is worth waiting for: about a minute.
LONG_BACKOFF = (*SHORT_BACKOFF, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 10.0, 10.0)


def _nothing(_job: Job) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCommitter:
    """Commits outcomes, and tells what ended with them: whose commit it was, alone.

    `pause(seconds)` waits about that long before another try.
    """

    jobs: Jobs
    clock: Clock
    ids: Ids
    pause: Callable[[float], None]

    def commit(
        self,
        before: Versioned[Job],
        outcome: Outcome,
        *,
        pauses: Sequence[float] = SHORT_BACKOFF,
        then: Callable[[Job], None] = _nothing,
    ) -> Versioned[Job] | None:
        """The job with `outcome` in it, or as it is where that no longer fits.

        `then` gets the job once this very commit is known to hold, at most once.
        None: the job was deleted. Unreachable: not known to be committed.
        """
        # Made once: whoever reads this id in the job knows that the commit held.
        commit_id = self.ids.new()
        current: Versioned[Job] | None = before
        held: Versioned[Job] | None = None
        base = before.value
        for seconds in (*pauses, None):
            if current is None:
                return None
            if current.value.commit_id == commit_id:
                held = current
                break
            after = self._after(current.value, outcome, commit_id)
            if after is None:
                return current
            base = current.value
            try:
                held = self.jobs.commit(current, after)
                break
            except (LostRace, CommitUncertain, Unreachable):
                if seconds is not None:
                    self.pause(seconds)
                    current = self._read_again(current)
        if held is not None:
            log_finished(base, held.value)
            then(held.value)
            return held
        raise Unreachable(f"job {before.value.job_id}: the outcome was not committed")

    def _after(self, job: Job, outcome: Outcome, commit_id: str) -> Job | None:
        now = self.clock.now()
        changed = apply(job, outcome, now)
        if changed is job:
            return None
        settled = settle(changed, now)
        return replace(settled, version=job.version + 1, commit_id=commit_id)

    def _read_again(self, stale: Versioned[Job]) -> Versioned[Job] | None:
        """What stands now; the stale snapshot where that can't be told."""
        try:
            return self.jobs.read(stale.value.job_id)
        except Unreachable:
            return stale

"""Optimistic concurrency: read, decide, commit; after a lost race, start over."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Job
from shared.domain.outcomes import Outcome
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from shared.jobs.events import log_finished
from shared.ports.store import Clock, Ids, Jobs, Versioned

SHORT_BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6)
# The answer to a paid POST must not be lost: retried for about a minute.
LONG_BACKOFF = (*SHORT_BACKOFF, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0, 10.0, 10.0)
# For documents with many writers, such as the account of all users: short waits.
CONTENTION_BACKOFF = (0.02, 0.05, 0.1, 0.2, *(0.4,) * 24)


def tries(backoff: Sequence[float], pause: Callable[[float], None]) -> Iterator[int]:
    """Yield 0 at once, then 1, 2, 3 … after each wait; `backoff` is in seconds.

    The body of the loop returns once its commit succeeded, and continues on LostRace or
    CommitUncertain. The code after the loop handles the failure of all tries.
    """
    yield 0
    for nth, seconds in enumerate(backoff, start=1):
        pause(seconds)
        yield nth


def _do_nothing(_job: Job) -> None: ...


class JobCommitter(Struct, frozen=True, kw_only=True):
    """Applies outcomes to jobs, commits them, and logs the attempts and jobs that end.

    `pause(seconds)` waits about that long.
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
        backoff: Sequence[float] = SHORT_BACKOFF,
        then: Callable[[Job], None] = _do_nothing,
    ) -> Versioned[Job] | None:
        """The job with `outcome` applied, or unchanged if it no longer applies.

        `then` is called with the job at most once, and only if this commit took effect.
        None: the job was deleted. Unreachable: the commit may or may not have taken
        effect.
        """
        # Chosen before the first try: a job with this id has our commit.
        commit_id = self.ids.new()
        current, base = before, before.value
        for nth in tries(backoff, self.pause):
            found = self._read_again(current) if nth else before
            if found is None:
                return None
            current = found
            if current.value.commit_id == commit_id:
                return self._committed(base, current, then)
            after = self._after(current.value, outcome, commit_id)
            if after is None:
                return current
            base = current.value
            try:
                held = self.jobs.commit(current, after)
            except (LostRace, CommitUncertain, Unreachable):
                continue
            return self._committed(base, held, then)
        raise Unreachable(f"job {before.value.job_id}: the outcome was not committed")

    def commit_around(
        self,
        before: Versioned[Job],
        started: Outcome,
        work: Callable[[Job], Outcome],
        *,
        backoff: Sequence[float] = SHORT_BACKOFF,
        then: Callable[[Job], None] = _do_nothing,
    ) -> Versioned[Job] | None:
        """Commit `started`; only if that took effect, do `work` and commit its outcome.

        So one process at a time does the work. `backoff`, `then`: of the second commit.
        """
        our_commit: list[Job] = []
        held = self.commit(before, started, then=our_commit.append)
        if held is None or not our_commit:
            return held
        return self.commit(held, work(held.value), backoff=backoff, then=then)

    def _committed(
        self, base: Job, held: Versioned[Job], then: Callable[[Job], None]
    ) -> Versioned[Job]:
        log_finished(base, held.value)
        then(held.value)
        return held

    def _after(self, job: Job, outcome: Outcome, commit_id: str) -> Job | None:
        now = self.clock.now()
        changed = apply(job, outcome, now)
        if changed is job:
            return None
        settled = settle(changed, now)
        return replace(settled, version=job.version + 1, commit_id=commit_id)

    def _read_again(self, stale: Versioned[Job]) -> Versioned[Job] | None:
        """The job as it is now, or the stale snapshot if it can't be read."""
        try:
            return self.jobs.read(stale.value.job_id)
        except Unreachable:
            return stale

"""Circuit breaker: skips starts that are expected to fail, across all instances.

Only openings, closings and trials are stored. Each instance counts consecutive bad
answers by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec import Struct, field

from shared.domain import circuit
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import Circuit, CircuitState, Verdict
from shared.domain.errors import CommitUncertain, LostRace, Problem, Unreachable
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Submission
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import Circuits, Clock, Versioned

log = structlog.get_logger()

CACHE_TTL = timedelta(seconds=5)

Changes = Sequence[tuple[Versioned[Circuit], Circuit]]


class _Streak(Struct, frozen=True, kw_only=True):
    """The same complaint about one provider, or none, `length` times in a row."""

    complaint: str | None
    length: int


class CircuitBreaker(Struct, frozen=True, kw_only=True):
    """Stops starts, never polls, fetches or cancels. One per process.

    Its two caches need no lock: an entry that is lost to another thread costs one more
    start or one more read.
    """

    circuits: Circuits
    clock: Clock
    pause: Callable[[float], None]
    _streaks: dict[str, _Streak] = field(default_factory=dict)
    _closed_until: dict[str, datetime] = field(default_factory=dict)

    def admit(self, planned: PlannedProvider) -> Problem | None:
        """None: start it. A problem (circuit_open): skip the provider for this reason.

        Admitting may claim a circuit's only trial, for two minutes, so call this when
        nothing else stands in the way of the start.

        If the store is unreachable, the start is admitted. A circuit only saves futile
        starts; the intent ensures that a start is paid at most once, and the ledger
        caps it.
        """
        now = self.clock.now()
        if self._were_closed(planned, now):
            return None
        try:
            return self._admit(circuit.keys(planned), now)
        except Unreachable as error:
            log.warning(
                "circuits_not_read", ai_model=planned.provider_id, why=str(error)
            )
            return None

    def problems(
        self, chain: Sequence[PlannedProvider]
    ) -> Mapping[ProviderId, Problem | None]:
        """Why `admit` would skip each provider; None: it would not.

        Read-only. Raises Unreachable.
        """
        now = self.clock.now()
        keys = sorted({key for planned in chain for key in circuit.keys(planned)})
        by_key = {
            found.value.key: circuit.problem(found.value)
            for found in self.circuits.read(keys)
            if circuit.state(found.value, now) is CircuitState.OPEN
        }
        return {
            planned.provider_id: next(
                (by_key[key] for key in circuit.keys(planned) if key in by_key), None
            )
            for planned in chain
        }

    def _were_closed(self, planned: PlannedProvider, at: datetime) -> bool:
        """Whether this process read them as closed less than five seconds before."""
        keys = circuit.keys(planned)
        return all(at < self._closed_until.get(key, at) for key in keys)

    def _admit(self, keys: Sequence[str], now: datetime) -> Problem | None:
        trials: list[Versioned[Circuit]] = []
        for found in self.circuits.read(keys):
            match circuit.state(found.value, now):
                case CircuitState.OPEN:
                    return circuit.problem(found.value)
                case CircuitState.HALF_OPEN:
                    trials.append(found)
                case CircuitState.CLOSED:
                    self._closed_until[found.value.key] = now + CACHE_TTL
        return self._claim(trials, now) if trials else None

    def _claim(
        self, trials: Sequence[Versioned[Circuit]], now: datetime
    ) -> Problem | None:
        """Claim the trials of all half-open circuits, or none of them.

        If the claim's commit is uncertain, the start is skipped; the claim expires.
        """
        try:
            self.circuits.commit(
                [(t, circuit.with_trial(t.value, now)) for t in trials]
            )
        except (LostRace, CommitUncertain):
            return circuit.problem(trials[0].value)
        log.info("circuit_trial_claimed", circuits=[t.value.key for t in trials])
        return None

    def withdraw(self, planned: PlannedProvider, *, began_at: datetime) -> None:
        """Free the trial of a start that was admitted but not made, for another job.

        `began_at`: when that start began, before it was admitted. Never raises for the
        store: if this fails, the claim expires.
        """
        with suppress(LostRace, CommitUncertain, Unreachable):
            found = self.circuits.read(circuit.keys(planned))
            free = partial(circuit.without_trial, began_at=began_at)
            after = [(before, free(before.value)) for before in found]
            if changes := [(old, new) for old, new in after if new != old.value]:
                self.circuits.commit(changes)

    def report(
        self, planned: PlannedProvider, submission: Submission, *, began_at: datetime
    ) -> None:
        """Record the result of a start. `began_at`: when its intent was committed.

        Call this after the answer is committed, and not for starts that we abandoned
        before sending. Never raises for the store: the next start reports again.
        """
        if circuit.verdict(submission) is Verdict.INCONCLUSIVE:
            return
        in_a_row = self._count(planned, submission)
        is_healthy = circuit.verdict(submission) is Verdict.HEALTHY
        if is_healthy and self._were_closed(planned, began_at):
            return  # the circuits were closed already when it began
        opens = circuit.key_to_open(planned, submission, in_a_row)
        change = partial(
            circuit.after_submission,
            submission=submission,
            opens=opens,
            began_at=began_at,
        )
        try:
            self._write(planned, change)
        except Unreachable as error:
            log.warning(
                "circuits_not_written", ai_model=planned.provider_id, why=str(error)
            )
        else:
            if opens:
                self._streaks.pop(planned.provider_id, None)

    def _count(self, planned: PlannedProvider, submission: Submission) -> int:
        """How often in a row this process saw this complaint, this time included."""
        complaint = circuit.complaint(submission)
        last = self._streaks.get(planned.provider_id)
        length = last.length + 1 if last and last.complaint == complaint else 1
        streak = _Streak(complaint=complaint, length=length)
        self._streaks[planned.provider_id] = streak
        return length

    def _write(self, planned: PlannedProvider, change: Callable[..., Circuit]) -> None:
        for _ in tries(SHORT_BACKOFF, self.pause):
            now = self.clock.now()
            found = self.circuits.read(circuit.keys(planned))
            after = [(before, change(before.value, now=now)) for before in found]
            changes = [(old, new) for old, new in after if new != old.value]
            if not changes:
                return
            with suppress(LostRace, CommitUncertain):
                self.circuits.commit(changes)
                self._log(planned, changes)
                return
        raise Unreachable("the circuits were not written")

    def _log(self, planned: PlannedProvider, changes: Changes) -> None:
        for _, after in changes:
            self._closed_until.pop(after.key, None)
            if after.opening is None:
                log.info(
                    "circuit_closed", circuit=after.key, ai_model=planned.provider_id
                )
                continue
            log.error(
                "circuit_opened",
                circuit=after.key,
                ai_model=planned.provider_id,
                vendor=planned.vendor,
                code=after.opening.reason,
                until=after.opening.until,
                times=after.opening.times,
            )

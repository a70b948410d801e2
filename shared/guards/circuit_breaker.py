"""Whether a start is worth trying, by what every instance saw of its vendor and link.

Only opening, closing and the one trial are written; faults in a row are counted by
each instance for itself.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from shared.domain import circuit
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import Circuit, CircuitState, Verdict
from shared.domain.errors import CommitUncertain, LostRace, Problem, Unreachable
from shared.domain.job import PlannedProvider
from shared.domain.outcomes import Submission
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import (
    Circuits,
    Clock,
    Versioned,
)

log = structlog.get_logger()

CACHED = timedelta(seconds=5)

Changes = Sequence[tuple[Versioned[Circuit], Circuit]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Stops starts, never polls, fetches or cancels. One for all of a process.

    Its two memories need no lock: a count or an entry that threads lose to each other
    costs one start or one read more.
    """

    circuits: Circuits
    clock: Clock
    pause: Callable[[float], None]
    _faults: dict[str, int] = field(default_factory=dict, init=False, repr=False)
    _closed_until: dict[str, datetime] = field(
        default_factory=dict, init=False, repr=False
    )

    def admit(self, planned: PlannedProvider) -> Problem | None:
        """None: start it. A problem (circuit_open): skip it, and say this.

        Where a circuit's time is up, None means that this start is its one trial, for
        two minutes. Ask right before the intent, when nothing else bars the start.

        An unreachable store lets through: a circuit saves waiting and futile starts,
        it guards nothing. What it lets through is paid at most once all the same,
        by the intent, and capped by the ledger.
        """
        now = self.clock.now()
        keys = circuit.keys(planned)
        if all(now < self._closed_until.get(key, now) for key in keys):
            return None
        try:
            return self._look(keys, now)
        except Unreachable as error:
            log.warning(
                "circuits_not_read", ai_model=planned.provider_id, why=str(error)
            )
            return None

    def stopped(
        self, chain: Sequence[PlannedProvider]
    ) -> Mapping[ProviderId, Problem | None]:
        """Which providers `admit` would skip; changes nothing. Raises Unreachable."""
        now = self.clock.now()
        keys = sorted({key for planned in chain for key in circuit.keys(planned)})
        problems = {
            found.value.key: circuit.problem(found.value)
            for found in self.circuits.read(keys)
            if circuit.passage(found.value, now) is CircuitState.STOPPED
        }
        return {
            planned.provider_id: next(
                (problems[key] for key in circuit.keys(planned) if key in problems),
                None,
            )
            for planned in chain
        }

    def _look(self, keys: Sequence[str], now: datetime) -> Problem | None:
        found = self.circuits.read(keys)
        trials: list[Versioned[Circuit]] = []
        for snapshot in found:
            match circuit.passage(snapshot.value, now):
                case CircuitState.STOPPED:
                    return circuit.problem(snapshot.value)
                case CircuitState.HALF_OPEN:
                    trials.append(snapshot)
                case CircuitState.CLOSED:
                    self._closed_until[snapshot.value.key] = now + CACHED
        return self._try(trials, now) if trials else None

    def _try(
        self, trials: Sequence[Versioned[Circuit]], now: datetime
    ) -> Problem | None:
        """Claim all trials that this start would be, or none; not known: none.

        A claim that holds without our knowing expires by itself.
        """
        try:
            self.circuits.commit([(t, circuit.claimed(t.value, now)) for t in trials])
        except (LostRace, CommitUncertain):
            return circuit.problem(trials[0].value)
        log.info("circuit_tried", circuits=[t.value.key for t in trials])
        return None

    def report(self, planned: PlannedProvider, submission: Submission) -> None:
        """What a start came to. Tell once its answer is recorded.

        Never raises for the store: the next start will tell the same. Not to be told
        of starts that we ourselves gave up before sending: nobody was asked.
        """
        said = circuit.verdict(submission)
        if said is Verdict.NEUTRAL:
            return
        opening = circuit.opens(planned, said, self._count(planned, said))
        try:
            self._write(planned, submission, opening)
            if opening:
                self._faults.pop(circuit.provider_key(planned), None)
        except Unreachable as error:
            log.warning(
                "circuits_not_written", ai_model=planned.provider_id, why=str(error)
            )

    def _count(self, planned: PlannedProvider, said: Verdict) -> int:
        """Faults of this link in a row, as this process saw them, with this one."""
        key = circuit.provider_key(planned)
        faults = self._faults.get(key, 0) + 1 if said is Verdict.FAULT else 0
        self._faults[key] = faults
        return faults

    def _write(
        self, planned: PlannedProvider, submission: Submission, opening: str | None
    ) -> None:
        for _ in tries(SHORT_BACKOFF, self.pause):
            changes = self._changes(planned, submission, opening)
            if not changes:
                return
            with suppress(LostRace, CommitUncertain):
                self.circuits.commit(changes)
                self._tell(planned, changes)
                return
        raise Unreachable("the circuits were not written")

    def _changes(
        self, planned: PlannedProvider, submission: Submission, opening: str | None
    ) -> Changes:
        now = self.clock.now()
        found = self.circuits.read(circuit.keys(planned))
        after = [(s, circuit.judged(s.value, submission, opening, now)) for s in found]
        return [(before, new) for before, new in after if new != before.value]

    def _tell(self, planned: PlannedProvider, changes: Changes) -> None:
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

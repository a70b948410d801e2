"""Which links would be asked now, and why not the others; and who reports that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from shared.domain import circuit
from shared.domain.catalogue import CATALOGUE, ProviderId
from shared.domain.circuit import CircuitState
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import PlannedProvider
from shared.domain.kill_switch import Level, allows
from shared.guards.kill_switch import KillSwitch
from shared.ports.providers import ProviderReports
from shared.ports.store import (
    Circuits,
    Clock,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What was read once, for all links of a chain."""

    now: datetime
    level: Level
    not_configured: frozenset[ProviderId]
    stopped: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    kill_switch: KillSwitch
    circuits: Circuits
    reports: ProviderReports
    clock: Clock
    tight_max_usd_per_second: Decimal

    def bars(self, chain: Sequence[PlannedProvider]) -> Mapping[ProviderId, ErrorCode]:
        """What would keep each link from being asked; a link that is free is left out.

        As a worker would decide just now, but for what only a start itself can tell.
        """
        view = self._look(chain)
        bars = {planned.provider_id: self._bar(planned, view) for planned in chain}
        return {
            provider_id: code for provider_id, code in bars.items() if code is not None
        }

    def _look(self, chain: Sequence[PlannedProvider]) -> _View:
        now = self.clock.now()
        keys = sorted({key for planned in chain for key in circuit.keys(planned)})
        found = [snapshot.value for snapshot in self.circuits.read(keys)]
        return _View(
            now=now,
            level=self.kill_switch.level(now),
            not_configured=self.reports.read(),
            stopped=frozenset(
                c.key for c in found if circuit.passage(c, now) is CircuitState.STOPPED
            ),
        )

    def _bar(self, planned: PlannedProvider, view: _View) -> ErrorCode | None:
        retires_on = CATALOGUE[planned.model_id].retires_on
        usd_per_second = planned.price_usd / planned.duration_seconds
        reasons = {
            ErrorCode.UNSUPPORTED: planned.unsupported is not None,
            ErrorCode.NOT_CONFIGURED: planned.provider_id in view.not_configured,
            ErrorCode.MODEL_UNAVAILABLE: retires_on and retires_on <= view.now.date(),
            ErrorCode.CIRCUIT_OPEN: view.stopped & set(circuit.keys(planned)),
            ErrorCode.GENERATION_PAUSED: not allows(
                view.level, usd_per_second, self.tight_max_usd_per_second
            ),
        }
        return next((code for code, holds in reasons.items() if holds), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMissingProviders:
    """The worker's word on what it has no key for: the api holds none to know."""

    reports: ProviderReports

    def __call__(self, not_configured: frozenset[ProviderId]) -> None:
        """Written only where it changes; a report that gets lost costs no job."""
        try:
            if self.reports.read() != not_configured:
                self.reports.write(not_configured)
        except Unreachable as error:
            log.warning("providers_not_reported", why=str(error))

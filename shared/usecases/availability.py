"""Which links would be asked now, and why not the others; and who reports that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import structlog

from shared.domain import circuit
from shared.domain.catalogue import CATALOGUE, Link
from shared.domain.circuit import Passage
from shared.domain.errors import ErrorCode, Unreachable
from shared.domain.job import PlannedLink
from shared.domain.kill_switch import Level, allows
from shared.ports import Circuits, Clock, LinkReports
from shared.usecases.kill_switch import KillSwitch

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What was read once, for all links of a chain."""

    now: datetime
    level: Level
    not_configured: frozenset[Link]
    stopped: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    kill_switch: KillSwitch
    circuits: Circuits
    reports: LinkReports
    clock: Clock
    tight_max_usd_per_second: Decimal

    def bars(self, chain: Sequence[PlannedLink]) -> Mapping[Link, ErrorCode]:
        """What would keep each link from being asked; a link that is free is left out.

        As a worker would decide just now, but for what only a start itself can tell.
        """
        view = self._look(chain)
        bars = {planned.link: self._bar(planned, view) for planned in chain}
        return {link: code for link, code in bars.items() if code is not None}

    def _look(self, chain: Sequence[PlannedLink]) -> _View:
        now = self.clock.now()
        keys = sorted({key for planned in chain for key in circuit.keys(planned)})
        found = [snapshot.circuit for snapshot in self.circuits.read(keys)]
        return _View(
            now=now,
            level=self.kill_switch.level(now),
            not_configured=self.reports.read(),
            stopped=frozenset(
                c.key for c in found if circuit.passage(c, now) is Passage.STOPPED
            ),
        )

    def _bar(self, planned: PlannedLink, view: _View) -> ErrorCode | None:
        retires_on = CATALOGUE[planned.model_id].retires_on
        usd_per_second = planned.price_usd / planned.duration_seconds
        reasons = {
            ErrorCode.UNSUPPORTED: planned.unsupported is not None,
            ErrorCode.NOT_CONFIGURED: planned.link in view.not_configured,
            ErrorCode.MODEL_UNAVAILABLE: retires_on and retires_on <= view.now.date(),
            ErrorCode.CIRCUIT_OPEN: view.stopped & set(circuit.keys(planned)),
            ErrorCode.GENERATION_PAUSED: not allows(
                view.level, usd_per_second, self.tight_max_usd_per_second
            ),
        }
        return next((code for code, holds in reasons.items() if holds), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLinks:
    """The worker's word on what it has no key for: the api holds none to know."""

    reports: LinkReports

    def __call__(self, not_configured: frozenset[Link]) -> None:
        """Written only where it changes; a report that gets lost costs no job."""
        try:
            if self.reports.read() != not_configured:
                self.reports.write(not_configured)
        except Unreachable as error:
            log.warning("links_not_reported", why=str(error))

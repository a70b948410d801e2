"""Whether a provider may be used now: one policy for the worker and the API."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import structlog
from msgspec import Struct

from shared.domain.catalogue import CATALOGUE, ProviderId
from shared.domain.errors import (
    NOT_IN_CHAIN,
    TOO_EXPENSIVE,
    ErrorCode,
    Problem,
    Unreachable,
)
from shared.domain.job import PlannedProvider
from shared.domain.kill_switch import Level, allows
from shared.domain.outcomes import Parked, Skipped
from shared.guards.circuit_breaker import CircuitBreaker
from shared.guards.kill_switch import KillSwitch
from shared.ports.providers import ProviderReports
from shared.ports.store import Clock

log = structlog.get_logger()


class Availability(Struct, frozen=True, kw_only=True):
    """Checks, in this order: the request, missing keys, retired models, the kill
    switch, open circuits.

    A provider outside `chain` counts as not configured, whoever chose it and whichever
    release planned the job.

    What the earlier attempts of the same job rule out is in `domain/fallback.py`.
    """

    kill_switch: KillSwitch
    breaker: CircuitBreaker
    reports: ProviderReports
    clock: Clock
    chain: Collection[ProviderId]
    tight_max_usd_per_second: Decimal

    def check(
        self, planned: PlannedProvider, *, is_configured: bool
    ) -> Parked | Skipped | None:
        """The outcome to record instead of starting `planned`; None: start it.

        The circuit is checked last, because passing it may claim its only trial.
        Unreachable if the kill switch can't be read: then nothing may start.
        """
        now = self.clock.now()
        problem = self._unfit(planned, now, is_configured=is_configured)
        if problem is None:
            level = self.kill_switch.level(now)
            if level is Level.PAUSED:
                return Parked()
            problem = self._too_expensive(planned, level)
        problem = problem or self.breaker.admit(planned)
        if problem is None:
            return None
        return Skipped(provider_id=planned.provider_id, problem=problem)

    def require_running(self) -> None:
        """GenerationPaused while nothing new may start."""
        self.kill_switch.require_running(self.clock.now())

    def reasons_to_skip(
        self,
        chain: Sequence[PlannedProvider],
        *,
        missing: Collection[ProviderId] | None = None,
        level: Level | None = None,
    ) -> Mapping[ProviderId, Problem]:
        """By provider, why `check` would not start it; the others are left out.

        Read-only. `missing`: providers that are not configured; None: as the worker
        reported them. `level`: assumed for the kill switch; None: its actual level.
        """
        now = self.clock.now()
        level = level or self.kill_switch.level(now)
        missing = self.reports.read() if missing is None else missing
        circuit_problems = self.breaker.problems(chain)
        problems = {
            planned.provider_id: self._unfit(
                planned, now, is_configured=planned.provider_id not in missing
            )
            or self._too_expensive(planned, level)
            or circuit_problems.get(planned.provider_id)
            for planned in chain
        }
        return {name: problem for name, problem in problems.items() if problem}

    def _too_expensive(self, planned: PlannedProvider, level: Level) -> Problem | None:
        usd_per_second = planned.price_usd / planned.duration_seconds
        if allows(level, usd_per_second, self.tight_max_usd_per_second):
            return None
        detail = "" if level is Level.PAUSED else TOO_EXPENSIVE
        return Problem(code=ErrorCode.GENERATION_PAUSED, detail=detail)

    def _unfit(
        self, planned: PlannedProvider, now: datetime, *, is_configured: bool
    ) -> Problem | None:
        if planned.unsupported is not None:
            return Problem(code=ErrorCode.UNSUPPORTED, detail=planned.unsupported)
        if planned.provider_id not in self.chain:
            return Problem(code=ErrorCode.NOT_CONFIGURED, detail=NOT_IN_CHAIN)
        if not is_configured:
            return Problem(code=ErrorCode.NOT_CONFIGURED)
        model = CATALOGUE.get(planned.model_id)
        if model and model.retires_on and model.retires_on <= now.date():
            detail = f"{planned.model_id} retired on {model.retires_on}"
            return Problem(code=ErrorCode.MODEL_UNAVAILABLE, detail=detail)
        return None


def report_missing(
    reports: ProviderReports, not_configured: frozenset[ProviderId]
) -> None:
    """Writes which providers the worker has no key for, since the API has no keys.

    Writes only changes. A lost report does no harm to any job.
    """
    try:
        if reports.read() != not_configured:
            reports.write(not_configured)
    except Unreachable as error:
        log.warning("providers_not_reported", why=str(error))

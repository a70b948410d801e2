"""Whether a start may spend now: the kill switch before every intent."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import PlannedProvider
from shared.domain.kill_switch import Level, allows
from shared.domain.outcomes import Parked, Skipped
from shared.guards.kill_switch import KillSwitch
from shared.ports.store import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingPolicy:
    kill_switch: KillSwitch
    clock: Clock
    tight_max_usd_per_second: Decimal

    def check(self, planned: PlannedProvider) -> Parked | Skipped | None:
        """What to record in place of the start; None: start.

        Unreachable where the switch can't be read: then nothing is started.
        """
        level = self.kill_switch.level(self.clock.now())
        if level is Level.PAUSED:
            return Parked()
        usd_per_second = planned.price_usd / planned.duration_seconds
        if not allows(level, usd_per_second, self.tight_max_usd_per_second):
            code = ErrorCode.GENERATION_PAUSED
            problem = Problem(code=code, detail="too dear while spending is tight")
            return Skipped(provider_id=planned.provider_id, problem=problem)
        return None

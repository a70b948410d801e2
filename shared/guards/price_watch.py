"""Plans with the prices that vendors charge, and reports deviations from the plan."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from msgspec import Struct, field

from shared.domain.catalogue import Resolution
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Attempt, Job, PlannedProvider
from shared.domain.observed_prices import ObservedPrices, at_observed_price, observe
from shared.domain.pricing import charged_usd
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import Clock, PriceStore

log = structlog.get_logger()

CACHE_TTL = timedelta(seconds=5)


class PriceWatch(Struct, kw_only=True):
    """One per process: it caches what it read for 5 s.

    Without its store everything continues at the prices read last, or else the
    catalogue's. What a vendor says that it may charge is held in any case, with the
    answer to the POST.
    """

    store: PriceStore
    clock: Clock
    pause: Callable[[float], None]
    _last: ObservedPrices = field(default_factory=ObservedPrices)
    _read_at: datetime | None = None

    def plan(
        self,
        chain: Sequence[PlannedProvider],
        resolution: Resolution,
        *,
        max_age: timedelta = CACHE_TTL,
    ) -> tuple[PlannedProvider, ...]:
        """Each at the catalogue's price or the last one charged, whichever is higher.

        `max_age`: how old the cached prices may be. Before a paid POST they are
        read again: once a higher price is known, nothing is sent at the lower one.
        """
        observed = self._observed(max_age)
        return tuple(at_observed_price(p, resolution, observed) for p in chain)

    def report(self, job: Job, attempt: Attempt, reported_usd: Decimal | None) -> None:
        """Record what the vendor charges, or says that it may, for an attempt.

        Never raises for the store: the next job that is charged so reports it again.
        """
        charged = charged_usd(reported_usd, attempt)
        if charged == attempt.price_usd:
            return
        log.error(
            "price_differs",
            job_id=job.job_id,
            ai_model=attempt.provider_id.value,
            expected_usd=str(attempt.price_usd),
            charged_usd=str(charged),
            reported_usd=str(reported_usd),
        )
        try:
            self._keep(attempt, job.request.resolution, charged)
        except Unreachable as error:
            log.warning("prices_not_written", why=str(error))

    def _keep(self, attempt: Attempt, resolution: Resolution, charged: Decimal) -> None:
        for _ in tries(SHORT_BACKOFF, self.pause):
            before = self.store.read()
            after = observe(before.value, attempt, resolution, charged)
            try:
                if after != before.value:
                    self.store.commit(before, after)
            except (LostRace, CommitUncertain):
                continue
            self._read_at = None
            return
        raise Unreachable("control/prices: not known to be committed")

    def _observed(self, max_age: timedelta) -> ObservedPrices:
        now, at = self.clock.now(), self._read_at
        if at is None or not timedelta(0) <= now - at < max_age:
            try:
                self._last, self._read_at = self.store.read().value, now
            except Unreachable as error:
                log.warning("prices_not_read", why=str(error))
        return self._last

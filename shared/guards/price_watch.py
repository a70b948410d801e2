"""Plans with what vendors charge, and reports what the catalogue does not say."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from msgspec import Struct, field

from shared.domain.catalogue import Resolution
from shared.domain.errors import CommitUncertain, LostRace, Unreachable
from shared.domain.job import Attempt, Job, PlannedProvider
from shared.domain.observed_prices import ObservedPrices, at_observed_price, observe
from shared.jobs.commit import SHORT_BACKOFF, tries
from shared.ports.store import Clock, PriceStore

log = structlog.get_logger()

CACHED = timedelta(seconds=5)


class PriceWatch(Struct, frozen=True, kw_only=True):
    """One for the process: what it read is believed for 5 s.

    Without its store everything goes on at the prices that were read last, or else the
    catalogue's: what a vendor says that it may charge is held all the same, with the
    answer to the POST.
    """

    store: PriceStore
    clock: Clock
    pause: Callable[[float], None]
    _read: dict[str, tuple[datetime, ObservedPrices]] = field(default_factory=dict)

    def plan(
        self,
        chain: Sequence[PlannedProvider],
        resolution: Resolution,
        *,
        believed_for: timedelta = CACHED,
    ) -> tuple[PlannedProvider, ...]:
        """Each at the higher one of the catalogue's price and the last one charged.

        `believed_for`: how old what was read may be. Before a paid POST it is read
        anew: once a higher price is known, nothing is sent at the lower one.
        """
        observed = self._observed(believed_for)
        return tuple(at_observed_price(p, resolution, observed) for p in chain)

    def report(self, job: Job, attempt: Attempt, charged_usd: Decimal) -> None:
        """What the vendor charges, or says that it may, for an attempt of this job.

        Never raises for the store: the next job that is charged so reports it again.
        """
        if charged_usd == attempt.price_usd:
            return
        log.error(
            "price_differs",
            job_id=job.job_id,
            ai_model=attempt.provider_id.value,
            expected_usd=str(attempt.price_usd),
            charged_usd=str(charged_usd),
        )
        try:
            self._keep(attempt, job.request.resolution, charged_usd)
        except Unreachable as error:
            log.warning("prices_not_written", why=str(error))

    def _keep(
        self, attempt: Attempt, resolution: Resolution, charged_usd: Decimal
    ) -> None:
        for _ in tries(SHORT_BACKOFF, self.pause):
            before = self.store.read()
            after = observe(before.value, attempt, resolution, charged_usd)
            try:
                if after != before.value:
                    self.store.commit(before, after)
            except (LostRace, CommitUncertain):
                continue
            self._read.clear()
            return
        raise Unreachable("control/prices: not known to be committed")

    def _observed(self, believed_for: timedelta) -> ObservedPrices:
        now = self.clock.now()
        at, last = self._read.get("last", (now - believed_for, ObservedPrices()))
        if timedelta(0) <= now - at < believed_for:
            return last
        try:
            observed = self.store.read().value
        except Unreachable as error:
            log.warning("prices_not_read", why=str(error))
            return last
        self._read["last"] = (now, observed)
        return observed

"""Observed prices in Firestore: the one document `control/prices`."""

from typing import Any

from shared.domain.errors import Unreadable
from shared.domain.observed_prices import ObservedPrices
from shared.gcp.firestore_calls import CallLimits, Database
from shared.gcp.firestore_records import from_record, to_record
from shared.ports.store import Versioned

# A start and a create wait for these calls: both can do without them.
LIMITS = CallLimits(read_try=2.0, total=5.0)


class FirestorePrices:
    """The port `PriceStore` on google-cloud-firestore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> Versioned[ObservedPrices]:
        found = self._database.get(self._reference())
        record = found.to_dict()
        if record is None:
            return Versioned(value=ObservedPrices(), token=None)
        try:
            observed = from_record(ObservedPrices, record)
        except Unreadable:
            # It saves a surprise and guards no money: vendors' own words are held.
            observed = ObservedPrices()
        return Versioned(value=observed, token=found.update_time)

    def commit(self, before: Versioned[ObservedPrices], after: ObservedPrices) -> None:
        batch = self._database.batch()
        batch.put(self._reference(), to_record(after), before.token)
        batch.commit()

    def _reference(self) -> Any:
        return self._database.document("control", "prices")

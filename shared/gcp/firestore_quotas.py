"""Checks and counts what users may do, by the ledger's caps and each user's counts."""

from datetime import datetime
from decimal import Decimal

from shared.domain.job import Job
from shared.domain.ledger import Limits, ledger_key, nth_of
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_ledger import FirestoreLedger


class FirestoreQuotas:
    """The port `Quotas` on google-cloud-firestore."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits
        self._ledger = FirestoreLedger(database, limits)

    def check_room(self, job: Job) -> None:
        # Builds the writes that `Jobs.create` would commit, without sending them.
        unsent = self._database.batch()
        self._ledger.add_new(unsent, job)

    def book_translation(
        self, user_id: str, price_usd: Decimal, now: datetime, shard_by: str
    ) -> None:
        key = ledger_key(user_id, now, self._limits, nth_of(shard_by))
        batch = self._database.batch()
        self._ledger.add_translation(batch, user_id, key, price_usd, now)
        batch.commit()

    def release_translation(
        self, user_id: str, unspent_usd: Decimal, booked_at: datetime, shard_by: str
    ) -> None:
        batch = self._database.batch()
        key = ledger_key(user_id, booked_at, self._limits, nth_of(shard_by))
        self._ledger.release(batch, key, unspent_usd)
        batch.commit(may_resend=False)

    def count_upload(self, user_id: str, now: datetime) -> None:
        batch = self._database.batch()
        self._ledger.add_upload(batch, user_id, now)
        batch.commit()

"""What may be asked for now: the ledger's caps and each user's counts."""

from datetime import datetime

from google.cloud import firestore

from shared.domain.booking import booking
from shared.domain.job import Job
from shared.domain.ledger import Limits
from shared.gcp.firestore_calls import RETRY, TIMEOUT_SECONDS, committing, reading
from shared.gcp.firestore_ledger import FirestoreLedger


class FirestoreQuotas:
    """The port `Quotas` on google-cloud-firestore."""

    def __init__(self, client: firestore.Client, limits: Limits) -> None:
        self._client = client
        self._ledger = FirestoreLedger(
            client=client, limits=limits, timeout_seconds=TIMEOUT_SECONDS
        )

    def check_room(self, job: Job) -> None:
        # The batch that `Jobs.create` would commit; this one is never sent.
        unsent = self._client.batch()
        with reading():
            self._ledger.add_new(unsent, job, booking(None, job), job.created_at)

    def count_upload(self, user_id: str, now: datetime) -> None:
        batch = self._client.batch()
        with reading():
            self._ledger.add_upload(batch, user_id, now)
        with committing():
            batch.commit(retry=RETRY, timeout=TIMEOUT_SECONDS)

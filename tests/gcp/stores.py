"""The stores of jobs on the emulator and in memory, and access to their contents."""

from typing import Any

from google.cloud import firestore

from shared.domain.errors import LimitReached, LostRace
from shared.domain.job import Job
from shared.domain.ledger import SHARDS, Account, Limits
from shared.domain.structs import replace
from shared.domain.usage import UsageMonth
from shared.gcp.firestore_calls import Database, Document
from shared.gcp.firestore_idempotency import FirestoreIdempotency
from shared.gcp.firestore_job_queries import FirestoreJobQueries
from shared.gcp.firestore_jobs import FirestoreJobs
from shared.gcp.firestore_quotas import FirestoreQuotas
from shared.gcp.firestore_reports import FirestoreUsage
from shared.ports.store import IdempotencyStore, JobQueries, Jobs, Quotas, Versioned
from tests.fakes.jobs import FakeJobs


class Counting(Database):
    """Counts documents read, as Google bills them."""

    documents = 0

    def get_all(self, *references: Any, **options: Any) -> list[Document]:
        found = super().get_all(*references, **options)
        self.documents += len(found)
        return found

    def query(self, query: Any, **options: Any) -> list[Document]:
        found = super().query(query, **options)
        self.documents += len(found)
        return found


class OnEmulator:
    def __init__(self, client: firestore.Client, limits: Limits | None = None) -> None:
        database, limits = Database(client), limits or Limits()
        self.jobs: Jobs = FirestoreJobs(database, limits)
        self.queries: JobQueries = FirestoreJobQueries(database)
        self.quotas: Quotas = FirestoreQuotas(database, limits)
        self.idempotency: IdempotencyStore = FirestoreIdempotency(database)
        self._client = client

    def account(self, name: str) -> Account:
        return FirestoreUsage(Database(self._client), SHARDS).spend([name])[name]

    def usage(self, name: str) -> UsageMonth:
        return FirestoreUsage(Database(self._client), SHARDS).usage([name])[name]

    def open_jobs(self, user: str) -> int:
        found = self._client.collection("users").document(user).get()
        return int((found.to_dict() or {})["open_jobs"])

    def delete(self, job_id: str) -> None:
        self._run(job_id).delete()
        self._shown(job_id).delete()

    def forget_record(self, name: str) -> None:
        self._client.collection("idempotency").document(name).delete()

    def projection(self, job_id: str) -> dict[str, object] | None:
        shown: dict[str, object] | None = self._shown(job_id).get().to_dict()
        return shown

    def written_at(self, job_id: str) -> object:
        return self._shown(job_id).get().update_time

    def _shown(self, job_id: str) -> Any:
        return self._client.collection("videos").document(job_id)

    def _run(self, job_id: str) -> Any:
        return self._shown(job_id).collection("internal").document("run")


class OnFake:
    def __init__(self, limits: Limits | None = None) -> None:
        self._fake = FakeJobs(limits)
        self.jobs: Jobs = self._fake
        self.queries: JobQueries = self._fake
        self.quotas: Quotas = self._fake
        self.idempotency: IdempotencyStore = self._fake.idempotency

    def account(self, name: str) -> Account:
        return self._fake.accounts[name]

    def usage(self, name: str) -> UsageMonth:
        return self._fake.usage[name]

    def open_jobs(self, user: str) -> int:
        return self._fake.open_jobs[user]

    def delete(self, job_id: str) -> None:
        self._fake.remove(job_id)

    def forget_record(self, name: str) -> None:
        del self._fake.idempotency.records[name]

    def projection(self, job_id: str) -> dict[str, object] | None:
        return self._fake.projections.get(job_id)

    def written_at(self, job_id: str) -> object:
        return self._fake.projected


Store = OnEmulator | OnFake


def read(jobs: Jobs, job_id: str) -> Versioned[Job]:
    found = jobs.read(job_id)
    assert found is not None
    return found


def end(jobs: Jobs, job_id: str, done: Job) -> None:
    """End a job with its second commit."""
    jobs.commit(read(jobs, job_id), replace(done, version=2))


def create(jobs: Jobs, job: Job) -> str:
    """Create, retrying after lost races; returns "created" or "refused"."""
    while True:
        try:
            jobs.create(job)
        except LostRace:
            continue
        except LimitReached:
            return "refused"
        return "created"

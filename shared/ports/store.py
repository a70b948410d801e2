"""Ports of what is stored in Firestore, of the queue, of the clock and of ids."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.circuit import Circuit
from shared.domain.job import Job
from shared.domain.kill_switch import KillSwitchState
from shared.domain.ledger import Account
from shared.domain.listing import Position
from shared.domain.observed_prices import ObservedPrices
from shared.domain.outcomes import Accepted
from shared.domain.poll_plan import TaskTimes
from shared.domain.projection import Projection, Status
from shared.domain.usage import UsageMonth


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Ids(Protocol):
    def new(self) -> str:
        """A random id of letters and digits, unguessable and never issued twice."""
        ...


T = TypeVar("T")


class Versioned(Struct, Generic[T], frozen=True, kw_only=True):
    """A snapshot of a stored value.

    A commit is conditional on `token`, which is None if nothing is stored yet.
    """

    value: T
    token: object


class Overdue(Struct, frozen=True, kw_only=True):
    """A job whose next step is late; from raw fields, so that even a malformed record
    is found.

    `awaits_start`: nothing that was paid for is open, and the next step is a start.
    """

    job_id: str
    version: int
    wake_at: datetime
    deadline_at: datetime
    awaits_start: bool


class OverdueWebhook(Struct, frozen=True, kw_only=True):
    """A webhook that should have been sent; from raw fields, like `Overdue`."""

    job_id: str
    attempts: int
    due_at: datetime


class IdempotencyRecord(Struct, frozen=True, kw_only=True):
    """Which job an idempotency key created. `name`: a hash of the user and the key.

    It outlives the job: the key of a deleted job stays taken until `expires_at`.
    `created_by_retry`: the client's retry arrived before its first request.
    """

    name: str
    job_id: str
    body_sha256: str
    expires_at: datetime
    created_by_retry: bool = False


class Jobs(Protocol):
    """Jobs with their projections and their money. Each change is one atomic commit."""

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        """Write the job, hold its money, count it as open, write `record`; or nothing.

        `record` is new, or replaces `over` if that is still as it was read.
        LimitReached or TooManyJobs: it does not fit. LostRace: the job or the record
        exists, or another commit came in between. CommitUncertain: no answer came.
        """
        ...

    def read(self, job_id: str) -> Versioned[Job] | None:
        """None if the job does not exist; Unreadable if it can't be parsed."""
        ...

    def commit(self, before: Versioned[Job], after: Job) -> Versioned[Job]:
        """Write `after` if nobody has committed since `before`; else LostRace.

        The same commit books the change of its money. LimitReached: it holds more, and
        a cap has no room. The commit that ends the job settles and releases, once.
        CommitUncertain: it was sent but not answered, and may have taken effect.
        """
        ...

    def abandon(self, job_id: str, version: int, now: datetime) -> None:
        """End a job by its raw fields, without parsing it; what it holds is spent.

        LostRace if it is no longer at `version`, because another process committed in
        between, or if it has ended.
        """
        ...

    def delete(self, before: Versioned[Job]) -> None:
        """Remove the job and its projection. LostRace if someone has committed since.

        Idempotency records, ledger and usage stay. CommitUncertain as in `commit`.
        """
        ...


class JobQueries(Protocol):
    """Finds jobs by something other than their id."""

    def overdue(
        self, now: datetime, *, after: Overdue | None = None, limit: int
    ) -> Sequence[Overdue]:
        """Jobs whose `wake_at` is not after `now`, the longest overdue first.

        `after`: continue after this job of an earlier page. Fewer than `limit` only at
        the end.
        """
        ...

    def overdue_webhooks(
        self, now: datetime, *, limit: int
    ) -> Sequence[OverdueWebhook]:
        """Webhooks whose `due_at` is not after `now`, the longest overdue first."""
        ...

    def page(
        self, user_id: str, *, status: Status | None, after: Position | None, limit: int
    ) -> Sequence[Projection]:
        """What a user sees of their own jobs, newest first; fewer than `limit` only at
        the end of the list."""
        ...

    def is_image_of_others(self, user_id: str, image: str, job_id: str) -> bool:
        """Whether any other job of the user than `job_id` uses the upload."""
        ...


class IdempotencyStore(Protocol):
    def get(self, name: str) -> Versioned[IdempotencyRecord] | None: ...

    def mark_consumed(self, seen: Versioned[IdempotencyRecord]) -> None:
        """Clear `created_by_retry`; LostRace if the record has changed since.

        CommitUncertain as in `Jobs.commit`.
        """
        ...


class Quotas(Protocol):
    def check_room(self, job: Job) -> None:
        """LimitReached or TooManyJobs if `Jobs.create` would refuse this job now.

        Nothing is held: the room may be gone by the time of `create`.
        """
        ...

    def count_upload(self, user_id: str, now: datetime) -> None:
        """Count one more upload; TooManyJobs if this minute's quota is used up.

        LostRace if the user's counts changed in between; CommitUncertain as in
        `Jobs.commit`.
        """
        ...

    def book_translation(
        self, user_id: str, price_usd: Decimal, now: datetime, shard_by: str
    ) -> None:
        """Count one more translation outside a job, and book its price as spent.

        LimitReached or TooManyRequests: it may not be made. LostRace, CommitUncertain
        as in `count_upload`. `shard_by`: any random string.
        """
        ...

    def release_translation(
        self, user_id: str, unspent_usd: Decimal, booked_at: datetime, shard_by: str
    ) -> None:
        """Release what the translation booked at `booked_at` did not cost.

        Not idempotent: never retry it, or it may be released twice. LostRace or
        Unreachable: nothing was written. CommitUncertain as in `Jobs.commit`.
        """
        ...


class TaskQueue(StrEnum):
    """Which of our queues a task is put into."""

    STARTS = "starts"  # steps that may lead to a paid POST
    STEPS = "steps"
    WEBHOOKS = "webhooks"


class PendingAnswer(Struct, frozen=True, kw_only=True):
    """What a vendor answered to an attempt's paid call, and is yet to be recorded.

    `kept_at`: since when; None if an earlier release keeps it.
    """

    attempt_id: str
    provider_id: ProviderId
    accepted: Accepted
    kept_at: datetime | None = None


class Task(Struct, frozen=True, kw_only=True):
    """One task: "look at this job", or "send its webhook"; with an `answer`: "record
    it".
    """

    job_id: str
    name: str
    at: datetime
    queue: TaskQueue
    answer: PendingAnswer | None = None


class Queue(Protocol):
    def enqueue(self, task: Task) -> None:
        """A name that exists in its queue already, or was used there, is no error."""
        ...


class DocumentStore(Protocol[T]):
    """One document, read and written as a whole."""

    def read(self) -> Versioned[T]: ...

    def commit(self, before: Versioned[T], after: T) -> None:
        """Write `after` if nobody has committed since `before`; else LostRace.

        CommitUncertain: it was sent but not answered, and may have taken effect.
        """
        ...


# Observed prices above the catalogue's, and how long vendors' tasks took.
PriceStore = DocumentStore[ObservedPrices]
TaskTimeStore = DocumentStore[TaskTimes]
# The state of the kill switch.
KillSwitchStore = DocumentStore[KillSwitchState]


class UsageStore(Protocol):
    """Usage and spend by account (`all.YYYY-MM`, `user.ID.YYYY-MM`)."""

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        """By account; the month is empty if nothing was written."""
        ...

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]: ...


class Circuits(Protocol):
    def read(self, keys: Sequence[str]) -> Sequence[Versioned[Circuit]]:
        """In the order of `keys`; closed if nothing is stored."""
        ...

    def commit(self, changes: Sequence[tuple[Versioned[Circuit], Circuit]]) -> None:
        """Write all changes if nobody has committed to any of them; else LostRace.

        CommitUncertain: it was sent but not answered, and may have taken effect.
        """
        ...

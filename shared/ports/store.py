"""What is kept in Firestore, the queue, and the clock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from shared.domain.circuit import Circuit
from shared.domain.job import Job
from shared.domain.kill_switch import Switch
from shared.domain.ledger import Account
from shared.domain.observed_prices import ObservedPrices
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
    """A value as it was read.

    A commit is conditioned on `token`, which is None where nothing is stored yet.
    """

    value: T
    token: object


class Overdue(Struct, frozen=True, kw_only=True):
    """A job whose next step is late; from raw fields, so that any record will do.

    `awaits_start`: nothing that was paid for is open, its next step submits.
    """

    job_id: str
    version: int
    wake_at: datetime
    deadline_at: datetime
    awaits_start: bool


class OverdueWebhook(Struct, frozen=True, kw_only=True):
    """A webhook that should have been sent; from raw fields, as `Overdue`."""

    job_id: str
    attempts: int
    due_at: datetime


class IdempotencyRecord(Struct, frozen=True, kw_only=True):
    """Which job an idempotency key made. `name` is a hash of the user and the key.

    It outlives its job: the key of a deleted job stays taken until `expires_at`.
    `created_by_retry`: a client's retry arrived before its first send.
    """

    name: str
    job_id: str
    body_sha256: str
    expires_at: datetime
    created_by_retry: bool = False


class Position(Struct, frozen=True, kw_only=True):
    """A place in a user's list of jobs, newest first: right after this job."""

    created_at: datetime
    job_id: str


class Jobs(Protocol):
    """Jobs with their projections and their money; each change is one atomic commit."""

    def create(
        self,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        over: Versioned[IdempotencyRecord] | None = None,
    ) -> None:
        """Write the job, hold its money, count it as open, keep `record`; or nothing.

        `record` is new, or replaces `over` if that is still as it was read.
        LimitReached or TooManyJobs: it does not fit. LostRace: the job or the record
        exists, or another commit came in between. CommitUncertain: no answer came.
        """
        ...

    def read(self, job_id: str) -> Versioned[Job] | None:
        """None if the job does not exist; Unreadable if no version can parse it."""
        ...

    def commit(self, before: Versioned[Job], after: Job) -> Versioned[Job]:
        """Write `after` if nobody committed since `before`; else LostRace.

        What changes in its money is booked in the same commit: LimitReached where it
        holds more and a cap has no room; settled and released once, with its end.
        CommitUncertain: it was sent and not answered, and may hold.
        """
        ...

    def abandon(self, job_id: str, now: datetime) -> None:
        """End a job from its raw fields, without parsing it; what it holds is spent.

        LostRace where somebody committed in between, or it has ended.
        """
        ...

    def delete(self, before: Versioned[Job]) -> None:
        """Remove the job and its projection, if nobody committed since; else LostRace.

        Idempotency records, ledger and usage stay. CommitUncertain as in `commit`.
        """
        ...


class JobQueries(Protocol):
    """Finds jobs by something other than their id."""

    def overdue(
        self, now: datetime, *, after: Overdue | None = None, most: int
    ) -> Sequence[Overdue]:
        """Jobs whose `wake_at` is not after `now`, the longest overdue first.

        `after`: goes on behind this job of an earlier answer. Fewer than `most` only
        at the end.
        """
        ...

    def overdue_webhooks(self, now: datetime, *, most: int) -> Sequence[OverdueWebhook]:
        """Webhooks that are due and not after `now`, the longest overdue first."""
        ...

    def page(
        self,
        user_id: str,
        *,
        status: Status | None,
        after: Position | None,
        most: int,
    ) -> Sequence[Projection]:
        """What a user sees of their own jobs, newest first; fewer than `most` only at
        the end of the list."""
        ...

    def is_image_of_others(self, user_id: str, image: str, job_id: str) -> bool:
        """Whether another job of the user than this one names the upload."""
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

        Nothing is held: by the time of the `create` the room may be gone.
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
        as in `count_upload`. `shard_by`: a random text.
        """
        ...

    def release_translation(
        self, user_id: str, unspent_usd: Decimal, booked_at: datetime, shard_by: str
    ) -> None:
        """Take back what the translation booked at `booked_at` did not cost.

        Sent once, and never to be repeated: it would be released twice. LostRace or
        Unreachable: nothing was written. CommitUncertain as in `Jobs.commit`.
        """
        ...


class Queue(Protocol):
    """The tasks that wake jobs; starts, other steps and webhooks lie in three queues.

    A name that exists already, or was used, is success.
    """

    def enqueue(self, task: "StepTask") -> None: ...

    def enqueue_webhook(self, task: "WebhookTask") -> None: ...


class StepTask(Struct, frozen=True, kw_only=True):
    """One task: "look at this job". `is_start`: it may lead to a paid POST."""

    job_id: str
    name: str
    at: datetime
    is_start: bool


class WebhookTask(Struct, frozen=True, kw_only=True):
    """One task: "send the webhook of this job"."""

    job_id: str
    name: str
    at: datetime


class PriceStore(Protocol):
    """What vendors were seen to charge above the catalogue: one document."""

    def read(self) -> Versioned[ObservedPrices]: ...

    def commit(self, before: Versioned[ObservedPrices], after: ObservedPrices) -> None:
        """Write `after` if nothing was committed since `before`; else LostRace.

        CommitUncertain if it was sent and not answered: it may hold.
        """
        ...


class TaskTimeStore(Protocol):
    """How long vendors took for their latest tasks: one document."""

    def read(self) -> Versioned[TaskTimes]: ...

    def commit(self, before: Versioned[TaskTimes], after: TaskTimes) -> None:
        """Write `after` if nothing was committed since `before`; else LostRace.

        CommitUncertain if it was sent and not answered: it may hold.
        """
        ...


class UsageStore(Protocol):
    """What was made and spent, by account (`all.YYYY-MM`, `user.ID.YYYY-MM`)."""

    def usage(self, accounts: Sequence[str]) -> Mapping[str, UsageMonth]:
        """By account; empty months where nothing was written."""
        ...

    def spend(self, accounts: Sequence[str]) -> Mapping[str, Account]: ...


class Circuits(Protocol):
    def read(self, keys: Sequence[str]) -> Sequence[Versioned[Circuit]]:
        """In the order of `keys`, closed where nothing is stored."""
        ...

    def commit(self, changes: Sequence[tuple[Versioned[Circuit], Circuit]]) -> None:
        """All of `changes` if nobody committed to any of them since; else LostRace.

        CommitUncertain: it was sent and not answered, and may hold.
        """
        ...


class SwitchStore(Protocol):
    """What is known of the kill switch, each change one atomic commit."""

    def read(self) -> Versioned[Switch]: ...

    def commit(self, before: Versioned[Switch], after: Switch) -> None:
        """Write `after` if nobody committed since `before`; else LostRace.

        CommitUncertain: it was sent and not answered, and may hold.
        """
        ...

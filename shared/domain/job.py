"""The job: what was asked, every attempt, what came. Changed by `replace` alone."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.catalogue import ProviderId, Vendor
from shared.domain.errors import ErrorCode, Problem
from shared.domain.ledger import Place
from shared.domain.outcomes import Delivered, PreparedImage
from shared.domain.request import VideoRequest


class Language(StrEnum):
    ENGLISH = "en"
    KOREAN = "ko"


class AttemptState(StrEnum):
    """Four states of an open attempt, then the outcomes that callers see."""

    STARTING = "starting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    STORING = "storing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


OPEN_STATES = frozenset(
    {
        AttemptState.STARTING,
        AttemptState.RUNNING,
        AttemptState.CANCELLING,
        AttemptState.STORING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProvider:
    """One link of this job's chain, fitted to the request when the job was made.

    `unsupported` says why this link can't make what was asked; None if it can.
    """

    provider_id: ProviderId
    vendor: Vendor
    model_id: str
    duration_seconds: int
    price_usd: Decimal
    unsupported: str | None = None


def highest_price_usd(chain: tuple[PlannedProvider, ...]) -> Decimal:
    """The price of the dearest link that may be asked: what a new job holds."""
    prices = (p.price_usd for p in chain if p.unsupported is None)
    return max(prices, default=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at one link. Money: `cost_usd` is what it is booked at as of now."""

    attempt_id: str
    provider_id: ProviderId
    vendor: Vendor
    model_id: str
    duration_seconds: int
    price_usd: Decimal
    state: AttemptState
    started_at: datetime
    deadline_at: datetime
    lease_until: datetime
    ended_at: datetime | None = None
    cost_usd: Decimal = Decimal(0)
    problem: Problem | None = None
    task_id: str | None = None
    gs_uri: str | None = None
    polled_at: datetime | None = None
    missed_polls: int = 0
    closing_polls: int = 0
    cancel_tries: int = 0
    store_tries: int = 0
    bad_outputs: int = 0
    store_until: datetime | None = None
    queued_at_vendor: bool = False
    not_before: datetime | None = None
    ask_again: bool = False
    written_off: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def has_late_answer(self) -> bool:
        """Its outcome was called unknown, and then the vendor named a task."""
        return self.state is AttemptState.UNKNOWN and self.task_id is not None

    @property
    def may_have_written(self) -> bool:
        """Its vendor writes into our bucket and was never heard of again."""
        return (
            self.state is AttemptState.UNKNOWN
            and self.vendor is Vendor.VERTEX
            and not self.written_off
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All of a job: the document `videos/{job_id}/internal/run`.

    `version` counts commits; `wake_at` is when the next step is due, None when the
    job has ended. `hold_usd` is what the ledger holds for it, at `place`: never less
    than what it has spent. `stop_on_unknown` is ON_UNKNOWN_SUBMISSION of its creation.
    """

    job_id: str
    user_id: str
    language: Language
    request: VideoRequest
    chain: tuple[PlannedProvider, ...]
    hold_usd: Decimal
    place: Place
    stop_on_unknown: bool
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    expires_at: datetime
    wake_at: datetime | None
    version: int = 0
    commit_id: str = ""
    image: PreparedImage | None = None
    prepare_tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    progress: int = 0
    cancel_requested_at: datetime | None = None
    is_parked: bool = False
    delivered: Delivered | None = None
    problem: Problem | None = None
    video_url: str | None = None
    video_url_expires_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.delivered is not None or self.problem is not None

    @property
    def open_attempt(self) -> Attempt | None:
        return next((a for a in self.attempts if a.is_open), None)

    @property
    def cost_usd(self) -> Decimal:
        return sum((a.cost_usd for a in self.attempts), Decimal(0))

    @property
    def estimated_cost_usd(self) -> Decimal:
        return highest_price_usd(self.chain)

    def attempt(self, attempt_id: str) -> Attempt | None:
        return next((a for a in self.attempts if a.attempt_id == attempt_id), None)

    def attempts_at(self, provider_id: ProviderId) -> tuple[Attempt, ...]:
        return tuple(a for a in self.attempts if a.provider_id == provider_id)

    def with_attempt(self, changed: Attempt) -> "Job":
        attempts = (
            changed if a.attempt_id == changed.attempt_id else a for a in self.attempts
        )
        return replace(self, attempts=tuple(attempts))

    def ended(self, code: ErrorCode, detail: str = "") -> "Job":
        problem = Problem(code=code, detail=detail)
        return replace(self, problem=problem, wake_at=None)

"""The job: its request, every attempt and the result; changed only by `replace`.

A job tries the providers of its chain one after the other. Between attempts it prepares
its image, waits, skips a provider, starts the next attempt, or ends; it has at most
one open attempt. The states of an attempt:

    (intent committed, then the one paid POST)
       │
       ▼      not accepted by the vendor
    starting ────────────────────────▶ rejected · not_sent
       │  │   no usable answer, or none before the lease expired
       │  └──────────────────────────▶ unknown ─┬─ a late answer ─▶ running
       │ accepted                               └─ its file found ▶ storing
       ▼      failed at the vendor
    running ─────────────────────────▶ failed
       │  │   cancelled by the owner, or out of time
       │  └──▶ cancelling ───────────▶ cancelled · failed ─ its file found ▶ storing
       │                                            └─ its vendor was silent ▶ running
       │ succeeded
       ▼      no usable file, gone, not handed out, or storage down for a day
    storing ─────────────────────────▶ failed ─ no other provider left ─▶ storing
       │ checked and copied
       ▼
    succeeded: the job is completed

`skipped` is an attempt that was never begun. A success or failure that is reported
while `cancelling` still counts. `rejected`, `not_sent` and `skipped` cost nothing;
`unknown` and `cancelled` keep the full price booked as spent.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from shared.domain.catalogue import AspectRatio, ProviderId, Vendor
from shared.domain.errors import ErrorCode, Problem
from shared.domain.ledger import LedgerKey
from shared.domain.outcomes import Delivered, PreparedImage, SignedUrls
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.request import Frame, VideoRequest
from shared.domain.structs import replace
from shared.domain.webhook import Webhook


class Language(StrEnum):
    ENGLISH = "en"
    KOREAN = "ko"


class AttemptState(StrEnum):
    """The four states of an open attempt, then the outcomes that callers see.

    The module's docstring shows the transitions.
    """

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


class PlannedProvider(Struct, frozen=True, kw_only=True):
    """One provider of this job's chain, fitted to the request when the job was created.

    `aspect_ratios`: those it may be asked for; only one if the request fixes it.
    `unsupported` says why this provider can't fulfil the request; None if it can. It is
    an `Unsupported`, or free text of a release that had no such enum.
    `writes_into_bucket` and `polls_through` are copied from the catalogue, so that a
    later catalogue doesn't change a job under way.
    """

    provider_id: ProviderId
    vendor: Vendor
    model_id: str
    duration_seconds: int
    price_usd: Decimal
    aspect_ratios: tuple[AspectRatio, ...] = ()
    unsupported: str | None = None
    writes_into_bucket: bool = False
    polls_through: ProviderId | None = None


class Attempt(Struct, frozen=True, kw_only=True):
    """One try at one provider.

    aspect_ratio: what the vendor was asked for; None if it was not called.
    price_usd: what it was expected to cost when it began. vendor_max_usd: the most that
        it may cost, as the vendor said when it accepted the task.
    cost_usd: what is booked for it now; the vendor's own charge once it is known.
    deadline_at: until when the vendor's result is waited for. lease_until: until then
        only the process that committed the intent may touch a `starting` attempt.
    task_id: the vendor's id of its task. platform: as in `Accepted`. gs_uri: where in
        our bucket the vendor wrote the result.
    writes_into_bucket: the vendor may write its file into our bucket, as the provider
        was configured when it began. polls_through: as in PlannedProvider.
    missed_polls: failed polls since the last one that the provider itself answered.
    gone_since: since when the vendor has said, each time that it was asked for the
        task's state or result, that the task doesn't exist.
    closing_polls: failed polls since a cancel or the deadline, three at most; then the
        task is about to be cancelled. cancel_tries: cancels that failed, or were not
        sent because the poll before them failed; after three the task is left running
        and stays booked as spent.
    empty_since: when the vendor first said that it succeeded, but showed no video.
    store_tries: times that storing the result failed; bad_outputs: those in which the
        file itself was at fault; lost_checks: those whose worker was lost while it
        decoded the file; both are reset once a checked file is stored. unserved_tries:
        those in which the vendor did not hand the file out. store_until: when storing
        is given up. checking_until: a worker is decoding the file, until then at the
        latest.
    queued_at_vendor: at the last poll, the vendor had not begun the task.
    poll_plan: when to poll, in seconds since it started; empty for the fixed plan.
    not_before: when this vendor may be tried again. ask_again: it failed transiently,
        at no cost, and its provider may be tried once more.
    written_off: of an unknown or late attempt, no file had been written when it was
        last looked for, at its deadline or later.
    """

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
    aspect_ratio: AspectRatio | None = None
    writes_into_bucket: bool = False
    polls_through: ProviderId | None = None
    ended_at: datetime | None = None
    vendor_max_usd: Decimal | None = None
    cost_usd: Decimal = Decimal(0)
    problem: Problem | None = None
    task_id: str | None = None
    platform: str | None = None
    gs_uri: str | None = None
    polled_at: datetime | None = None
    missed_polls: int = 0
    gone_since: datetime | None = None
    closing_polls: int = 0
    cancel_tries: int = 0
    empty_since: datetime | None = None
    store_tries: int = 0
    bad_outputs: int = 0
    lost_checks: int = 0
    unserved_tries: int = 0
    store_until: datetime | None = None
    checking_until: datetime | None = None
    queued_at_vendor: bool = False
    poll_plan: tuple[int, ...] = ()
    not_before: datetime | None = None
    ask_again: bool = False
    written_off: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def full_price_usd(self) -> Decimal:
        """What is booked until the vendor says what it charged."""
        return max(self.price_usd, self.vendor_max_usd or Decimal(0))

    @property
    def has_late_answer(self) -> bool:
        """Whether it ended as unknown, and then the vendor's answer named a task."""
        return self.state is AttemptState.UNKNOWN and self.task_id is not None

    @property
    def may_have_written(self) -> bool:
        """Whether its vendor may have written a file into our bucket although it never
        answered, was cancelled, or after the deadline.
        """
        if not self.writes_into_bucket or self.written_off:
            return False
        if self.state in (AttemptState.UNKNOWN, AttemptState.CANCELLED):
            return True
        if self.state is not AttemptState.FAILED or self.problem is None:
            return False
        ended_at = self.ended_at or self.started_at
        # At its deadline the vendor had not begun it.
        was_queued = (
            self.problem.code is ErrorCode.RATE_LIMITED and ended_at >= self.deadline_at
        )
        return was_queued or self.problem.code is ErrorCode.DEADLINE_EXCEEDED


class Job(Struct, frozen=True, kw_only=True):
    """The whole job: the document `videos/{job_id}/internal/run`.

    version, commit_id: the number of commits since its creation, and the last one's
        random id.
    wake_at: when the next step is due; None exactly when the job has ended.
    hold_usd: what the ledger holds for it. ledger_key: where in the ledger.
    stop_on_unknown: ON_UNKNOWN_SUBMISSION as it was set when the job was created.
    deadline_at: no attempt begins or continues after it; storing may.
    is_parked: its next start waits for the kill switch.
    translation: of its prompt, once it has begun or has been skipped.
    ending: why the job is to end without a video. It ends once nothing that was paid
        for may still arrive. A cancel is recorded as cancel_requested_at instead.
    prepare_tries: how often the image could not be fetched or decoded.
    preparing_until: a worker is preparing the image, until then at the latest.
    progress: 0 to 100, never decreasing.
    webhook: of the message at the job's end, if the request has a URL for it.
    """

    job_id: str
    user_id: str
    language: Language
    request: VideoRequest
    chain: tuple[PlannedProvider, ...]
    hold_usd: Decimal
    ledger_key: LedgerKey
    stop_on_unknown: bool
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    expires_at: datetime
    wake_at: datetime | None
    version: int = 0
    commit_id: str = ""
    image: PreparedImage | None = None
    last_image: PreparedImage | None = None
    prepare_tries: int = 0
    preparing_until: datetime | None = None
    translation: PromptTranslation | None = None
    attempts: tuple[Attempt, ...] = ()
    progress: int = 0
    cancel_requested_at: datetime | None = None
    is_parked: bool = False
    ending: Problem | None = None
    delivered: Delivered | None = None
    problem: Problem | None = None
    video_url: str | None = None
    video_url_expires_at: datetime | None = None
    download_url: str | None = None
    poster_url: str | None = None
    webhook: Webhook | None = None

    @property
    def is_final(self) -> bool:
        return self.delivered is not None or self.problem is not None

    @property
    def frame_to_prepare(self) -> Frame | None:
        """The next image that is still to be fetched and checked."""
        for frame in Frame:
            if self.request.source(frame) and not self.prepared_image(frame):
                return frame
        return None

    def prepared_image(self, frame: Frame) -> PreparedImage | None:
        return self.image if frame is Frame.FIRST else self.last_image

    @property
    def open_attempt(self) -> Attempt | None:
        return next((a for a in self.attempts if a.is_open), None)

    @property
    def cost_usd(self) -> Decimal:
        """The cost of the translation and of all attempts."""
        translation = self.translation.cost_usd if self.translation else Decimal(0)
        return sum((a.cost_usd for a in self.attempts), translation)

    @property
    def prompt_to_send(self) -> str:
        return (self.translation and self.translation.text) or self.request.prompt

    @property
    def has_tried_provider(self) -> bool:
        """Whether the prompt may have been sent to a provider."""
        return any(a.state is not AttemptState.SKIPPED for a in self.attempts)

    def attempt(self, attempt_id: str) -> Attempt | None:
        return next((a for a in self.attempts if a.attempt_id == attempt_id), None)

    def known_attempt(self, attempt_id: str) -> Attempt:
        """For an id that is known to be one of this job's attempts."""
        return next(a for a in self.attempts if a.attempt_id == attempt_id)

    def attempts_at(self, provider_id: ProviderId) -> tuple[Attempt, ...]:
        return tuple(a for a in self.attempts if a.provider_id == provider_id)

    def with_attempt(self, changed: Attempt) -> "Job":
        attempts = (
            changed if a.attempt_id == changed.attempt_id else a for a in self.attempts
        )
        return replace(self, attempts=tuple(attempts))

    def with_urls(self, urls: SignedUrls | None) -> "Job":
        return replace(
            self,
            video_url=urls.video_url if urls else None,
            video_url_expires_at=urls.expires_at if urls else None,
            download_url=urls.download_url if urls else None,
            poster_url=urls.poster_url if urls else None,
        )

    def ended(self, code: ErrorCode, detail: str = "") -> "Job":
        problem = Problem(code=code, detail=detail)
        return replace(self, problem=problem, wake_at=None)

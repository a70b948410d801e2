"""The outcomes of steps, which the imperative shell reports to the core.

A paid POST ends in one of four ways, and the type says what may follow: `NotSent` and
`Rejected` cost nothing, `Accepted` names the vendor's task, and after `Unknown`, which
may have been paid for, that vendor is not tried again for the job.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from shared.domain.catalogue import AspectRatio, ProviderId
from shared.domain.errors import Problem
from shared.domain.request import Frame
from shared.domain.structs import PartialRepr
from shared.domain.webhook import DeliveryResult


class Accepted(Struct, frozen=True, kw_only=True):
    """2xx with an id: the vendor works on the task, and bills it.

    `max_cost_usd`: the most that it may cost, if the vendor says so. `platform`: which
    of the vendor's platforms has it, if the settings choose one.
    """

    task_id: str
    max_cost_usd: Decimal | None = None
    platform: str | None = None


class Rejected(Struct, frozen=True, kw_only=True):
    """The vendor's own answer proves that it did not accept the task and bills nothing.

    `retry_after_seconds`: the vendor must not be tried sooner; None: 5 seconds.
    `ask_again`: a transient fault, after which the same provider may be tried again.
    """

    problem: Problem
    retry_after_seconds: float | None = None
    ask_again: bool = False


class NotSent(Struct, frozen=True, kw_only=True):
    """The request was never sent: no address, no connection, or a fault of our own.

    `ask_again`: as in `Rejected`.
    """

    problem: Problem
    ask_again: bool = False


class Unknown(Struct, frozen=True, kw_only=True):
    """The request may have arrived; no answer proves whether it was accepted."""

    detail: str


Submission = Accepted | Rejected | NotSent | Unknown


class Working(Struct, frozen=True, kw_only=True):
    """The task is under way. `progress` is 0 to 1; None if the vendor reports none.

    `queued`: the vendor has not begun it (Runway's THROTTLED, Omni's queued).
    """

    progress: float | None = None
    queued: bool = False


class Succeeded(Struct, frozen=True, kw_only=True):
    """There is a result, and it is not empty. `cost_usd`: the vendor's own charge.

    `gs_uri`: where in our bucket the vendor wrote it; None if it did not.
    """

    cost_usd: Decimal | None = None
    gs_uri: str | None = None


class Failed(Struct, frozen=True, kw_only=True):
    """The task ended without a video. `cost_usd` as above, since vendors may charge.

    `ask_again`: as in `Rejected`; it counts only if nothing was charged.
    `may_come_yet`: the vendor says that the task succeeded, but shows no video and
    gives no reason, so it is polled again for a while.
    """

    problem: Problem
    cost_usd: Decimal | None = None
    ask_again: bool = False
    may_come_yet: bool = False


class PollFailed(Struct, frozen=True, kw_only=True):
    """The vendor gave no usable answer, which says nothing about the task."""

    detail: str


class Gone(Struct, frozen=True, kw_only=True):
    """The vendor says, in its own JSON, that the task does not exist."""

    detail: str


Poll = Working | Succeeded | Failed | PollFailed | Gone


class PreparedImage(Struct, frozen=True, kw_only=True):
    """The checked input: one JPEG in our bucket that every provider accepts.

    `source_width`, `source_height`: of the original image, upright; 0 in jobs of older
    releases, which did not record them.
    """

    object_name: str
    width: int
    height: int
    size_bytes: int
    source_width: int = 0
    source_height: int = 0

    @property
    def source_size(self) -> tuple[int, int]:
        return (self.source_width or self.width, self.source_height or self.height)


class Delivered(Struct, frozen=True, kw_only=True):
    """The stored video. `crc32c` is in base64, as Cloud Storage gives it.

    `poster_name`: the object of its first frame, a JPEG; None if there is none.
    """

    object_name: str
    duration_seconds: float
    width: int
    height: int
    has_audio: bool
    size_bytes: int
    crc32c: str
    aspect_ratio: AspectRatio | None = None
    poster_name: str | None = None


class SignedUrls(PartialRepr, frozen=True, kw_only=True):
    """The signed URLs of a delivered video; all of them expire at `expires_at`."""

    hidden_fields = ("video_url", "download_url", "poster_url")

    video_url: str
    download_url: str
    poster_url: str | None
    expires_at: datetime


class PrepareStarted(Struct, frozen=True, kw_only=True):
    """Committed before the image is fetched and decoded."""

    frame: Frame = Frame.FIRST


class Prepared(Struct, frozen=True, kw_only=True):
    image: PreparedImage
    frame: Frame = Frame.FIRST


class ImageRefused(Struct, frozen=True, kw_only=True):
    """The image can't be used with any provider: the job is to end."""

    problem: Problem


class PrepareFailed(Struct, frozen=True, kw_only=True):
    """The image could not be fetched or checked this time.

    The code says whose fault that was: `storage_failed`, that of our storage or
    decoder; `image_unreachable`, that of the image's host.
    """

    problem: Problem
    frame: Frame = Frame.FIRST


class TranslationStarted(Struct, frozen=True, kw_only=True):
    """Committed before the model is called; `max_cost_usd` is then booked."""

    max_cost_usd: Decimal


class TranslationSkipped(Struct, frozen=True, kw_only=True):
    """The original is sent: no model may be called, or a cap has no room for it."""


class Translated(Struct, frozen=True, kw_only=True):
    """The model's answer. `text` None: the original is sent."""

    text: str | None
    cost_usd: Decimal


class Intended(Struct, frozen=True, kw_only=True):
    """Committed before the paid POST: from here on the attempt may cost money.

    `price_usd`: the current price, which counts if it is higher than the planned one.
    `writes_into_bucket`: whether, as configured now, the vendor may write its file into
    our bucket; it counts only if the plan says so, too.
    """

    attempt_id: str
    provider_id: ProviderId
    price_usd: Decimal = Decimal(0)
    writes_into_bucket: bool = True


class Submitted(Struct, frozen=True, kw_only=True):
    """`poll_plan`: when to poll the task, in seconds since its start."""

    attempt_id: str
    submission: Submission
    poll_plan: tuple[int, ...] = ()


class Polled(Struct, frozen=True, kw_only=True):
    """`polled_at`: just before the vendor was asked."""

    attempt_id: str
    poll: Poll
    polled_at: datetime


class CancelSent(Struct, frozen=True, kw_only=True):
    attempt_id: str


class CancelFailed(Struct, frozen=True, kw_only=True):
    """`polled_at`: when the task was polled just before; None if it wasn't."""

    attempt_id: str
    polled_at: datetime | None = None


class CheckStarted(Struct, frozen=True, kw_only=True):
    """Committed before the result is decoded.

    `is_kept`: the file is already at its final name, so it was checked before.
    """

    attempt_id: str
    is_kept: bool = False


class Stored(Struct, frozen=True, kw_only=True):
    attempt_id: str
    delivered: Delivered
    urls: SignedUrls


class StoreFailed(Struct, frozen=True, kw_only=True):
    """The result could not be stored this time; the code says why.

    `bad_output`: the file is not what was ordered. `storage_failed`: our own storage is
    at fault. `provider_unavailable`: the vendor did not hand the file out.
    `provider_error`: the vendor says that the task is gone.
    `store_tries`, `checking_until`: the attempt's own when this try began to fetch, or
    to check. If either has changed since, another worker's try has failed or is being
    checked, and this one doesn't count. `tried_at`: when this try began.
    """

    attempt_id: str
    problem: Problem
    tried_at: datetime
    store_tries: int
    checking_until: datetime | None = None


class OutputFound(Struct, frozen=True, kw_only=True):
    """The vendor of an unknown or late attempt did write its file."""

    attempt_id: str
    gs_uri: str


class OutputMissing(Struct, frozen=True, kw_only=True):
    """The file of an unknown or late attempt was not in the bucket.

    `looked_at`: just before the bucket was listed.
    """

    attempt_id: str
    looked_at: datetime


class CancelRequested(Struct, frozen=True, kw_only=True):
    """The owner cancels; what was paid for is checked once more before the job ends."""


class Skipped(Struct, frozen=True, kw_only=True):
    """The provider is skipped, and why."""

    provider_id: ProviderId
    problem: Problem


class LeaseExpired(Struct, frozen=True, kw_only=True):
    """The process that began a POST, or the check of a file, never reported."""

    attempt_id: str


class Revived(Struct, frozen=True, kw_only=True):
    """Nothing else delivered: a task is followed that a late answer named, or whose
    vendor had stopped answering; or a result is fetched again that was not handed out.
    """

    attempt_id: str


class GaveUp(Struct, frozen=True, kw_only=True):
    """The job ends without a video; nothing that was paid for may still arrive."""

    problem: Problem


class Parked(Struct, frozen=True, kw_only=True):
    """The kill switch stops new spending: check again later."""


class WebhookStarted(Struct, frozen=True, kw_only=True):
    """Committed before the webhook is sent; `attempt`: 1, 2, 3 …"""

    attempt: int


class WebhookAnswered(Struct, frozen=True, kw_only=True):
    """`requested_pause`: how long the receiver asks us to wait before the next try."""

    attempt: int
    result: DeliveryResult
    requested_pause: timedelta = timedelta(0)


# Outcomes that follow from the job alone, without any I/O.
Decision = Skipped | LeaseExpired | Revived | GaveUp
# Outcomes that are valid only while the job still needs the action they belong to.
Reply = (
    PrepareStarted
    | TranslationStarted
    | TranslationSkipped
    | CheckStarted
    | Intended
    | Parked
    | Decision
)
# Outcomes of one attempt; whether they apply depends on the attempt's state.
AttemptReport = (
    Submitted
    | Polled
    | CancelSent
    | CancelFailed
    | Stored
    | StoreFailed
    | OutputFound
    | OutputMissing
)
Report = (
    AttemptReport
    | Prepared
    | PrepareFailed
    | ImageRefused
    | Translated
    | CancelRequested
)
Outcome = Reply | Report | WebhookStarted | WebhookAnswered

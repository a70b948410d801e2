"""What came of a step: how the shell reports to the core.

A paid POST ends in one of four ways, and the type says what may follow: `NotSent` and
`Rejected` cost nothing, `Accepted` names the vendor's task, and after `Unknown`, which
may have been paid for, that vendor is not asked again for the job.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from msgspec import Struct

from shared.domain.catalogue import AspectRatio, ProviderId
from shared.domain.errors import Problem
from shared.domain.request import Frame
from shared.domain.structs import Unprinted
from shared.domain.webhook import Verdict


class Accepted(Struct, frozen=True, kw_only=True):
    """2xx with an id: the vendor works on it, and bills it.

    `max_cost_usd`: what the vendor says the task may cost at most; None if it doesn't.
    """

    task_id: str
    max_cost_usd: Decimal | None = None


class Rejected(Struct, frozen=True, kw_only=True):
    """Proven by the vendor's own answer: it did not take the job and bills nothing.

    `retry_after_seconds`: the vendor must not be asked sooner; None: 5 seconds.
    `ask_again`: a passing fault, after which the same provider may be asked once more.
    """

    problem: Problem
    retry_after_seconds: float | None = None
    ask_again: bool = False


class NotSent(Struct, frozen=True, kw_only=True):
    """The request was never sent: no address, no connection, or a fault of our own."""

    problem: Problem


class Unknown(Struct, frozen=True, kw_only=True):
    """The request may have arrived; no answer proves that it was taken or not."""

    detail: str


Submission = Accepted | Rejected | NotSent | Unknown


class Working(Struct, frozen=True, kw_only=True):
    """The task goes on. `progress` is 0 to 1; None if the vendor reports none.

    `queued`: the vendor has not begun it (Runway's THROTTLED, Omni's queued).
    """

    progress: float | None = None
    queued: bool = False


class Succeeded(Struct, frozen=True, kw_only=True):
    """There is a result, and it is not empty. `cost_usd`: the vendor's own charge.

    `gs_uri`: where in our bucket the vendor wrote it, if it does.
    """

    cost_usd: Decimal | None = None
    gs_uri: str | None = None


class Failed(Struct, frozen=True, kw_only=True):
    """The task ended without a video. `cost_usd` as above, since vendors may charge.

    `ask_again`: as in `Rejected`; it counts only if nothing was charged.
    """

    problem: Problem
    cost_usd: Decimal | None = None
    ask_again: bool = False


class PollFailed(Struct, frozen=True, kw_only=True):
    """The vendor gave no usable answer, which says nothing about the task."""

    detail: str


class Gone(Struct, frozen=True, kw_only=True):
    """The vendor itself says, in its own JSON, that the task does not exist."""

    detail: str


Poll = Working | Succeeded | Failed | PollFailed | Gone


class PreparedImage(Struct, frozen=True, kw_only=True):
    """The checked input: one JPEG in our bucket that every provider takes.

    `source_width`, `source_height`: of the image it was made from, upright; 0 where a
    job of an older version doesn't say.
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

    `poster_name`: of its first frame, a JPEG; None if there is none.
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


class SignedUrls(Unprinted, frozen=True, kw_only=True):
    """Of a delivered video; all of them expire at `expires_at`."""

    unprinted = ("video_url", "download_url", "poster_url")

    video_url: str
    download_url: str
    poster_url: str | None
    expires_at: datetime


class PrepareStarted(Struct, frozen=True, kw_only=True):
    """Committed before the image is fetched and decoded."""


class Prepared(Struct, frozen=True, kw_only=True):
    image: PreparedImage
    frame: Frame = Frame.FIRST


class ImageRefused(Struct, frozen=True, kw_only=True):
    """The image can't be used, whichever provider is asked: the job is to end."""

    problem: Problem


class PrepareMissed(Struct, frozen=True, kw_only=True):
    """The image could not be fetched or checked this time.

    `storage_failed`: our storage or our decoder was at fault; `image_unreachable`: the
    image's own host.
    """

    problem: Problem
    frame: Frame = Frame.FIRST


class TranslationStarted(Struct, frozen=True, kw_only=True):
    """Committed before the model is asked; it may cost so much at most."""

    max_cost_usd: Decimal


class TranslationSkipped(Struct, frozen=True, kw_only=True):
    """The prompt stays as it is: no model may be asked, or no cap has room for it."""


class Translated(Struct, frozen=True, kw_only=True):
    """What came of asking the model. `text` None: the original is sent."""

    text: str | None
    cost_usd: Decimal


class Intended(Struct, frozen=True, kw_only=True):
    """Committed before the paid POST: from here on the attempt may cost money.

    `price_usd`: if it is now known to cost more than was planned.
    """

    attempt_id: str
    provider_id: ProviderId
    price_usd: Decimal = Decimal(0)


class Submitted(Struct, frozen=True, kw_only=True):
    """`poll_plan`: when to ask about the task, in seconds since its start."""

    attempt_id: str
    submission: Submission
    poll_plan: tuple[int, ...] = ()


class Polled(Struct, frozen=True, kw_only=True):
    attempt_id: str
    poll: Poll


class CancelSent(Struct, frozen=True, kw_only=True):
    attempt_id: str


class CancelMissed(Struct, frozen=True, kw_only=True):
    attempt_id: str


class CheckStarted(Struct, frozen=True, kw_only=True):
    """Committed before the result is decoded.

    `is_kept`: it is at its final name, where only a file that was checked is copied.
    """

    attempt_id: str
    is_kept: bool = False


class Stored(Struct, frozen=True, kw_only=True):
    attempt_id: str
    delivered: Delivered
    urls: SignedUrls


class StoreMissed(Struct, frozen=True, kw_only=True):
    """The result could not be kept this time; the code says whose fault that was.

    `bad_output`: the file's. `storage_failed`: our storage's. `provider_unavailable`:
    the vendor did not hand it out. `provider_error`: it says that the task is gone.
    """

    attempt_id: str
    problem: Problem


class OutputFound(Struct, frozen=True, kw_only=True):
    """An unknown attempt did write its file."""

    attempt_id: str
    gs_uri: str


class OutputMissing(Struct, frozen=True, kw_only=True):
    """An unknown attempt's file was not there when the bucket was asked.

    `looked_at`: just before it was asked. `is_final`: the provider, as it is
    configured, never writes into our bucket.
    """

    attempt_id: str
    looked_at: datetime
    is_final: bool = False


class CancelRequested(Struct, frozen=True, kw_only=True):
    """The owner cancels; what is paid for is looked at once more before it ends."""


class Skipped(Struct, frozen=True, kw_only=True):
    """A provider that is not asked, and why."""

    provider_id: ProviderId
    problem: Problem


class LeaseExpired(Struct, frozen=True, kw_only=True):
    """The process that began a POST, or the check of a file, never reported."""

    attempt_id: str


class Revived(Struct, frozen=True, kw_only=True):
    """A late answer named a task, and nothing else delivered: follow it."""

    attempt_id: str


class GaveUp(Struct, frozen=True, kw_only=True):
    """The job ends without a video; nothing that was paid for may still come."""

    problem: Problem


class Parked(Struct, frozen=True, kw_only=True):
    """The kill switch stops new spending: look again later."""


class WebhookStarted(Struct, frozen=True, kw_only=True):
    """Committed before the webhook is sent; `attempt`: 1, 2, 3 …"""

    attempt: int


class WebhookAnswered(Struct, frozen=True, kw_only=True):
    """`asked_pause`: what the receiver asks for before it is sent again."""

    attempt: int
    verdict: Verdict
    asked_pause: timedelta = timedelta(0)


Outcome = (
    PrepareStarted
    | Prepared
    | ImageRefused
    | PrepareMissed
    | TranslationStarted
    | TranslationSkipped
    | Translated
    | Intended
    | Submitted
    | Polled
    | CancelSent
    | CancelMissed
    | CheckStarted
    | Stored
    | StoreMissed
    | OutputFound
    | OutputMissing
    | CancelRequested
    | Skipped
    | LeaseExpired
    | Revived
    | GaveUp
    | Parked
    | WebhookStarted
    | WebhookAnswered
)

# Outcomes that follow from the job alone, without any work outside.
Decision = Skipped | LeaseExpired | Revived | GaveUp

"""The errors of the system, named for what the caller can do, and a job's error codes.

ReelayError
├── ApiError                the caller gets it; nothing was created or changed
│   ├── Malformed           400
│   ├── Unauthenticated     401
│   ├── Forbidden           403
│   ├── NotFound            404   another user's job too
│   ├── NotAllowed          405
│   ├── Conflict            409
│   ├── TooLarge            413
│   ├── UnsupportedMedia    415
│   ├── InvalidRequest      422   names each wrong field
│   ├── IdempotencyConflict 422
│   ├── ExceedsLimit        422   no cap could ever admit it
│   ├── LimitReached        429   a cap is full
│   ├── TooManyJobs         429
│   ├── TooManyRequests     429
│   ├── NotOffered          501   nothing is configured for it
│   ├── GenerationPaused    503
│   └── Unavailable         503
├── NotConfigured           the settings are wrong: refuse to start
├── LostRace                another process committed first: read and decide again
├── CommitUncertain         a commit was not answered: read again to find out
├── Unreadable              a stored record can't be parsed
├── Unreachable             a dependency did not answer: try the same again later
├── TaskGone                a vendor itself says that it has no such task
└── BadContent              bytes are not what was promised: retrying won't help
    └── NotPublic           a URL that leads inside
"""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class ErrorCode(StrEnum):
    """Why a job or an attempt did not deliver (`error.code`)."""

    PROMPT_REFUSED = "prompt_refused"
    IMAGE_REFUSED = "image_refused"
    OUTPUT_FILTERED = "output_filtered"
    IMAGE_UNREACHABLE = "image_unreachable"
    IMAGE_INVALID = "image_invalid"
    ACCESS_DENIED = "access_denied"
    MODEL_UNAVAILABLE = "model_unavailable"
    OUT_OF_CREDITS = "out_of_credits"
    RATE_LIMITED = "rate_limited"
    INPUT_NOT_ACCEPTED = "input_not_accepted"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_ERROR = "provider_error"
    SUBMISSION_UNKNOWN = "submission_unknown"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    BAD_OUTPUT = "bad_output"
    CANCELLED = "cancelled"
    STORAGE_FAILED = "storage_failed"
    NOT_CONFIGURED = "not_configured"
    CIRCUIT_OPEN = "circuit_open"
    UNSUPPORTED = "unsupported"
    ALL_PROVIDERS_FAILED = "all_providers_failed"
    GENERATION_PAUSED = "generation_paused"
    DAILY_LIMIT_REACHED = "daily_limit_reached"
    MONTHLY_LIMIT_REACHED = "monthly_limit_reached"


class ImageFault(StrEnum):
    """Why an image can't be used, where its owner can do something about it."""

    HEIC = "heic"
    TOO_SMALL = "too_small"
    TOO_MANY_PIXELS = "too_many_pixels"


# A problem's `detail` where `messages.py` has a sentence for it beside the code's own:
# PROVIDER_CHAIN leaves the provider out; it is too expensive while the kill switch is
# at `tight`, or for the whole of a cap; every provider is unfit for the request;
# another one of the same vendor was asked before, and its id follows.
NOT_IN_CHAIN = "not_in_chain"
TOO_EXPENSIVE = "too_expensive"
ABOVE_CAP = "above_cap"
ALL_UNSUPPORTED = "all_unsupported"
SKIPPED_AFTER = "skipped_after "


class Problem(Struct, frozen=True, kw_only=True):
    """Why something failed: a code for the caller, the vendor's words for the owner.

    `detail` never leaves `internal/run` and the logs: it may name a vendor's ids.
    `image_fault` says more of `image_invalid`; `field` which image it is about.
    """

    code: ErrorCode
    detail: str = ""
    image_fault: ImageFault | None = None
    field: str | None = None


class FieldError(Struct, frozen=True, kw_only=True):
    """One wrong field of a request, and the key of the sentence about it."""

    field: str
    reason: str
    parameters: tuple[object, ...] = ()


class ReelayError(Exception):
    """Every error that we raise."""


class ApiError(ReelayError):
    """The caller gets `status` and `code`; nothing was created or changed."""

    status = 500
    code = "internal"


class Malformed(ApiError):
    """The body is not JSON, or not an object."""

    status, code = 400, "malformed"


class TokenProblem(StrEnum):
    """Why a caller is not authenticated; the caller gets a sentence for each."""

    MISSING = "missing"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    INVALID = "invalid"


class Unauthenticated(ApiError):
    """No token, or not a valid one. `said` is for the log."""

    status, code = 401, "unauthenticated"

    def __init__(
        self, said: str = "", *, reason: TokenProblem = TokenProblem.INVALID
    ) -> None:
        super().__init__(said or reason.value)
        self.reason = reason


class AccessProblem(StrEnum):
    """Why a known caller is refused; the caller gets a sentence for each."""

    ADMINS_ONLY = "admins_only"
    UNVERIFIED = "unverified"


class Forbidden(ApiError):
    """The caller is known, and not allowed to do this. `said` is for the log."""

    status, code = 403, "forbidden"

    def __init__(
        self, said: str = "", *, reason: AccessProblem = AccessProblem.ADMINS_ONLY
    ) -> None:
        super().__init__(said or reason.value)
        self.reason = reason


class NotFound(ApiError):
    """It does not exist, or is another user's."""

    status, code = 404, "not_found"


class NotAllowed(ApiError):
    """The path exists, with other methods."""

    status, code = 405, "method_not_allowed"


class ConflictReason(StrEnum):
    """What is in the way; the caller gets a sentence for each."""

    STATE = "state"
    JOB_DELETED = "job_deleted"
    JOB_ENDED = "job_finished"
    JOB_OPEN = "job_open"
    NO_POSTER = "no poster"
    NO_VIDEO = "no_video"


class Conflict(ApiError):
    """The job is not in a state for this. `said` is for the log, or an operator."""

    status, code = 409, "conflict"

    def __init__(
        self, said: str = "", *, reason: ConflictReason = ConflictReason.STATE
    ) -> None:
        super().__init__(said or reason.value)
        self.reason = reason


class TooLarge(ApiError):
    """The body is larger than the limit: `most_bytes`, where that is known."""

    status, code = 413, "too_large"

    def __init__(self, most_bytes: int | None = None) -> None:
        super().__init__(f"more than {most_bytes} bytes" if most_bytes else "")
        self.most_bytes = most_bytes


class UnsupportedMedia(ApiError):
    """The body is not of a type that this call takes."""

    status, code = 415, "unsupported_media_type"


class InvalidRequest(ApiError):
    """The body has the wrong shape; `errors` names each wrong field."""

    status, code = 422, "invalid_request"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(", ".join(f"{e.field}: {e.reason}" for e in errors))
        self.errors = errors


class IdempotencyConflict(ApiError):
    """The key was used before, with another body."""

    status, code = 422, "idempotency_conflict"


class ExceedsLimit(ApiError):
    """The job costs more than a cap allows in all, so it could never be admitted."""

    status, code = 422, "exceeds_limit"


class LimitReached(ApiError):
    """A cap has no room for this now. `retry_after`: when a retry makes sense."""

    status = 429

    def __init__(self, limit: ErrorCode, retry_after: timedelta) -> None:
        super().__init__(limit.value)
        self.limit, self.code, self.retry_after = limit, limit.value, retry_after


class JobQuota(StrEnum):
    """What a user has too many of; the caller gets a sentence for each."""

    OPEN = "open"
    MADE = "made_this_minute"
    UPLOADS = "uploads_this_minute"
    UNPREPARED = "unprepared_this_hour"


class TooManyJobs(ApiError):
    """The caller has reached this quota."""

    status, code = 429, "too_many_jobs"

    def __init__(self, quota: JobQuota = JobQuota.OPEN) -> None:
        super().__init__(quota.value)
        self.quota = quota


class TooManyRequests(ApiError):
    """The caller sends more requests than a user may."""

    status, code = 429, "too_many_requests"

    def __init__(self, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__("too many requests")
        self.retry_after = retry_after


class GenerationPaused(ApiError):
    """The kill switch stops new jobs; paid ones go on."""

    status, code = 503, "generation_paused"


class Missing(StrEnum):
    """What is not configured; the caller gets a sentence for each."""

    TRANSLATOR = "translator"
    WEBHOOKS = "webhooks"


class NotOffered(ApiError):
    """Nothing is configured that could do it. `said` is for the log."""

    status, code = 501, "not_configured"

    def __init__(self, said: str = "", *, reason: Missing = Missing.TRANSLATOR) -> None:
        super().__init__(said or reason.value)
        self.reason = reason


class Unavailable(ApiError):
    """A dependency does not answer: try again in a moment."""

    status, code = 503, "unavailable"

    def __init__(
        self, said: str = "", *, retry_after: timedelta = timedelta(seconds=5)
    ) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class Crowded(Unavailable):
    """Too many jobs are being created at once; this one certainly was not."""


class NotConfigured(ReelayError):
    """The settings are wrong or dangerous: the function does not start."""


class LostRace(ReelayError):
    """A precondition failed: another process committed in between."""


class CommitUncertain(ReelayError):
    """A commit was sent and not answered: it may hold."""


class Unreadable(ReelayError):
    """A stored record can't be parsed, now or later."""


class Unreachable(ReelayError):
    """A dependency did not answer, or failed: the same call may work later."""


class TaskGone(ReelayError):
    """The vendor itself says, in its own JSON, that it has no such task."""


class BadContent(ReelayError):
    """Bytes arrived, and are not what they should be. `said` is for the log."""

    def __init__(self, said: str = "", *, fault: ImageFault | None = None) -> None:
        super().__init__(said)
        self.fault = fault


class NotPublic(BadContent):
    """A URL that is not public https; no connection was made."""

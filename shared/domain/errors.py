"""The errors of the system, named for what the caller can do, and a job's error codes.

ReelayError
├── ApiError                the caller gets it; nothing was created or changed
│   ├── Malformed           400
│   ├── Unauthenticated     401
│   ├── Forbidden           403
│   ├── NotFound            404   another user's job too
│   │   └── NoSuchPath            no route has this path
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
│   ├── NotOffered          501   the server is not configured for it
│   ├── GenerationPaused    503
│   └── Unavailable         503
├── NotConfigured           the settings are wrong: refuse to start
├── LostRace                another process committed first: read and decide again
├── CommitUncertain         a commit was not answered: read again to find out
├── Unreadable              a stored record can't be parsed
│   └── WrittenLater        by a later release, which can parse it
├── Unreachable             a dependency did not answer: try the same again later
├── TaskGone                the vendor itself says that the task does not exist
└── BadContent              bytes are not what they should be: retrying won't help
    └── NotPublic           a URL that isn't public https
"""

from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

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


CAPS_REACHED = (ErrorCode.DAILY_LIMIT_REACHED, ErrorCode.MONTHLY_LIMIT_REACHED)


class ImageFault(StrEnum):
    """Why an image can't be used, where its owner can fix it."""

    HEIC = "heic"
    TOO_SMALL = "too_small"
    TOO_MANY_PIXELS = "too_many_pixels"


# Values of `Problem.detail` for which `sentences.json` has a sentence of its own:
NOT_IN_CHAIN = "not_in_chain"  # PROVIDER_CHAIN leaves the provider out
TOO_EXPENSIVE = "too_expensive"  # for the kill switch's level `tight`
ABOVE_CAP = "above_cap"  # the video costs more than a whole cap
ALL_UNSUPPORTED = "all_unsupported"  # no provider can fulfil the request
SKIPPED_AFTER = "skipped_after "  # and the vendor's provider that was tried before


class Problem(Struct, frozen=True, kw_only=True):
    """Why something failed: a code for the caller, the vendor's words for the operator.

    `detail` never leaves `internal/run` and the logs: it may contain a vendor's ids.
    `image_fault` refines `image_invalid`; `field` is the image's field in the request.
    """

    code: ErrorCode
    detail: str = ""
    image_fault: ImageFault | None = None
    field: str | None = None


class FieldError(Struct, frozen=True, kw_only=True):
    """One invalid field of a request; `reason` is the key of its sentence."""

    field: str
    reason: str
    parameters: tuple[object, ...] = ()


class ReelayError(Exception):
    """The base of all our own errors."""


class ApiError(ReelayError):
    """The caller gets `status` and `code`; nothing was created or changed.

    `retry_after`: how soon a retry makes sense, if that is known.
    """

    status = 500
    code = "internal"
    retry_after: timedelta | None = None


R = TypeVar("R", bound=StrEnum)


class Reasoned(Exception, Generic[R]):
    """An ApiError with a sentence for each `reason`. `message` is for the log."""

    reason: R

    def __init__(self, message: str = "", *, reason: R | None = None) -> None:
        self.reason = reason or self.reason
        super().__init__(message or self.reason.value)


class Malformed(ApiError):
    """The body is not JSON, or not an object."""

    status, code = 400, "malformed"


class TokenProblem(StrEnum):
    """Why a caller is not authenticated."""

    MISSING = "missing"
    MALFORMED = "malformed"
    EXPIRED = "expired"
    INVALID = "invalid"


class Unauthenticated(Reasoned[TokenProblem], ApiError):
    """No token, or not a valid one."""

    status, code = 401, "unauthenticated"
    reason = TokenProblem.INVALID


class AccessProblem(StrEnum):
    """Why a known caller is refused."""

    ADMINS_ONLY = "admins_only"
    UNVERIFIED = "unverified"


class Forbidden(Reasoned[AccessProblem], ApiError):
    """The caller is authenticated, but not allowed to do this."""

    status, code = 403, "forbidden"
    reason = AccessProblem.ADMINS_ONLY


class NotFound(ApiError):
    """It does not exist, or is another user's."""

    status, code = 404, "not_found"


class NoSuchPath(NotFound):
    """No route of the API has this path."""


class NotAllowed(ApiError):
    """The path exists, with other methods."""

    status, code = 405, "method_not_allowed"


class ConflictReason(StrEnum):
    """Why the job's state doesn't allow something."""

    STATE = "state"
    JOB_DELETED = "job_deleted"
    JOB_ENDED = "job_finished"
    JOB_OPEN = "job_open"
    NO_POSTER = "no_poster"
    NO_VIDEO = "no_video"


class Conflict(Reasoned[ConflictReason], ApiError):
    """The job's state doesn't allow this. An operator may be shown `message`."""

    status, code = 409, "conflict"
    reason = ConflictReason.STATE


class TooLarge(ApiError):
    """The body is larger than the limit: `max_bytes`, where that is known."""

    status, code = 413, "too_large"

    def __init__(self, max_bytes: int | None = None) -> None:
        super().__init__(f"more than {max_bytes} bytes" if max_bytes else "")
        self.max_bytes = max_bytes


class UnsupportedMedia(ApiError):
    """This call doesn't accept a body of this type."""

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
    """The job costs more than a whole cap, so it could never be admitted."""

    status, code = 422, "exceeds_limit"


class LimitReached(ApiError):
    """A cap has no room for this now."""

    status = 429

    def __init__(self, limit: ErrorCode, retry_after: timedelta) -> None:
        super().__init__(limit.value)
        self.limit, self.code, self.retry_after = limit, limit.value, retry_after


class JobQuota(StrEnum):
    """What a user has too many of."""

    OPEN = "open"
    MADE = "made_this_minute"
    UPLOADS = "uploads_this_minute"
    UNPAID = "unpaid_this_hour"


class TooManyJobs(Reasoned[JobQuota], ApiError):
    """The caller has reached this quota."""

    status, code = 429, "too_many_jobs"
    reason = JobQuota.OPEN

    def __init__(
        self,
        message: str = "",
        *,
        reason: JobQuota | None = None,
        retry_after: timedelta = timedelta(minutes=1),
    ) -> None:
        super().__init__(message, reason=reason)
        self.retry_after = retry_after


class TooManyRequests(ApiError):
    """The caller sends more requests than a user may."""

    status, code = 429, "too_many_requests"

    def __init__(self, retry_after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__("too many requests")
        self.retry_after = retry_after


class GenerationPaused(ApiError):
    """The kill switch stops new jobs; paid ones go on."""

    status, code = 503, "generation_paused"
    retry_after = timedelta(minutes=5)


class MissingFeature(StrEnum):
    """What is not configured."""

    TRANSLATOR = "translator"
    WEBHOOKS = "webhooks"


class NotOffered(Reasoned[MissingFeature], ApiError):
    """This server is not configured for the feature."""

    status, code = 501, "not_configured"
    reason = MissingFeature.TRANSLATOR


class Unavailable(ApiError):
    """A dependency does not answer: try again in a moment."""

    status, code = 503, "unavailable"

    def __init__(
        self, message: str = "", *, retry_after: timedelta = timedelta(seconds=5)
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Contended(Unavailable):
    """Too many jobs are being created at once; this one was certainly not created."""


class NotConfigured(ReelayError):
    """The settings are wrong or dangerous: the function refuses to start."""


class LostRace(ReelayError):
    """A precondition failed: another process committed in between."""


class CommitUncertain(ReelayError):
    """A commit was sent but not answered: it may have taken effect."""


class Unreadable(ReelayError):
    """A stored record can't be parsed; retrying won't help."""


class WrittenLater(Unreadable):
    """A stored record that a later release wrote, and only such a release can parse."""


class Unreachable(ReelayError):
    """A dependency did not answer, or failed: the same call may work later."""


class TaskGone(ReelayError):
    """The vendor itself says, in its own JSON, that the task does not exist."""


class BadContent(ReelayError):
    """Bytes arrived, but are not what they should be. `message` is for the log."""

    def __init__(self, message: str = "", *, fault: ImageFault | None = None) -> None:
        super().__init__(message)
        self.fault = fault


class NotPublic(BadContent):
    """A URL that is not public https; no connection was made."""

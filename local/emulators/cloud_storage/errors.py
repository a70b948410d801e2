"""The ways the local Cloud Storage refuses a request, each with status and words."""

from enum import StrEnum
from xml.sax.saxutils import escape


class Refusal(StrEnum):
    """Each value is the code of the XML API.

    https://cloud.google.com/storage/docs/xml-api/reference-status
    """

    NO_BUCKET = "NoSuchBucket"
    NO_OBJECT = "NoSuchKey"
    NO_UPLOAD = "NoSuchUpload"
    BUCKET_EXISTS = "BucketAlreadyOwnedByYou"
    BUCKET_NOT_EMPTY = "BucketNotEmpty"
    PRECONDITION = "PreconditionFailed"
    NOT_MODIFIED = "NotModified"
    BAD_DIGEST = "BadDigest"
    BAD_RANGE = "InvalidRange"
    INVALID = "InvalidArgument"
    TOO_LARGE = "EntityTooLarge"
    TOO_SMALL = "EntityTooSmall"
    NO_LENGTH = "MissingContentLength"
    WRONG_METHOD = "MethodNotAllowed"
    ACCESS_DENIED = "AccessDenied"
    SIGNATURE = "SignatureDoesNotMatch"
    EXPIRED = "ExpiredToken"
    MALFORMED_SECURITY = "MalformedSecurityHeader"
    BACKEND = "InternalError"
    NOT_IMPLEMENTED = "NotImplemented"


# One table of statuses: the real service was also seen to answer 400 where this
# one says 403 for EXPIRED and MALFORMED_SECURITY.
_ANSWERS: dict[Refusal, tuple[int, str, str]] = {
    Refusal.NO_BUCKET: (404, "notFound", "The specified bucket does not exist."),
    Refusal.NO_OBJECT: (404, "notFound", "The specified key does not exist."),
    Refusal.NO_UPLOAD: (404, "notFound", "The requested upload was not found."),
    Refusal.BUCKET_EXISTS: (409, "conflict", "You already own this bucket."),
    Refusal.BUCKET_NOT_EMPTY: (409, "conflict", "The bucket is not empty."),
    Refusal.PRECONDITION: (
        412,
        "conditionNotMet",
        "At least one of the pre-conditions you specified did not hold.",
    ),
    Refusal.NOT_MODIFIED: (304, "notModified", "Not modified."),
    Refusal.BAD_DIGEST: (400, "invalid", "The checksum did not match."),
    Refusal.BAD_RANGE: (
        416,
        "requestedRangeNotSatisfiable",
        "The requested range cannot be satisfied.",
    ),
    Refusal.INVALID: (400, "invalid", "Invalid argument."),
    Refusal.TOO_LARGE: (
        400,
        "invalid",
        "Your proposed upload is larger than the maximum object size specified.",
    ),
    Refusal.TOO_SMALL: (
        400,
        "invalid",
        "Your proposed upload is smaller than the minimum object size specified.",
    ),
    Refusal.NO_LENGTH: (411, "required", "You must provide Content-Length."),
    Refusal.WRONG_METHOD: (405, "methodNotAllowed", "This method is not allowed."),
    Refusal.ACCESS_DENIED: (403, "forbidden", "Access denied."),
    Refusal.SIGNATURE: (403, "forbidden", "Access denied."),
    Refusal.EXPIRED: (400, "invalid", "The provided token has expired."),
    Refusal.MALFORMED_SECURITY: (
        400,
        "invalid",
        "Your request has a malformed header.",
    ),
    Refusal.BACKEND: (503, "backendError", "Backend error."),
    Refusal.NOT_IMPLEMENTED: (501, "notImplemented", "Not implemented here."),
}


class StorageRefusedError(Exception):
    """The request is refused; `status` overrides the usual one (staged faults)."""

    def __init__(
        self, refusal: Refusal, details: str = "", *, status: int | None = None
    ) -> None:
        super().__init__(refusal, details)
        self.refusal = refusal
        self.details = details
        self.status = _ANSWERS[refusal][0] if status is None else status


class ConnectionCutError(Exception):
    """The connection ended, or is to be ended, without an answer."""


def error_json(error: StorageRefusedError) -> dict[str, object]:
    """Google's JSON error shape, as the client libraries parse it."""
    _, reason, message = _ANSWERS[error.refusal]
    text = error.details or message
    entry = {"message": text, "domain": "global", "reason": reason}
    return {"error": {"code": error.status, "message": text, "errors": [entry]}}


def error_xml(error: StorageRefusedError) -> str:
    """The XML API's error document."""
    message = _ANSWERS[error.refusal][2]
    details = f"<Details>{escape(error.details)}</Details>" if error.details else ""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<Error><Code>{error.refusal}</Code><Message>{message}</Message>"
        f"{details}</Error>"
    )

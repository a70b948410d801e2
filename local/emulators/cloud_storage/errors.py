"""The ways the local Cloud Storage refuses a request, each with status and words."""

from enum import StrEnum
from xml.sax.saxutils import escape

from werkzeug import Response

from local.http_server import as_json


class Refusal(StrEnum):
    """Each value is the code of the XML API.

    https://cloud.google.com/storage/docs/xml-api/reference-status
    """

    NO_BUCKET = "NoSuchBucket"
    NO_OBJECT = "NoSuchKey"
    NO_UPLOAD = "NoSuchUpload"
    BUCKET_EXISTS = "BucketAlreadyOwnedByYou"
    PRECONDITION = "PreconditionFailed"
    BAD_DIGEST = "BadDigest"
    INVALID = "InvalidArgument"
    TOO_LARGE = "EntityTooLarge"
    TOO_SMALL = "EntityTooSmall"
    WRONG_METHOD = "MethodNotAllowed"
    ACCESS_DENIED = "AccessDenied"
    SIGNATURE = "SignatureDoesNotMatch"
    EXPIRED = "ExpiredToken"
    MALFORMED_SECURITY = "MalformedSecurityHeader"
    BACKEND = "InternalError"
    NOT_IMPLEMENTED = "NotImplemented"


# Status, the JSON API's reason, the message.
_ANSWERS: dict[Refusal, tuple[int, str, str]] = {
    Refusal.NO_BUCKET: (404, "notFound", "The specified bucket does not exist."),
    Refusal.NO_OBJECT: (404, "notFound", "The specified key does not exist."),
    Refusal.NO_UPLOAD: (404, "notFound", "The requested upload was not found."),
    Refusal.BUCKET_EXISTS: (409, "conflict", "You already own this bucket."),
    Refusal.PRECONDITION: (412, "conditionNotMet", "A pre-condition did not hold."),
    Refusal.BAD_DIGEST: (400, "invalid", "The checksum doesn't match."),
    Refusal.INVALID: (400, "invalid", "Invalid argument."),
    Refusal.TOO_LARGE: (400, "invalid", "The upload is larger than was signed."),
    Refusal.TOO_SMALL: (400, "invalid", "The upload is smaller than was signed."),
    Refusal.WRONG_METHOD: (405, "methodNotAllowed", "This method is not allowed."),
    Refusal.ACCESS_DENIED: (403, "forbidden", "Access denied."),
    Refusal.SIGNATURE: (403, "forbidden", "The signature does not match."),
    Refusal.EXPIRED: (400, "invalid", "The provided token has expired."),
    Refusal.MALFORMED_SECURITY: (400, "invalid", "A malformed security header."),
    Refusal.BACKEND: (503, "backendError", "Backend error."),
    Refusal.NOT_IMPLEMENTED: (501, "notImplemented", "Not implemented here."),
}


class Refused(Exception):
    """`status` overrides the usual one, for faults on request."""

    def __init__(
        self, refusal: Refusal, details: str = "", *, status: int | None = None
    ) -> None:
        super().__init__(refusal, details)
        self.refusal = refusal
        self.details = details
        self.status = status or _ANSWERS[refusal][0]

    def as_json(self) -> Response:
        """Google's JSON error shape, as the client libraries parse it."""
        _, reason, message = _ANSWERS[self.refusal]
        text = self.details or message
        entry = {"message": text, "domain": "global", "reason": reason}
        error = {"code": self.status, "message": text, "errors": [entry]}
        return as_json({"error": error}, status=self.status)

    def as_xml(self) -> Response:
        details = f"<Details>{escape(self.details)}</Details>" if self.details else ""
        text = (
            "<?xml version='1.0' encoding='UTF-8'?>"
            f"<Error><Code>{self.refusal}</Code>"
            f"<Message>{_ANSWERS[self.refusal][2]}</Message>{details}</Error>"
        )
        return Response(text, status=self.status, mimetype="application/xml")

"""Errors of the local Cloud Storage, with the codes and texts of both APIs."""

from enum import Enum
from xml.sax.saxutils import escape

from werkzeug import Response

from local.http_server import as_json


class Refusal(Enum):
    """The XML API's code, the status, the JSON API's reason, the message.

    https://cloud.google.com/storage/docs/xml-api/reference-status
    """

    NO_BUCKET = ("NoSuchBucket", 404, "notFound", "The bucket does not exist.")
    NO_OBJECT = ("NoSuchKey", 404, "notFound", "The specified key does not exist.")
    NO_UPLOAD = ("NoSuchUpload", 404, "notFound", "The upload was not found.")
    PRECONDITION = ("PreconditionFailed", 412, "conditionNotMet", "It did not hold.")
    INVALID = ("InvalidArgument", 400, "invalid", "Invalid argument.")
    TOO_LARGE = ("EntityTooLarge", 400, "invalid", "It is larger than was signed.")
    TOO_SMALL = ("EntityTooSmall", 400, "invalid", "It is smaller than was signed.")
    ACCESS_DENIED = ("AccessDenied", 403, "forbidden", "Access denied.")
    SIGNATURE = ("SignatureDoesNotMatch", 403, "forbidden", "It does not match.")
    EXPIRED = ("ExpiredToken", 400, "invalid", "The provided token has expired.")
    MALFORMED_SECURITY = ("MalformedSecurityHeader", 400, "invalid", "Malformed.")
    BACKEND = ("InternalError", 503, "backendError", "Backend error.")
    NOT_IMPLEMENTED = ("NotImplemented", 501, "notImplemented", "Not served here.")


class Refused(Exception):
    """The request is refused. `status` overrides the usual one, for injected faults."""

    def __init__(
        self, refusal: Refusal, details: str = "", *, status: int | None = None
    ) -> None:
        super().__init__(refusal, details)
        self.code, usual_status, self.reason, self.message = refusal.value
        self.status = status or usual_status
        self.details = details

    def as_json(self) -> Response:
        """Google's JSON error format, which the client libraries parse."""
        text = self.details or self.message
        entry = {"message": text, "domain": "global", "reason": self.reason}
        error = {"code": self.status, "message": text, "errors": [entry]}
        return as_json({"error": error}, status=self.status)

    def as_xml(self) -> Response:
        text = (
            "<?xml version='1.0' encoding='UTF-8'?>"
            f"<Error><Code>{self.code}</Code><Message>{self.message}</Message>"
            f"<Details>{escape(self.details)}</Details></Error>"
        )
        return Response(text, status=self.status, mimetype="application/xml")

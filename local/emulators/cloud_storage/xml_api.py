"""The XML API, as browsers use it: signed URLs, ranges, size limits and CORS."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

from google.auth.credentials import Signing
from werkzeug import Request, Response

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import (
    download,
    number,
    pieces,
    under_faults,
    version_headers,
)
from local.emulators.cloud_storage.objects import IDENTITY, ObjectStore, Upload
from local.emulators.cloud_storage.signatures import check_signature
from local.fault_kinds import Place
from local.faults import FaultPlan


class XmlApi:
    """Serves `/bucket/object`. The bucket is private: unsigned requests get 403."""

    def __init__(
        self,
        bucket: str,
        store: ObjectStore,
        faults: FaultPlan,
        *,
        cors: Cors,
        signer: Signing,
        now: Callable[[], datetime],
    ) -> None:
        self._bucket, self._store, self._faults = bucket, store, faults
        self._cors, self._signer, self._now = cors, signer, now

    def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers=self._cors.preflight_headers(request))
        try:
            check_signature(request, self._signer, self._now())
            response = self._serve(request)
        except Refused as error:
            response = error.as_xml()
        response.headers.extend(self._cors.response_headers(request))
        return response

    def _serve(self, request: Request) -> Response:
        raw = request.environ["RAW_URI"].partition("?")[0].removeprefix("/")
        bucket, _, name = (unquote(part) for part in raw.partition("/"))
        if bucket != self._bucket:
            raise Refused(Refusal.NO_BUCKET)
        if request.method in ("GET", "HEAD"):
            place, work = Place.DOWNLOAD, self._download
        elif request.method == "PUT":
            place, work = Place.UPLOAD, self._upload
        else:
            raise Refused(Refusal.NOT_IMPLEMENTED)
        return under_faults(self._faults, place, request, lambda: work(name, request))

    def _download(self, name: str, request: Request) -> Response:
        response = download(self._store, name, request)
        for header in ("Content-Type", "Content-Disposition"):
            if value := request.args.get(f"response-{header.lower()}"):
                response.headers[header] = value
        return response

    def _upload(self, name: str, request: Request) -> Response:
        upload = Upload(
            name=name,
            content_type=request.content_type or "application/octet-stream",
            content_encoding=request.content_encoding or IDENTITY,
            generation_match=number(request.headers.get("x-goog-if-generation-match")),
        )
        self._store.check(upload)
        stored = self._store.put(upload, _within_limits(request))
        return Response(headers=version_headers(stored))


def _within_limits(request: Request) -> bytes:
    """The body, if `x-goog-content-length-range: MIN,MAX` allows its size."""
    allowed = request.headers.get("x-goog-content-length-range", "")
    minimum, _, maximum = allowed.partition(",")
    max_bytes = number(maximum.strip() or None)
    content = b""
    for piece in pieces(request):
        content += piece
        if max_bytes is not None and len(content) > max_bytes:
            raise Refused(Refusal.TOO_LARGE)
    if len(content) < (number(minimum.strip() or None) or 0):
        raise Refused(Refusal.TOO_SMALL)
    return content

"""`/bucket/object` as browsers use it: signed addresses, ranges, limits and CORS."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote

from werkzeug import Request, Response

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.media import (
    declared_in,
    download,
    number,
    pieces,
    under_faults,
    version_headers,
)
from local.emulators.cloud_storage.objects import ObjectStore, Upload
from local.emulators.cloud_storage.signatures import (
    SignedRequest,
    Signer,
    check_signature,
    is_signed,
)
from local.fault_kinds import Place
from local.faults import FaultPlan

_META = "x-goog-meta-"
_CONDITION = "x-goog-if-generation-match"


class XmlApi:
    """The bucket is private: a signature, or an Authorization header, or 403."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        faults: FaultPlan,
        cors: Cors,
        signer: Signer,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._faults, self._cors = store, faults, cors
        self._signer, self._now = signer, now

    def __call__(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(headers=self._cors.preflight_headers(request))
        try:
            self._authorise(request)
            response = self._serve(request)
        except Refused as error:
            response = error.as_xml()
        response.headers.extend(self._cors.response_headers(request))
        return response

    def _authorise(self, request: Request) -> None:
        path, _, query = request.environ["RAW_URI"].partition("?")
        if is_signed(query):
            headers = {name.lower(): value for name, value in request.headers.items()}
            signed = SignedRequest(
                method=request.method, path=path, query=query, headers=headers
            )
            check_signature(signed, self._signer, self._now())
        elif "authorization" not in request.headers:
            text = "Anonymous caller does not have access to the object."
            raise Refused(Refusal.ACCESS_DENIED, text)

    def _serve(self, request: Request) -> Response:
        raw = request.environ["RAW_URI"].partition("?")[0].removeprefix("/")
        bucket, _, name = (unquote(part) for part in raw.partition("/"))
        if not bucket or not name:
            raise Refused(Refusal.NOT_IMPLEMENTED)
        match request.method:
            case "GET" | "HEAD":
                place, work = Place.DOWNLOAD, self._download
            case "PUT":
                place, work = Place.UPLOAD, self._upload
            case _:
                raise Refused(Refusal.WRONG_METHOD)
        return under_faults(
            self._faults, place, request, lambda: work(bucket, name, request)
        )

    def _download(self, bucket: str, name: str, request: Request) -> Response:
        wanted = number(request.headers.get(_CONDITION))
        response = download(self._store, bucket, name, request, wanted)
        for header in ("Content-Type", "Content-Disposition"):
            if value := request.args.get(f"response-{header.lower()}"):
                response.headers[header] = value
        return response

    def _upload(self, bucket: str, name: str, request: Request) -> Response:
        headers = request.headers
        if "x-goog-copy-source" in headers:
            raise Refused(Refusal.NOT_IMPLEMENTED)
        custom = {
            k.lower().removeprefix(_META): v
            for k, v in headers.items()
            if k.lower().startswith(_META)
        }
        attributes = {
            "contentType": headers.get("content-type"),
            "cacheControl": headers.get("cache-control"),
            "contentDisposition": headers.get("content-disposition"),
            "metadata": custom,
        }
        upload = Upload(
            bucket=bucket,
            name=name,
            attributes={k: v for k, v in attributes.items() if v},
            declared=declared_in(request),
            generation_match=number(headers.get(_CONDITION)),
        )
        self._store.check(upload)
        stored = self._store.put(upload, _within_limits(request))
        return Response(headers=version_headers(stored))


def _within_limits(request: Request) -> bytes:
    """The body, of a size that `x-goog-content-length-range: MIN,MAX` allows."""
    asked = request.headers.get("x-goog-content-length-range", "")
    least, _, most = asked.partition(",")
    largest = number(most.strip() or None)
    content = b""
    for piece in pieces(request):
        content += piece
        if largest is not None and len(content) > largest:
            raise Refused(Refusal.TOO_LARGE)
    if len(content) < (number(least.strip() or None) or 0):
        raise Refused(Refusal.TOO_SMALL)
    return content

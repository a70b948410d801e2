"""`/bucket/object` as browsers use it: signed addresses, ranges, limits and CORS."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import unquote

from local.emulators.cloud_storage.cors import Cors
from local.emulators.cloud_storage.downloads import (
    download,
    header_conditions,
    version_headers,
)
from local.emulators.cloud_storage.errors import (
    Refusal,
    StorageRefusedError,
    error_xml,
)
from local.emulators.cloud_storage.faults import (
    FaultPlan,
    Operation,
)
from local.emulators.cloud_storage.http import (
    Reply,
    Request,
    number,
)
from local.emulators.cloud_storage.objects import ObjectStore
from local.emulators.cloud_storage.records import (
    Attributes,
    Checksums,
    ObjectKey,
    UploadIntent,
)
from local.emulators.cloud_storage.signatures import (
    SignedRequest,
    Signer,
    check_signature,
    is_signed,
)
from local.emulators.cloud_storage.uploads import store_stream

_META = "x-goog-meta-"


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
        self._store = store
        self._faults = faults
        self._cors = cors
        self._signer = signer
        self._now = now

    def handle(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(status=200, headers=self._cors.preflight_headers(request))
        reply = self._answer(request)
        cors = self._cors.response_headers(request)
        return replace(reply, headers={**reply.headers, **cors})

    def _answer(self, request: Request) -> Reply:
        try:
            self._authorise(request)
            return self._serve(request)
        except StorageRefusedError as error:
            return _error_reply(error)

    def _authorise(self, request: Request) -> None:
        if is_signed(request.query_text):
            check_signature(_signed(request), self._signer, self._now())
        elif "authorization" not in request.headers:
            raise StorageRefusedError(
                Refusal.ACCESS_DENIED,
                "Anonymous caller does not have access to the object.",
            )

    def _serve(self, request: Request) -> Reply:
        key = _key(request.path)
        match request.method:
            case "GET" | "HEAD":
                op, work = Operation.DOWNLOAD, self._download
            case "PUT":
                op, work = Operation.UPLOAD, self._upload
            case _:
                raise StorageRefusedError(Refusal.WRONG_METHOD)
        return self._faults.run(op, request.body, lambda: work(key, request))

    def _download(self, key: ObjectKey, request: Request) -> Reply:
        reply = download(self._store, key, request, header_conditions(request))
        return replace(reply, headers={**reply.headers, **_overrides(request)})

    def _upload(self, key: ObjectKey, request: Request) -> Reply:
        limits = _Limits.parse(request.headers.get("x-goog-content-length-range"))
        if request.body.length is not None:
            limits.require_within(request.body.length)
        intent = _intent(key, request)
        new = store_stream(self._store, intent, limits.watch(request.body.pieces()))
        return Reply(status=200, headers=version_headers(new))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """`x-goog-content-length-range: MIN,MAX`, both inclusive, in bytes."""

    minimum: int
    maximum: int | None

    @classmethod
    def parse(cls, header: str | None) -> Self:
        if header is None:
            return cls(minimum=0, maximum=None)
        first, _, last = header.partition(",")
        found = (number(first.strip()), number(last.strip()))
        return cls(minimum=found[0] or 0, maximum=found[1])

    def require_within(self, size: int) -> None:
        if self.maximum is not None and size > self.maximum:
            raise StorageRefusedError(Refusal.TOO_LARGE)
        if size < self.minimum:
            raise StorageRefusedError(Refusal.TOO_SMALL)

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Count what really comes, for bodies that announce no size."""
        size = 0
        for piece in pieces:
            size += len(piece)
            yield piece
        self.require_within(size)


def _intent(key: ObjectKey, request: Request) -> UploadIntent:
    headers = request.headers
    if "x-goog-copy-source" in headers:
        raise StorageRefusedError(Refusal.NOT_IMPLEMENTED)
    plain = {
        "contentType": headers.get("content-type"),
        "cacheControl": headers.get("cache-control"),
        "contentDisposition": headers.get("content-disposition"),
    }
    custom = {k.removeprefix(_META): v for k, v in headers.items() if _META in k}
    sums = Checksums.from_hash_header(headers.get("x-goog-hash", ""))
    return UploadIntent(
        key=key,
        attributes=Attributes.from_json({**plain, "metadata": custom}),
        declared=sums.updated_with(Checksums(md5=headers.get("content-md5"))),
        conditions=header_conditions(request),
    )


def _signed(request: Request) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        path=request.path,
        query=request.query_text,
        headers=request.headers,
    )


def _key(path: str) -> ObjectKey:
    bucket, _, name = path.removeprefix("/").partition("/")
    if not bucket or not name:
        raise StorageRefusedError(Refusal.NOT_IMPLEMENTED)
    return ObjectKey(bucket=unquote(bucket), name=unquote(name))


def _overrides(request: Request) -> dict[str, str]:
    asked = {
        "Content-Type": request.query.get("response-content-type"),
        "Content-Disposition": request.query.get("response-content-disposition"),
    }
    return {name: value for name, value in asked.items() if value}


def _error_reply(error: StorageRefusedError) -> Reply:
    if error.status == 304:
        return Reply(status=304)
    return Reply(
        status=error.status,
        headers={"Content-Type": "application/xml; charset=UTF-8"},
        content=error_xml(error).encode(),
    )

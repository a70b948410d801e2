"""How an object's bytes go in and out over HTTP, the same for both of the APIs."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from werkzeug import Request, Response
from werkzeug.exceptions import ClientDisconnected, RequestedRangeNotSatisfiable
from werkzeug.http import parse_options_header

from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.objects import (
    Checksums,
    ObjectStore,
    StoredObject,
    require_generation,
)
from local.fault_kinds import Kind, Place
from local.faults import FaultPlan
from local.http_server import connection_of, drop, hold

PIECE_BYTES = 256 * 1024
_CUT_AFTER = "local.cut_after_bytes"
_HEADERS = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentLanguage": "Content-Language",
}


def download(
    store: ObjectStore,
    bucket: str,
    name: str,
    request: Request,
    generation_match: int | None,
) -> Response:
    """200, 206, 304, 412 or 416, as Range and the conditional headers have it."""
    stored, content = store.read(bucket, name, number(request.args.get("generation")))
    require_generation(generation_match, stored)
    attributes = stored.attributes
    response = Response(content, mimetype=stored.content_type)
    response.headers["Cache-Control"] = "private, max-age=0"
    for name, header in _HEADERS.items():
        if attributes.get(name):
            response.headers[header] = attributes[name]
    response.headers.extend(version_headers(stored))
    if not request.range or len(request.range.ranges) != 1:  # answered with the whole
        request.environ.pop("HTTP_RANGE", None)
    elif not content:  # werkzeug would answer 200
        raise RequestedRangeNotSatisfiable(0)
    return response.make_conditional(
        request, accept_ranges=True, complete_length=len(content)
    )


def version_headers(stored: StoredObject) -> Mapping[str, str]:
    """What the client libraries check a transfer with."""
    return {
        "ETag": f'"{stored.etag}"',
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": "1",
        "x-goog-hash": f"crc32c={stored.crc32c},md5={stored.md5}",
        "x-goog-stored-content-length": str(stored.size_bytes),
        "x-goog-stored-content-encoding": "identity",
    }


def declared_in(request: Request) -> Checksums:
    """Of `x-goog-hash: crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ==`."""
    sums = request.headers.get("x-goog-hash", "").split(",")
    named = dict(part.strip().partition("=")[::2] for part in sums)
    md5 = named.get("md5") or request.headers.get("content-md5")
    return Checksums(crc32c=named.get("crc32c"), md5=md5)


def number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Refused(Refusal.INVALID, f"not a number: {text}")
    return int(text)


def pieces(request: Request) -> Iterator[bytes]:
    """The body in pieces of 256 KiB, the last shorter: what of it is kept when the
    connection breaks. ConnectionError where it ends too early."""
    until_cut, seen = request.environ.get(_CUT_AFTER), 0
    while piece := _piece(request):
        seen += len(piece)
        if until_cut is not None and seen > until_cut:
            drop(connection_of(request))
        yield piece


def _piece(request: Request) -> bytes:
    piece = b""
    try:
        while left := PIECE_BYTES - len(piece):
            more = request.stream.read(left)
            if not more:
                break
            piece += more
    except (ClientDisconnected, OSError) as error:
        raise ConnectionAbortedError from error
    return piece


def parts(request: Request) -> Iterator[tuple[str, bytes]]:
    """Type and content of each part of a multipart/related body."""
    _, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get("boundary", "").encode()
    whole = b"\r\n" + b"".join(pieces(request))
    for part in whole.split(b"\r\n--" + boundary)[1:-1]:
        head, found, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        kind = re.search(rb"(?im)^content-type: *(.+?)\r?$", head)
        if not found or not boundary or not kind:
            raise Refused(Refusal.INVALID, "Malformed multipart body")
        yield kind[1].decode("latin-1"), content


def under_faults(
    plan: FaultPlan, place: Place, request: Request, work: Callable[[], Response]
) -> Response:
    """Do the work, or break it the way that was asked for."""
    fault = plan.take(place)
    if fault is None:
        return work()
    match fault.kind:
        case Kind.SILENT:
            hold(connection_of(request))
        case Kind.CUT_AFTER:
            work()
            drop(connection_of(request))
        case Kind.CUT:
            return _cut_halfway(place, request, work)
        case kind:
            raise Refused(Refusal.BACKEND, status=int(kind))
    raise AssertionError("hold and drop don't return")


def _cut_halfway(
    place: Place, request: Request, work: Callable[[], Response]
) -> Response:
    connection = connection_of(request)
    if place is Place.UPLOAD and request.content_length:
        request.environ[_CUT_AFTER] = request.content_length // 2
        return work()
    if place is not Place.DOWNLOAD:
        drop(connection)
    response = work()
    whole: Any = response.get_data()

    def half() -> Iterator[bytes]:
        yield whole[: len(whole) // 2]
        drop(connection)

    response.response = half()
    response.content_length = len(whole)
    return response

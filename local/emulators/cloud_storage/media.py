"""Transfers an object's bytes over HTTP, in the same way for both APIs."""

from collections.abc import Callable, Iterator, Mapping

from werkzeug import Request, Response
from werkzeug.exceptions import ClientDisconnected, RequestedRangeNotSatisfiable

from local.emulators.cloud_storage.errors import Refusal, Refused
from local.emulators.cloud_storage.objects import IDENTITY, ObjectStore, StoredObject
from local.fault_kinds import Kind, Place
from local.faults import FaultPlan
from local.http_server import connection_of, drop, half_of

PIECE_BYTES = 256 * 1024
_CUT_AFTER = "local.cut_after_bytes"


def download(store: ObjectStore, name: str, request: Request) -> Response:
    """200, 206, 304, 412 or 416, depending on Range and the conditional headers."""
    stored, content = store.read(name, number(request.args.get("generation")))
    response = Response(content, content_type=stored.content_type)
    response.headers.extend(version_headers(stored))
    if stored.content_encoding != IDENTITY:
        # Cloud Storage would unpack it for a client that doesn't accept it.
        response.content_encoding = stored.content_encoding
    if request.range and not content:  # werkzeug would answer 200
        raise RequestedRangeNotSatisfiable(0)
    return response.make_conditional(
        request, accept_ranges=True, complete_length=len(content)
    )


def version_headers(stored: StoredObject) -> Mapping[str, str]:
    """Headers with which the client libraries verify a transfer."""
    return {
        "ETag": f'"{stored.generation}"',
        "Cache-Control": "private, max-age=0",
        "x-goog-generation": str(stored.generation),
        "x-goog-hash": f"crc32c={stored.crc32c}",
        "x-goog-stored-content-length": str(stored.size_bytes),
        "x-goog-stored-content-encoding": stored.content_encoding,
    }


def number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Refused(Refusal.INVALID, f"not a number: {text}")
    return int(text)


def pieces(request: Request) -> Iterator[bytes]:
    """The body in pieces of 256 KiB, of which the last may be shorter.

    If the connection breaks, only whole pieces are kept. Raises ConnectionError if the
    body ends too early.
    """
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


def under_faults(
    plan: FaultPlan, place: Place, request: Request, work: Callable[[], Response]
) -> Response:
    """Do the work, or fail as the injected fault says."""
    fault, connection = plan.take(place), connection_of(request)
    if fault is None:
        return work()
    match fault.kind:
        case Kind.CUT_AFTER:
            work()
            drop(connection)
        case Kind.CUT if place is Place.UPLOAD and request.content_length:
            request.environ[_CUT_AFTER] = request.content_length // 2
            return work()
        case Kind.CUT if place is Place.DOWNLOAD:
            return half_of(work(), lambda: drop(connection))
        case Kind.CUT:
            drop(connection)
    raise Refused(Refusal.BACKEND, status=int(fault.kind))

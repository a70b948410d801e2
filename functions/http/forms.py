"""Parses multipart forms in memory, with limits where werkzeug has none."""

from collections.abc import Iterator, Mapping

from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    Preamble,
)

from functions.http.receiving import PIECE_BYTES
from shared.domain.errors import FieldError, InvalidRequest, Malformed, TooLarge

MAX_PARTS = 50
# Parsing time is quadratic in the size of a part's headers: a file name of 1 MB took
# two seconds.
MAX_HEAD_BYTES = 8 * 1024
MAX_PREAMBLE_BYTES = 1024
MAX_BOUNDARY_LENGTH = 200
# Of an unfinished element.
MAX_BUFFERED_BYTES = PIECE_BYTES + MAX_BOUNDARY_LENGTH


class BoundedDecoder(MultipartDecoder):
    """RequestEntityTooLarge for headers or a preamble longer than any client sends."""

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, Preamble) and len(event.data) > MAX_PREAMBLE_BYTES:
            raise RequestEntityTooLarge
        if isinstance(event, NeedData) and len(self.buffer) > MAX_BUFFERED_BYTES:
            raise RequestEntityTooLarge
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        if len(data) > MAX_HEAD_BYTES:
            raise RequestEntityTooLarge
        # Files' names, which are not used, may be in any encoding.
        return super()._parse_headers(data.decode(errors="replace").encode())


def read_form(request: Request) -> Mapping[str, str | bytes]:
    """By name: fields as str, files as bytes.

    Raises Malformed or TooLarge, and InvalidRequest if a name occurs twice.
    """
    parts: dict[str, tuple[bool, bytearray]] = {}
    content = bytearray()
    try:
        for event in _events(request):
            if isinstance(event, Field | File):
                if not isinstance(event.name, str):  # None, whatever its type says
                    raise Malformed("a part without a name")
                if event.name in parts:
                    raise InvalidRequest(
                        (FieldError(field=event.name, reason="given_twice"),)
                    )
                content = bytearray()
                parts[event.name] = (isinstance(event, File), content)
            elif isinstance(event, Data):
                content += event.data
        return {
            name: bytes(data) if is_file else data.decode()
            for name, (is_file, data) in parts.items()
        }
    except RequestEntityTooLarge as error:
        raise TooLarge from error
    except ValueError as error:
        raise Malformed(type(error).__name__) from error


def _events(request: Request) -> Iterator[Event]:
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1")
    if not 0 < len(boundary) <= MAX_BOUNDARY_LENGTH:
        raise ValueError("no boundary")
    decoder = BoundedDecoder(boundary, max_parts=MAX_PARTS)
    event: Event = NeedData()
    while not isinstance(event, Epilogue):
        decoder.receive_data(request.stream.read(PIECE_BYTES) or None)
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            yield event

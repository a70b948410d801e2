"""A multipart form in memory, with bounds on what werkzeug leaves unbounded."""

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

MOST_PARTS = 50
# Time grows with the square of a part's head: 1 MB of file name took two seconds.
MOST_HEAD_BYTES = 8 * 1024
MOST_PREAMBLE_BYTES = 1024
LONGEST_BOUNDARY = 200


class BoundedDecoder(MultipartDecoder):
    """RequestEntityTooLarge for a head or a preamble that is no client's."""

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, Preamble) and len(event.data) > MOST_PREAMBLE_BYTES:
            raise RequestEntityTooLarge
        if isinstance(event, NeedData) and len(self.buffer) > self._most_waiting():
            raise RequestEntityTooLarge
        return event

    def _most_waiting(self) -> int:
        """Bytes that may wait for the end of what they are part of."""
        match self.state.name:
            case "PREAMBLE":
                return MOST_PREAMBLE_BYTES + LONGEST_BOUNDARY
            case "PART":
                return MOST_HEAD_BYTES
            case _:
                return PIECE_BYTES + LONGEST_BOUNDARY

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        if len(data) > MOST_HEAD_BYTES:
            raise RequestEntityTooLarge
        return super()._parse_headers(data)


def read_form(request: Request) -> Mapping[str, str | bytes]:
    """Texts and files by name; Malformed, TooLarge, InvalidRequest for a name twice."""
    parts: dict[str, tuple[bool, bytearray]] = {}
    content = bytearray()
    try:
        for event in _events(request):
            if isinstance(event, Field | File):
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
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise ValueError("no boundary")
    decoder = BoundedDecoder(boundary, max_parts=MOST_PARTS)
    event: Event = NeedData()
    while not isinstance(event, Epilogue):
        decoder.receive_data(request.stream.read(PIECE_BYTES) or None)
        while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
            yield event

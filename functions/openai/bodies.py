"""How OpenAI's clients send what they ask for: a form with a file, or JSON; headers."""

from collections.abc import Mapping
from typing import Any

from flask import Request

from functions.http.bodies import (
    LARGEST_REQUEST_BYTES,
    read_object,
)
from shared.domain.request import ClientRetry

MOST_PARTS = 50
REFERENCE = "input_reference"
# The client writes an object into a form as `input_reference[image_url]`.
_INSIDE = f"{REFERENCE}["


def read_asked(request: Request) -> Mapping[str, Any]:
    """A form's fields or a JSON object's; a file is its bytes.

    As large as any request may be: an image inside may have 16 MB, in base64 22.
    """
    if request.mimetype != "multipart/form-data":
        return read_object(request, most_bytes=LARGEST_REQUEST_BYTES)
    request.max_form_memory_size = LARGEST_REQUEST_BYTES
    request.max_form_parts = MOST_PARTS
    return _form(request)


def read_sending(request: Request) -> ClientRetry:
    """AGAIN where the client says that it sent this before, else FIRST.

    Who says nothing of a first sending may still say it of the next.
    """
    count = request.headers.get("x-stainless-retry-count", "")
    is_number = count.isascii() and count.isdigit()
    return ClientRetry.AGAIN if is_number and count.strip("0") else ClientRetry.FIRST


def _form(request: Request) -> Mapping[str, Any]:
    texts = {n: t for n, t in request.form.items() if not n.startswith(_INSIDE)}
    inside = {
        name.removeprefix(_INSIDE).removesuffix("]"): text
        for name, text in request.form.items()
        if name.startswith(_INSIDE)
    }
    reference = {REFERENCE: inside} if inside else {}
    files = {name: file.read() for name, file in request.files.items()}
    return texts | reference | files

"""Every error of the libraries is mapped to one of ours; a bug stays a bug."""

import inspect
import io
import weakref
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

import google.api_core.exceptions
import google.auth.exceptions
import google.cloud.storage.exceptions
import pytest
import requests
import urllib3.exceptions

from shared.domain.errors import LostRace, Unreachable
from shared.gcp import storage_calls, task_queue
from shared.gcp.storage_calls import limits, storage_errors

# It is only partly typed.
API_ERRORS: Any = google.api_core.exceptions
OF_GOOGLE = (google.api_core.exceptions, google.auth.exceptions)
OF_STORAGE = (google.cloud.storage.exceptions, requests.exceptions, urllib3.exceptions)
# These would be bugs of ours.
NOT_MAPPED = {
    "InvalidPathError",
    "AsyncRestUnsupportedParameterError",
    "ProxySchemeUnsupported",
}


def exceptions_of(module: ModuleType) -> list[type[Exception]]:
    return [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize(
    ("table", "modules"),
    [(task_queue.ERRORS, OF_GOOGLE), (storage_calls.ERRORS, OF_GOOGLE + OF_STORAGE)],
    ids=["tasks", "storage"],
)
def test_every_error_of_the_libraries_is_mapped(
    table: Sequence[tuple[type[Exception], object]], modules: Sequence[ModuleType]
) -> None:
    listed = tuple(theirs for theirs, _ in table)
    kinds = [exceptions_of(module) for module in modules]

    assert all(kinds)
    missing = {
        kind.__name__ for of in kinds for kind in of if not issubclass(kind, listed)
    }
    assert missing <= NOT_MAPPED


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (API_ERRORS.PreconditionFailed("x"), LostRace),
        (API_ERRORS.ServiceUnavailable("x"), Unreachable),
        (API_ERRORS.RetryError("x", ValueError()), Unreachable),
        (google.auth.exceptions.TransportError("x"), Unreachable),
        (requests.ConnectionError(), Unreachable),
        (ConnectionResetError(), Unreachable),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_mapped_to_ours(error: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours) as caught, storage_errors("a test"):
        raise error

    assert caught.value.__cause__ is error


def test_a_bug_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), storage_errors("a test"):
        raise ZeroDivisionError


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_failed_calls_frames_are_freed_without_garbage_collection() -> None:
    """Google's retries refer to the error, and the error to them."""

    def fail() -> None:
        try:
            raise ConnectionResetError
        except ConnectionResetError as error:
            raise API_ERRORS.NotFound("x") from error

    def caller(image: io.BytesIO) -> int:
        with suppress(Unreachable), storage_errors("a test"):
            limits()["retry"](fail)()
        return image.tell()

    image = io.BytesIO(b"of megabytes")
    kept = weakref.ref(image)
    caller(image)
    del image

    assert kept() is None

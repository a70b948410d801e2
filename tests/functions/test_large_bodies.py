"""How many large bodies are held at once."""

import pytest
from flask import Flask, Request

from functions.http.receiving import LARGEST_BODY_BYTES, LargeBodies
from shared.domain.errors import Unavailable


def a_request(**environ: str) -> Request:
    app = Flask(__name__)
    with app.test_request_context(environ_overrides=environ) as context:
        return context.request


LARGE = a_request(CONTENT_LENGTH=str(LARGEST_BODY_BYTES + 1))
CHUNKED = a_request(HTTP_TRANSFER_ENCODING="chunked")
SMALL = a_request(CONTENT_LENGTH=str(LARGEST_BODY_BYTES))


@pytest.mark.parametrize("request_", [LARGE, CHUNKED], ids=["large", "of any length"])
def test_where_there_is_no_room_a_large_body_is_refused(request_: Request) -> None:
    large = LargeBodies(at_once=1, wait_seconds=0.01)

    with large.room_for(LARGE), pytest.raises(Unavailable), large.room_for(request_):
        pass


def test_a_small_body_needs_no_room() -> None:
    large = LargeBodies(at_once=1, wait_seconds=0.01)

    with large.room_for(LARGE), large.room_for(SMALL), large.room_for(a_request()):
        pass


def test_the_room_is_free_again_however_it_ended() -> None:
    large = LargeBodies(at_once=1, wait_seconds=0.01)

    with pytest.raises(KeyError), large.room_for(LARGE):
        raise KeyError

    with large.room_for(LARGE):
        pass

"""What functions-framework answers by itself, and how a function answers it instead."""

from collections.abc import Callable

import flask
from flask import Request, Response

# Its name for "whatever the path, call the function".
CALLS_US = "run"


def install_catch_all(function: Callable[[Request], Response]) -> None:
    """Where the framework starts `function`: every request that it gets is for it.

    Else /favicon.ico, /robots.txt, /static/… and a line break in a path meet the
    framework's own 404, in HTML. It reads main.py inside an app that has the name of
    its target; outside of one this does nothing.
    """
    if not flask.has_app_context() or flask.current_app.name != function.__name__:
        return
    # A doubled slash is not there for us, and no redirect.
    flask.current_app.url_map.merge_slashes = False

    @flask.current_app.before_request
    def answer() -> Response | None:
        if flask.request.endpoint == CALLS_US:
            return None
        return function(flask.request)

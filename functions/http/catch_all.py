"""Routes requests to the function that functions-framework would answer itself."""

from collections.abc import Callable

import flask
from flask import Request, Response

# The name of the framework's Flask endpoint that calls the function.
FUNCTION_ENDPOINT = "run"


def install_catch_all(function: Callable[[Request], Response]) -> None:
    """Make `function` answer every request of the app that the framework starts for it.

    Otherwise /favicon.ico, /robots.txt, /static/… and paths with a line break get the
    framework's own 404, in HTML. The framework imports main.py inside an app that has
    the target's name; anywhere else this does nothing.
    """
    if not flask.has_app_context() or flask.current_app.name != function.__name__:
        return
    # A doubled slash is a 404, not a redirect.
    flask.current_app.url_map.merge_slashes = False

    @flask.current_app.before_request
    def answer() -> Response | None:
        if flask.request.endpoint == FUNCTION_ENDPOINT:
            return None
        return function(flask.request)

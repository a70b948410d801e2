"""What a function does when the framework starts it, before its first request."""

import flask

from shared import wiring


def refuse_wrong_settings() -> None:
    """NotConfigured ends the start, so the release before goes on serving.

    The framework reads main.py inside an app. Outside of one, as in tests, nothing is
    about to be served.
    """
    if flask.has_app_context():
        wiring.require_settings()

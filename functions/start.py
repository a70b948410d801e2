"""What a function does when the framework starts it, up to its first answer."""

import gc

import flask

from shared import wiring


def refuse_wrong_settings() -> None:
    """NotConfigured ends the start, so the release before goes on serving.

    The framework reads main.py inside an app. Outside of one, as in tests, nothing is
    about to be served.
    """
    if flask.has_app_context():
        wiring.require_settings()


def collect_garbage_from_the_first_answer() -> None:
    """While modules are imported, at the start and by the first request, the collector
    would run for every few hundred new objects: a sixth of a cold start's CPU time.
    """
    if flask.has_app_context():
        flask.current_app.teardown_request(_collect_garbage)
    else:
        _collect_garbage()


def _collect_garbage(_error: BaseException | None = None) -> None:
    """Once; what exists by then is never scanned again.

    After that it runs for every 10,000 new objects: seldom, and yet before the memory
    is full, since vendors' SDKs leave an image of megabytes in a few hundred objects.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()

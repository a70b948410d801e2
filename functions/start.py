"""What a function does when the framework starts it, before its first request."""

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
    """Until then, with each few hundred objects that are imported, looking for garbage
    among them would be a sixth of a cold start's CPU time.
    """
    if flask.has_app_context():
        flask.current_app.teardown_request(_collect_garbage)
    else:
        _collect_garbage()


def _collect_garbage(_error: BaseException | None = None) -> None:
    """What there is by now is never looked at again. The rest is each time that 10,000
    objects were added: seldom, and before clients and vendors' SDKs, which leave an
    image of megabytes among a few hundred objects, have filled the memory.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()

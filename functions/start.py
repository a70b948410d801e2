"""What a function does at startup: validates its settings, and postpones the GC."""

import gc

import flask

from shared.wiring import process


def require_valid_settings() -> None:
    """NotConfigured aborts the start, so the previous release keeps serving.

    The framework imports main.py inside a Flask app context. Without one, as in tests,
    there is no server to stop, and the settings are not checked.
    """
    if flask.has_app_context():
        process.require_settings()


def enable_gc_after_first_response() -> None:
    """Turns the garbage collector on again once the first request has been answered.

    While modules are imported, at startup and by the first request, it would run after
    every few hundred new objects, which is a sixth of a cold start's CPU time.
    """
    if flask.has_app_context():
        flask.current_app.teardown_request(_enable_gc)
    else:
        _enable_gc()


def _enable_gc(_error: BaseException | None = None) -> None:
    """Takes effect once; objects that exist by then are never scanned again.

    From then on the collector runs after every 10,000 new objects: rarely, but before
    memory runs out, since vendors' SDKs leave garbage in which a few hundred objects
    hold an image of megabytes.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()

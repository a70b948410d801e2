"""What a function does when the framework starts it, before its first request."""

import gc

import flask

from shared import wiring

# A start and its first request add 150,000 to 200,000 objects, and leave no garbage.
_OBJECTS_OF_A_START = 250_000
_USUAL_THRESHOLDS = gc.get_threshold()


def refuse_wrong_settings() -> None:
    """NotConfigured ends the start, so the release before goes on serving.

    The framework reads main.py inside an app. Outside of one, as in tests, nothing is
    about to be served.
    """
    if flask.has_app_context():
        wiring.require_settings()


def put_off_garbage_collection() -> None:
    """Until the process has started: otherwise Python looks at what was imported each
    time that 700 objects were added, which is a sixth of a cold start's CPU time.

    From the first collection on, its own thresholds hold again.
    """

    def collect_as_usual(_phase: str, _info: object) -> None:
        gc.callbacks.remove(collect_as_usual)
        gc.set_threshold(*_USUAL_THRESHOLDS)

    gc.set_threshold(_OBJECTS_OF_A_START)
    gc.callbacks.append(collect_as_usual)

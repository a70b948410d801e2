"""Shorter limits, so that a test which waits for a lease need not wait 90 s for it."""

import sys
from datetime import timedelta
from pathlib import Path

QUICK_ROOT = Path(__file__).with_name("quick.py")


def scale_limits(scale: float) -> None:
    """Multiply every limit by `scale`, which keeps the order between them.

    Comes before anything that imports the limits by their names: before `main`.
    """
    assert "main" not in sys.modules
    from shared.domain import timing
    from shared.providers import paid_post

    for name, value in vars(timing).items():
        if isinstance(value, timedelta):
            setattr(timing, name, value * scale)
    paid_post.CONNECT_SECONDS *= scale
    paid_post.READ_SECONDS *= scale


def shorten_pauses_of_webhooks() -> None:
    """A day of pauses in seconds: as many, and all of them short."""
    from shared.domain import webhook

    webhook.PAUSES = [timedelta(seconds=2)] * len(webhook.PAUSES)

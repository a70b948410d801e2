"""Scales all limits, so that a test need not wait 90 s for a lease."""

import sys
from datetime import timedelta
from pathlib import Path

QUICK_ROOT = Path(__file__).with_name("quick.py")


def scale_limits(scale: float) -> None:
    """Multiply every limit by `scale`, which preserves their order.

    Must be called before anything imports the limits by name, and so before `main`.
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
    """Make each pause two seconds, so that a day of retries takes seconds."""
    from shared.domain import webhook

    webhook.RETRY_DELAYS = [timedelta(seconds=2)] * len(webhook.RETRY_DELAYS)

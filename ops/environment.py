"""What the commands read: the environment, and beneath it a developer's `.env`."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = Path(__file__).resolve().parent.parent / ".env"


def environment() -> Mapping[str, str]:
    """The environment wins over `.env`, which git ignores (see .env.example)."""
    kept = dotenv_values(ENV_FILE, interpolate=False)
    return {k: v for k, v in kept.items() if v is not None} | dict(os.environ)

"""The commands' settings: environment variables, with `.env` as a fallback."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = Path(__file__).resolve().parent.parent / ".env"


def environment() -> Mapping[str, str]:
    """Environment variables override `.env`, which git ignores (see .env.example)."""
    from_file = dotenv_values(ENV_FILE, interpolate=False)
    return {k: v for k, v in from_file.items() if v is not None} | dict(os.environ)

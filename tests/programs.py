"""Stand-ins for programs: shell scripts in a folder that a test puts on the PATH."""

from collections.abc import Mapping
from pathlib import Path


def put_programs(folder: Path, programs: Mapping[str, str]) -> None:
    """Write an executable script per name."""
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

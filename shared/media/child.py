"""The child process: `child.py KIND CPU_SECONDS MEMORY_BYTES OUTPUT_BYTES`.

Reads an image or a video from standard input and writes the line `ready`, a line of
JSON (what it found, or `{"bad": why, "fault": …}`) and the bytes of a JPEG: the image,
or the video's first frame.
"""

import json
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def limit(cpu_seconds: int, memory_bytes: int, output_bytes: int) -> None:
    """From here on, the kernel ends this process where it takes more."""
    for kind, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, output_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    # Whoever serves requests beside it goes first.
    os.nice(5)


def answer(kind: str) -> tuple[dict[str, Any], bytes]:
    """Imports what it needs before it says `ready`: a failure there is our own."""
    if kind == "image":
        from shared.media.image import to_jpeg

        _write(b"ready\n")
        facts = asdict(to_jpeg(sys.stdin.buffer.read()))
        return facts, facts.pop("content")
    from shared.media.video import inspect

    _write(b"ready\n")
    file = open(sys.stdin.fileno(), "rb", closefd=False)  # noqa: SIM115 # stdin's own
    found = asdict(inspect(file, size_bytes=os.fstat(file.fileno()).st_size))
    return found, found.pop("poster")


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def main(kind: str, *numbers: str) -> None:
    limit(*map(int, numbers))
    sys.path.insert(0, str(ROOT))
    from shared.domain.errors import BadContent

    try:
        facts, content = answer(kind)
    except BadContent as error:
        facts, content = {"bad": str(error), "fault": error.fault}, b""
    _write(json.dumps(facts).encode() + b"\n" + content)


if __name__ == "__main__":
    main(*sys.argv[1:])

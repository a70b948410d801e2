"""`make lock`: pins the newest versions, with hashes, for every Python from 3.11.

pip before 23.3 treats `name` and `name[extra]` as two packages and wants a hash for
each, so a package that is locked with an extra is also listed without it.
"""

import re
import subprocess
import sys
from pathlib import Path

LOCKS = (
    "requirements",
    "requirements-dev",
    "requirements-uv",
    "local/emulators/requirements-java",
    "infra/requirements-checkov",
    "tests/e2e/requirements-litellm",
)
OPTIONS = [
    "--quiet",
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--no-strip-extras",
]


def main(*options: str) -> None:
    """Write every lock file. `options` are passed to uv, for example `--upgrade`."""
    for lock in LOCKS:
        output = Path(f"{lock}.txt")
        command = [sys.executable, "-m", "uv", "pip", "compile", f"{lock}.in"]
        subprocess.run(
            [*command, "--output-file", str(output), *OPTIONS, *options], check=True
        )
        output.write_text(with_plain_names(output.read_text()))


def with_plain_names(locked: str) -> str:
    """`locked`, with the same `name==…` after each `name[extra]==…`."""
    entries = re.findall(r"^\S.*?(?=^\S|\Z)", locked, re.DOTALL | re.MULTILINE)
    present = set(entries)
    plain = {entry: re.sub(r"^(\S+?)\[[^]]+\]", r"\1", entry) for entry in entries}
    return "".join(
        entry if plain[entry] in present else entry + plain[entry] for entry in entries
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

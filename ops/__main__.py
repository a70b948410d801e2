"""`python -m ops key | generation | admin`: a project's API keys, kill switch, admins.

`python -m local` takes the same commands. `python -m ops.deploy` is `make deploy`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ops import admins, generation, keys
from ops.environment import environment
from ops.operating import log_to_stderr

Environ = Callable[[], Mapping[str, str]]
Run = Callable[[argparse.Namespace, Mapping[str, str]], int]


def add_commands(commands: Any, environ: Environ = environment) -> None:
    """Add the commands to `commands`, which `add_subparsers` returned.

    Each sets `run`, a function of the parsed arguments that returns the exit code.
    """

    def add(name: str, about: str, run: Run) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, help=about)
        parser.set_defaults(run=lambda args: run(args, environ()))
        return parser

    keys.add_commands(add("key", "the API keys of a project", keys.run))
    about = "the kill switch of a project"
    generation.add_arguments(add("generation", about, generation.run))
    about = "the administrators of a project"
    admins.add_commands(add("admin", about, admins.run))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    add_commands(parser.add_subparsers(required=True))
    args = parser.parse_args(arguments)
    code: int = args.run(args)
    return code


if __name__ == "__main__":
    log_to_stderr()
    sys.exit(main(sys.argv[1:]))

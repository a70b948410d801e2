"""`python -m ops key | generation | admin`: what an operator does to a project.

FIRESTORE_EMULATOR_HOST, if set, names the emulator that they act on instead.
`python -m ops.deploy` is `make deploy`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from ops import admins, generation, keys
from ops.environment import environment
from shared import logs

Run = Callable[[argparse.Namespace, Mapping[str, str]], int]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    keys.add_commands(_add(commands, "key", "the API keys of a project", keys.run))
    about = "the kill switch of a project"
    generation.add_arguments(_add(commands, "generation", about, generation.run))
    about = "the administrators of a project"
    admins.add_commands(_add(commands, "admin", about, admins.run))
    return parser


def _add(commands: Any, name: str, about: str, run: Run) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about)
    parser.set_defaults(run=lambda asked: run(asked, environment()))
    return parser


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    # stdout is for answers.
    with redirect_stdout(sys.stderr):
        logs.configure()
    code: int = asked.run(asked)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

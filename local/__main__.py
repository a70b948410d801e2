"""`python -m local`: all of Reelay on one machine, and what an operator does.

`up`, `demo` and `token` are the local stack; `key`, `generation` and `admin` act on a
project.
"""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from local.emulators.firestore import NotInstalled
from local.identity import user_token
from local.processes import DidNotStart
from local.stack import PROJECT, ROOT, Stack, StackOptions
from ops import __main__ as operators
from ops.environment import environment
from shared import logs

PARTS = ("api", "web", "firestore", "storage", "tasks", "worker", "runway", "google")


def up(asked: argparse.Namespace) -> int:
    """Run the stack in the foreground; one JSON line when it is ready."""
    over = threading.Event()
    _on_end(over.set)
    options = StackOptions(
        environ=environment(),
        ports={part: getattr(asked, f"{part}_port") for part in PARTS},
        faults=asked.faults,
        seconds=asked.seconds,
        folder=asked.folder,
        firestore_memory=asked.firestore_memory,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    with Stack(options) as stack:
        print(json.dumps(stack.announcement()), flush=True)
        over.wait()
    return 0


def demo(asked: argparse.Namespace) -> int:
    from local.demo import DemoOptions, run

    _on_end(_interrupt)
    options = DemoOptions(
        image=asked.image,
        prompt=asked.prompt,
        model=asked.model,
        duration_seconds=asked.duration,
        faults=asked.faults,
        environ=environment(),
        folder=ROOT / "out",
    )
    return run(options)


def token(asked: argparse.Namespace) -> int:
    project = environment().get("GOOGLE_CLOUD_PROJECT") or PROJECT
    now = datetime.now(UTC)
    print(user_token(project, asked.user, admin=asked.admin, now=now))
    return 0


def _on_end(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: act())


def _interrupt() -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    starting = commands.add_parser("up", help="start the stack, until SIGTERM")
    for part in PARTS:
        starting.add_argument(f"--{part}-port", type=int, default=0)
    starting.add_argument("--faults", default="", help="providers that fail, by commas")
    starting.add_argument("--seconds", type=float, default=6.0, help="a generation")
    starting.add_argument("--folder", type=Path, help="keep files and logs here")
    starting.add_argument("--firestore-memory", default="256m", help="Java's heap")
    starting.set_defaults(run=up)
    showing = commands.add_parser("demo", help="one image becomes a video")
    showing.add_argument("--image", type=Path, default=ROOT / "local/raccoon.jpg")
    showing.add_argument("--prompt", default="")
    showing.add_argument("--model", default="auto")
    showing.add_argument("--duration", type=int, default=8)
    showing.add_argument("--faults", default="")
    showing.set_defaults(run=demo)
    making = commands.add_parser("token", help="a token that the local api takes")
    making.add_argument("user")
    making.add_argument("--admin", action="store_true")
    making.set_defaults(run=token)
    operators.add_commands(commands)
    return parser


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except (NotInstalled, DidNotStart) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    # stdout is for answers.
    with redirect_stdout(sys.stderr):
        logs.configure()
    sys.exit(main(sys.argv[1:]))

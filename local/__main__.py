"""`python -m local`: all of Reelay on one machine.

`up`, `dev`, `demo` and `token` are the local stack. `key`, `generation` and `admin` are
those of `python -m ops`: they act on a project, or on the emulator that is named in
FIRESTORE_EMULATOR_HOST.
"""

import argparse
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.demo.options import (
    DemoOptions,
    Refused,
    checked,
    refused_faults,
    wrong_faults,
)
from local.emulators.firestore import NotInstalled
from local.processes import DidNotStart

# What is heavy is imported by the command that needs it: a wrong option is refused at
# once.
OPERATORS = ("key", "generation", "admin")
PORTS = ("api", "web", "firestore", "storage", "tasks", "worker", "runway", "google")
DEMO_OPTIONS = (
    *("image", "last_image", "prompt", "model"),
    *("duration", "ratio", "faults", "resume", "yes"),
)


def up(asked: argparse.Namespace) -> int:
    """Run the stack in the foreground; one JSON line when it is ready."""
    wrong = [f"--faults: {each}" for each in wrong_faults(asked.faults)]
    if not 0 <= asked.seconds < math.inf:
        wrong.append("--seconds: a generation takes 0 seconds or more.")
    if wrong:
        raise Refused("\n".join(wrong))
    from local.stack import Stack, StackOptions
    from ops.environment import environment

    over = threading.Event()
    _on_end(over.set)
    options = StackOptions(
        environ=environment(),
        ports={part: getattr(asked, f"{part}_port") for part in PORTS},
        faults=asked.faults,
        seconds=asked.seconds,
        folder=asked.folder,
        firestore_memory=asked.firestore_memory,
        say=_say,
    )
    stack = Stack(options)
    _say(stack.money)
    with stack:
        print(json.dumps(stack.announcement()), flush=True)
        over.wait()
    return 0


def dev(asked: argparse.Namespace) -> int:
    """The stack on stable ports, with a list of its addresses, until Ctrl-C."""
    from local.dev import first_port, run
    from ops.environment import environment

    port, environ = first_port(asked.port), environment()
    if wrong := list(refused_faults(environ, asked.faults)):
        raise DidNotStart("\n".join(wrong))
    over = threading.Event()
    _on_end(over.set)
    run(environ, first_port=port, faults=asked.faults, over=over)
    return 0


def demo(asked: argparse.Namespace) -> int:
    """One image becomes a video, live."""
    from ops.environment import environment

    given = {name: getattr(asked, name) for name in DEMO_OPTIONS}
    options = DemoOptions(environ=environment(), **given)
    wanted = None if options.resume else checked(options)

    from local.demo.run import Demo

    _on_end(_interrupt)
    running = Demo(environ=options.environ, asked=wanted, job_id=options.resume)
    return running.run()


def token(asked: argparse.Namespace) -> int:
    """Print a token that every running local stack of this checkout takes."""
    from local.identity import user_token
    from local.stack import PROJECT
    from ops.environment import environment

    project = environment().get("GOOGLE_CLOUD_PROJECT") or PROJECT
    now = datetime.now(UTC)
    print(user_token(project, asked.user, admin=asked.admin, now=now))
    return 0


def cast(asked: argparse.Namespace) -> int:
    """Make the README's pictures of the demo."""
    from local.cast import make

    make(asked.folder)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _on_end(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: act())


def _interrupt() -> None:
    raise KeyboardInterrupt


def _parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        about = (run.__doc__ or "").splitlines()[0]
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=run)
        return made

    starting = command("up", up)
    for part in PORTS:
        about = f"port of {part}; 0 picks a free one"
        starting.add_argument(f"--{part}-port", type=int, default=0, help=about)
    starting.add_argument(
        "--faults", default="", help="comma-separated providers that fail"
    )
    starting.add_argument(
        "--seconds", type=float, default=6.0, help="seconds a generation takes"
    )
    starting.add_argument("--folder", type=Path, help="keep files and logs here")
    starting.add_argument("--firestore-memory", default="256m", help="Java's heap")
    about = "the first of the stable ports"
    developing = command("dev", dev)
    developing.add_argument("--port", default="8700", help=about)
    given, about = os.environ.get("FAULTS", ""), "or FAULTS in the environment"
    developing.add_argument("--faults", default=given, help=about)
    showing = command("demo", demo)
    for name in DEMO_OPTIONS:
        # `make demo` passes them in the environment, where nothing expands them.
        given = os.environ.get(name.upper(), "")
        about = f"or {name.upper()} in the environment"
        showing.add_argument(f"--{name}", default=given, help=about)
    making = command("token", token)
    making.add_argument("user")
    making.add_argument("--admin", action="store_true", help="with the claim `admin`")
    about = "where the pictures go"
    casting = command("cast", cast)
    casting.add_argument("--folder", type=Path, default=Path("docs/images"), help=about)
    if not set(arguments) - {"-h", "--help"} or arguments[0] in OPERATORS:
        from ops.__main__ import add_commands

        add_commands(commands, _environment_of_operators)
    return parser


def _environment_of_operators() -> Mapping[str, str]:
    """With the local stack's signing secret, where the emulator is meant."""
    from local.identity import LocalIdentity
    from local.stack import PROJECT
    from ops.environment import environment
    from ops.operating import EMULATOR
    from ops.webhooks import SIGNING_SECRET

    environ = environment()
    if not environ.get(EMULATOR):
        return environ
    identity = LocalIdentity.of_checkout(PROJECT)
    return {SIGNING_SECRET: identity.signing_secret, **environ}


def main(arguments: Sequence[str]) -> int:
    asked = _parser(arguments).parse_args(arguments)
    # By default gRPC also prints, between our lines, that a server has ended.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        if arguments[0] in OPERATORS:
            from ops.operating import log_to_stderr

            log_to_stderr()
        code: int = asked.run(asked)
    except (Refused, NotInstalled, DidNotStart) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m local`: all of Reelay on one machine.

`up`, `dev`, `demo` and `token` are for the local stack. `key`, `generation` and `admin`
are those of `python -m ops`: they act on a project, or on the emulator that
FIRESTORE_EMULATOR_HOST names.
"""

import argparse
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from local.demo.options import (
    DemoError,
    DemoOptions,
    refused_faults,
    validated,
    wrong_faults,
)
from local.emulators.firestore import NotInstalled
from local.processes import PARTS, DidNotStart, bypass_proxies

# Each command imports what is heavy itself, so that a wrong option is refused at once.
OPERATORS = ("key", "generation", "admin")
DEMO_OPTIONS = [each.name for each in fields(DemoOptions) if each.name != "environ"]


def up(args: argparse.Namespace) -> int:
    """Run the stack in the foreground; print one JSON line when it is ready."""
    wrong = [f"--faults: {each}" for each in wrong_faults(args.faults)]
    if not 0 <= args.seconds < math.inf:
        wrong.append("--seconds: a generation takes 0 seconds or more.")
    if wrong:
        raise DemoError("\n".join(wrong))
    from local.stack import Stack, StackOptions
    from ops.environment import environment

    _end_as_by_ctrl_c()
    options = StackOptions(
        environ=environment(),
        ports={part: getattr(args, f"{part}_port") for part in PARTS},
        faults=args.faults,
        seconds=args.seconds,
        folder=args.folder,
        say=lambda part: _say(f"starting {part}"),
    )
    stack = Stack(options)
    _say(stack.money)
    with suppress(KeyboardInterrupt), stack:
        print(json.dumps(stack.announcement()), flush=True)
        threading.Event().wait()
    return 0


def dev(args: argparse.Namespace) -> int:
    """Run the stack on stable ports, and list its addresses, until Ctrl-C."""
    from local.dev import first_port, run
    from ops.environment import environment

    port, environ = first_port(args.port), environment()
    if wrong := list(refused_faults(environ, args.faults)):
        raise DidNotStart("\n".join(wrong))
    _end_as_by_ctrl_c()
    try:
        run(environ, first_port=port, faults=args.faults)
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


def demo(args: argparse.Namespace) -> int:
    """Turn an image into a video, and show it live."""
    from ops.environment import environment

    given = {name: getattr(args, name) for name in DEMO_OPTIONS}
    options = DemoOptions(environ=environment(), **given)
    request = None if options.resume else validated(options)

    from local.demo.run import Demo

    _end_as_by_ctrl_c()
    running = Demo(environ=options.environ, request=request, job_id=options.resume)
    return running.run()


def token(args: argparse.Namespace) -> int:
    """Print a token for the local stacks of this checkout and GOOGLE_CLOUD_PROJECT."""
    from local.identity import user_token
    from local.stack import PROJECT
    from ops.environment import environment
    from shared.domain.user_id import is_user_id

    if not is_user_id(args.user):
        raise DemoError("A user id is 1 to 128 characters without a slash.")
    project = environment().get("GOOGLE_CLOUD_PROJECT") or PROJECT
    print(user_token(project, args.user, admin=args.admin))
    return 0


def cast(args: argparse.Namespace) -> int:
    """For maintainers: make the README's images of the demo."""
    from local.cast import make

    make(args.folder)
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end_as_by_ctrl_c() -> None:
    """Even where a shell's "&" has it ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


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
        summary = (run.__doc__ or "").splitlines()[0]
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    def from_environment(to: argparse.ArgumentParser, option: str) -> None:
        """An option whose default is the environment variable of its name."""
        variable = option.removeprefix("--").replace("-", "_").upper()
        default = os.environ.get(variable, "")
        to.add_argument(option, default=default, help=f"default: ${variable}")

    up_parser = command("up", up)
    for part in PARTS:
        text = f"port of {part}; 0 picks a free one"
        up_parser.add_argument(f"--{part}-port", type=int, default=0, help=text)
    text = "comma-separated providers that fail"
    up_parser.add_argument("--faults", default="", help=text)
    text = "seconds that a generation takes"
    up_parser.add_argument("--seconds", type=float, default=6.0, help=text)
    up_parser.add_argument("--folder", type=Path, help="keep files and logs here")
    dev_parser = command("dev", dev)
    dev_parser.add_argument("--port", default="8700", help="the first port (8700)")
    from_environment(dev_parser, "--faults")
    demo_parser = command("demo", demo)
    for name in DEMO_OPTIONS:
        # `make demo` passes them in the environment, where nothing expands them.
        from_environment(demo_parser, f"--{name.replace('_', '-')}")
    token_parser = command("token", token)
    token_parser.add_argument("user")
    text = "with the claim `admin`"
    token_parser.add_argument("--admin", action="store_true", help=text)
    cast_parser = command("cast", cast)
    images = Path("docs/images")
    cast_parser.add_argument(
        "--folder", type=Path, default=images, help="for the images"
    )
    if not set(arguments) - {"-h", "--help"} or arguments[0] in OPERATORS:
        from ops.__main__ import add_commands

        add_commands(commands, _environment_of_operators)
    return parser


def _environment_of_operators() -> Mapping[str, str]:
    """The environment, plus the local stack's signing secret for the emulator."""
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
    args = _parser(arguments).parse_args(arguments)
    bypass_proxies()
    # Otherwise gRPC also prints, between our lines, that a server has ended.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    try:
        if arguments[0] in OPERATORS:
            from ops.operating import log_to_stderr

            log_to_stderr()
        code: int = args.run(args)
    except (DemoError, NotInstalled, DidNotStart) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Knows how a simulator is run as a program: its options, its one line, its end."""

import argparse
import json
import signal
import threading

from local.simulators.faults import parse_faults
from local.simulators.server import SimulatorServer
from local.simulators.studio import Pace


def command_line(description: str) -> argparse.ArgumentParser:
    """The options that all simulators have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--faults",
        type=parse_faults,
        default=[],
        help="LINK, LINK:KIND, LINK:PLACE:KIND, with *TIMES after it; commas between",
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="per generation")
    parser.add_argument("--speed", type=float, default=1.0, help="divides --seconds")
    parser.add_argument("--scale", type=float, default=1.0, help="of the pixel size")
    parser.add_argument(
        "--concurrent", type=int, default=20, help="at once, per vendor"
    )
    parser.add_argument(
        "--cache", action="store_true", help="render equal orders only once"
    )
    return parser


def pace_of(asked: argparse.Namespace) -> Pace:
    return Pace(
        seconds=asked.seconds / asked.speed,
        concurrent=asked.concurrent,
        cached=asked.cache,
        scale=asked.scale,
    )


def serve(server: SimulatorServer) -> None:
    """Prints `{"ready": true, "address": …}` and returns after SIGTERM or SIGINT."""
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    with server:
        print(json.dumps({"ready": True, "address": server.address}), flush=True)
        asked_to_end.wait()

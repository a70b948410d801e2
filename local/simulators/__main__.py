"""`python -m local.simulators runway` or `google`: serves until SIGTERM or SIGINT."""

import argparse

from local.faults import parse_faults
from local.http_server import run_until_signal
from local.simulators.google import google_simulator
from local.simulators.render import FRAMES_PER_SECOND
from local.simulators.runway import runway_simulator
from local.simulators.vendor_backend import Pace
from local.simulators.veo import CloudStore


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.simulators")
    add = parser.add_argument
    add("vendor", choices=("runway", "google"))
    add("--port", type=int, default=0, help="0 picks a free one")
    add("--faults", type=parse_faults, default=[], help="as in FAULTS of make demo")
    add("--seconds", type=float, default=6.0, help="per generation")
    add("--frames-per-second", type=int, default=FRAMES_PER_SECOND)
    add("--storage", default="", help="the address of Cloud Storage: http://HOST:PORT")
    args = parser.parse_args()
    pace = Pace(seconds=args.seconds, frames_per_second=args.frames_per_second)
    if args.vendor == "runway":
        server = runway_simulator(pace, faults=args.faults, port=args.port)
    else:
        store = CloudStore(args.storage)
        server = google_simulator(pace, store=store, faults=args.faults, port=args.port)
    with server:
        run_until_signal({"address": server.address})


if __name__ == "__main__":
    main()

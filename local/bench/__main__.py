"""`python -m local.bench`: prints figures of speed, a JSON object per line.

Machines differ and are busy with other things, so the ratio to a reference, measured
alternately in the same run, says more than the figure.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

import structlog

from local.bench import (
    cold_start,
    creations,
    in_flight,
    jobs,
    polls,
    reads,
    shards,
    storing,
    submissions,
    worker_poll,
)
from local.bench.rig import Rig, start_rig
from local.processes import bypass_proxies


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    args = parser.parse_args(arguments)
    measurements = _measurements(args.rounds, args.seconds)
    if unknown := set(args.only or ()) - set(measurements):
        parser.error(f"--only: no {', '.join(sorted(unknown))} in {[*measurements]}")
    bypass_proxies()
    # Stopped from outside, it leaves no emulator behind.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    with start_rig() as rig:
        for name, measure in measurements.items():
            if not args.only or name in args.only:
                measure(rig)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.bench")
    parser.add_argument("--seconds", type=float, default=5.0, help="per round (5)")
    parser.add_argument("--rounds", type=int, default=5, help="per measurement (5)")
    parser.add_argument("--only", nargs="*", help="measure only these")
    return parser


def _measurements(rounds: int, seconds: float) -> Mapping[str, Callable[[Rig], None]]:
    return {
        "cold_start": lambda rig: cold_start.measure(rig, rounds),
        "worker_poll": lambda rig: worker_poll.measure(rig, rounds),
        "submissions": lambda rig: submissions.measure(rig, rounds, seconds),
        "reads": lambda rig: reads.measure(rig, rounds, seconds),
        "storing": lambda rig: storing.measure(rig, rounds),
        "jobs": lambda _: jobs.measure(),
        "in_flight": lambda rig: in_flight.measure(rig),
        "polls": lambda _: polls.measure(),
        "shards": lambda _: shards.measure(),
        "creations": lambda _: creations.measure(rounds, seconds),
    }


if __name__ == "__main__":
    main()

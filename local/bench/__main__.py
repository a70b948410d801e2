"""`python -m local.bench`: figures of speed, a JSON object per line.

Machines differ and are busy with other things; the ratio to a reference that is
measured in the same run, by turns, says more than the figure.
"""

import argparse
import logging
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
from local.bench.stand import Stand, stand


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m local.bench")
    parser.add_argument("--seconds", type=float, default=5.0, help="a round, 5")
    parser.add_argument("--rounds", type=int, default=5, help="of each, 5")
    parser.add_argument("--only", nargs="*", help="names of measurements")
    asked = parser.parse_args(arguments)
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    rounds, seconds = asked.rounds, asked.seconds
    measurements: Mapping[str, Callable[[Stand], None]] = {
        "cold_start": lambda on: cold_start.measure(on, rounds),
        "worker_poll": lambda on: worker_poll.measure(on, rounds),
        "submissions": lambda on: submissions.measure(on, rounds, seconds),
        "reads": lambda on: reads.measure(on, rounds, seconds),
        "storing": lambda on: storing.measure(on, rounds),
        "jobs": lambda _: jobs.measure(),
        "in_flight": lambda on: in_flight.measure(on),
        "polls": lambda _: polls.measure(),
        "shards": lambda _: shards.measure(),
        "creations": lambda _: creations.measure(rounds, seconds),
    }
    with stand() as on:
        for name, measure in measurements.items():
            if not asked.only or name in asked.only:
                measure(on)


if __name__ == "__main__":
    main()

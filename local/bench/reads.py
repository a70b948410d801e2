"""GET of a video and of a page of videos, compared to a Firestore query of as many."""

import json
from contextlib import closing
from functools import partial
from operator import attrgetter

from local.bench.figures import alternating, print_compared
from local.bench.load import BenchRequest, Load, load, submission
from local.bench.rig import BARE, OURS, Function, Rig

VIDEOS, CLIENTS = 100, 8
REFERENCE = "a bare function: one Firestore query of as many documents"


def measure(rig: Rig, rounds: int, seconds: float) -> None:
    token = rig.token("reader")
    with rig.function("api", BARE) as bare, rig.function("api", OURS) as ours:
        with closing(ours.connection()) as connection:
            for _ in range(VIDEOS):
                _, video = submission(token).send(connection)
        job_id = json.loads(video)["job_id"]
        for metric, path, count in (
            ("get", f"/v1/videos/{job_id}", 1),
            ("list_100", f"/v1/videos?limit={VIDEOS}", VIDEOS),
        ):
            theirs = BenchRequest(f"/?limit={count}", token)
            reference, own = alternating(
                rounds,
                partial(_load, bare, theirs, seconds),
                partial(_load, ours, BenchRequest(path, token), seconds),
            )
            rows = (
                (metric, "1/s", attrgetter("per_second"), "at least 0.5"),
                (f"{metric}_cpu", "ms", attrgetter("cpu_ms"), ""),
            )
            print_compared(REFERENCE, reference, own, rows)


def _load(function: Function, request: BenchRequest, seconds: float) -> Load:
    return load(function, [request], clients=CLIENTS, status=200, seconds=seconds)

"""GET of one video and of a page of them, beside one Firestore query of as many."""

from functools import partial
from operator import attrgetter

import requests

from local.bench.figures import alternating, print_beside
from local.bench.load import Asked, Load, load, submission
from local.bench.stand import BARE, OURS, Function, Stand

VIDEOS, CLIENTS = 100, 8
QUERY = "a bare function: one Firestore query of as many documents"


def measure(stand: Stand, rounds: int, seconds: float) -> None:
    token = stand.token("reader")
    with stand.function("api", BARE) as bare, stand.function("api", OURS) as ours:
        for _ in range(VIDEOS):
            job_id = _created(ours, submission(token))
        for metric, path, count in (
            ("get", f"/v1/videos/{job_id}", 1),
            ("list_100", f"/v1/videos?limit={VIDEOS}", VIDEOS),
        ):
            theirs = Asked(f"/?limit={count}", token)
            reference, own = alternating(
                rounds,
                partial(_load, bare, theirs, seconds),
                partial(_load, ours, Asked(path, token), seconds),
            )
            rows = (
                (metric, "1/s", attrgetter("per_second"), "at least 0.5"),
                (f"{metric}_cpu", "ms", attrgetter("cpu_ms"), ""),
            )
            print_beside(QUERY, reference, own, rows)


def _created(function: Function, asked: Asked) -> str:
    headers = {"Authorization": f"Bearer {asked.token}"}
    headers["Content-Type"] = "application/json"
    answer = requests.post(
        function.address + asked.path, data=asked.body, headers=headers, timeout=30
    )
    answer.raise_for_status()
    job_id: str = answer.json()["job_id"]
    return job_id


def _load(function: Function, asked: Asked, seconds: float) -> Load:
    return load(function, [asked], clients=CLIENTS, status=200, seconds=seconds)

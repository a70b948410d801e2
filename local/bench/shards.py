"""Simulates contention on a sharded cap, at several rates of created jobs.

Nothing is run. A creation reads its shard, commits after `LATENCY_SECONDS` if no other
commit came in between, and otherwise retries, as shared/usecases does.
"""

import heapq
import random
from collections import Counter
from collections.abc import Sequence

from local.bench.figures import Row, percentile, print_compared
from shared.domain.ledger import SHARDS
from shared.jobs.commit import CONTENTION_BACKOFF
from shared.usecases.create_video import COMMIT_TIMEOUT

LATENCY_SECONDS = 0.05
RATES = (1, 10, 60, 200)  # per second: 10^5 to 2 * 10^7 jobs a day
SECONDS, SEEDS = 60, 3
REFERENCE = "all in one document"


def measure() -> None:
    for rate in RATES:
        sharded = [_waits(rate, SHARDS, seed) for seed in range(SEEDS)]
        alone = [_waits(rate, 1, seed) for seed in range(SEEDS)]
        rows: Sequence[Row[tuple[list[float], int]]] = (
            (f"shards_p95_at_{rate}_a_second", "s", _p95, ""),
            (f"shards_refused_at_{rate}_a_second", "share", _refused, ""),
        )
        print_compared(REFERENCE, alone, sharded, rows)


def _p95(waits: tuple[list[float], int]) -> float:
    return percentile(waits[0], 95)


def _refused(waits: tuple[list[float], int]) -> float:
    return waits[1] / (len(waits[0]) + waits[1])


def _waits(rate: float, shards: int, seed: int) -> tuple[list[float], int]:
    """The seconds that each created job took, and how many were refused."""
    rng, version = random.Random(seed), Counter[int]()  # noqa: S311 - not secret
    # Each event: its time, when its creation began, the shard, the version read, the
    # number of retries, and what it does.
    events = []
    for _ in range(int(rate * SECONDS)):
        at = rng.uniform(0, SECONDS)
        events.append((at, at, rng.randrange(shards), 0, 0, "read"))
    waits, refused = [0.0], 0
    heapq.heapify(events)
    while events:
        now, began, shard, read, nth, what = heapq.heappop(events)
        if what == "read":
            event = (now + LATENCY_SECONDS, began, shard, version[shard], nth, "write")
            heapq.heappush(events, event)
        elif read == version[shard]:
            version[shard] += 1
            waits.append(now - began)
        else:
            again = now + CONTENTION_BACKOFF[nth] * rng.uniform(0.5, 1)
            if again - began > COMMIT_TIMEOUT.total_seconds():
                refused += 1
            else:
                heapq.heappush(events, (again, began, shard, 0, nth + 1, "read"))
    return waits, refused

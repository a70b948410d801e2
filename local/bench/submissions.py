"""POST /v1/videos compared to a bare function: throughput, latency and CPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from operator import attrgetter

from local.bench.figures import alternating, print_compared
from local.bench.load import Load, load, submission
from local.bench.rig import BARE, OURS, Function, Rig

USERS, CLIENTS = 24, 32
REFERENCE = "a bare function: two documents, one task"


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    users: int
    clients: int
    goal: str


CASES = (
    Case("submit", USERS, CLIENTS, "at least 0.85"),
    Case("submit_one_user", 1, CLIENTS, "at least 0.5"),
    Case("submit_one_client", 1, 1, "at least 0.85"),
)

# Each round has users of its own: the emulator takes longer to change a document the
# more often it was changed, about 0.1 ms for each 1,000 times. Firestore doesn't.
_rounds = count()


def measure(rig: Rig, rounds: int, seconds: float) -> None:
    with rig.function("api", BARE) as bare, rig.function("api", OURS) as ours:
        for function in (bare, ours):  # warms up the emulator, not counted
            _load(rig, CASES[0], seconds, function)
        for case in CASES:
            reference, own = alternating(
                rounds,
                partial(_load, rig, case, seconds, bare),
                partial(_load, rig, case, seconds, ours),
            )
            _print(case, own, reference)


def _load(rig: Rig, case: Case, seconds: float, function: Function) -> Load:
    nth = next(_rounds)
    requests = [submission(rig.token(f"user{nth}-{n}")) for n in range(case.users)]
    return load(function, requests, clients=case.clients, status=202, seconds=seconds)


def _print(case: Case, ours: Sequence[Load], bare: Sequence[Load]) -> None:
    throughput = "submit_throughput" if case.name == "submit" else case.name
    rows = (
        (throughput, "1/s", attrgetter("per_second"), case.goal),
        (f"{case.name}_p99", "s", attrgetter("p99_seconds"), "at most 1.3"),
        (f"{case.name}_cpu", "ms", attrgetter("cpu_ms"), ""),
        (f"{case.name}_refused", "share", attrgetter("refused"), "0"),
    )
    print_compared(REFERENCE, bare, ours, rows)

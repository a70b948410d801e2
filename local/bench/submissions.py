"""POST /v1/videos beside a bare function: how many a second, how long, how much CPU."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from local.bench.figures import alternating, print_beside
from local.bench.load import Load, load, submission
from local.bench.stand import BARE, OURS, Function, Stand

USERS, CLIENTS = 24, 32
BARE_FUNCTION = "a bare function: two documents, one task"


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


def measure(stand: Stand, rounds: int, seconds: float) -> None:
    with stand.function("api", BARE) as bare, stand.function("api", OURS) as ours:
        for function in (bare, ours):  # the emulator compiles as it goes: not counted
            _load(stand, CASES[0], seconds, function)
        for case in CASES:
            reference, own = alternating(
                rounds,
                partial(_load, stand, case, seconds, bare),
                partial(_load, stand, case, seconds, ours),
            )
            _print(case, own, reference)


def _load(stand: Stand, case: Case, seconds: float, function: Function) -> Load:
    asked = [submission(stand.token(f"user{n}")) for n in range(case.users)]
    return load(function, asked, clients=case.clients, status=202, seconds=seconds)


def _print(case: Case, ours: Sequence[Load], bare: Sequence[Load]) -> None:
    throughput = "submit_throughput" if case.name == "submit" else case.name
    rows = (
        (throughput, "1/s", attrgetter("per_second"), case.goal),
        (f"{case.name}_p99", "s", attrgetter("p99_seconds"), "at most 1.3"),
        (f"{case.name}_cpu", "ms", attrgetter("cpu_ms"), ""),
        (f"{case.name}_refused", "share", attrgetter("refused"), "0"),
    )
    print_beside(BARE_FUNCTION, bare, ours, rows)

"""What is done to which job: follows from the seed and the number of jobs alone."""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from local.fault_kinds import Kind, Place, ProviderId, kinds_of

SHARE = 0.015  # of the jobs, for each act at each point
USERS_JOBS = 40
MODELS = ("auto", "auto", "auto", "gemini-veo-3.1", "gemini-omni-flash")
CANCELLED_SHARE = 0.03

# Would hold a job for the ten minutes of an attempt, far longer than a run may take.
ENDLESS = frozenset({Kind.RUNNING, Kind.THROTTLED})
# Each holds a worker's thread for up to a minute.
HANGING = frozenset({Kind.READ_TIMEOUT, Kind.SILENT, Kind.STALLED})
# Veo writes its file itself. Whatever else goes wrong there means a file that is
# promised and never comes: it is waited for through all of the two hours of storing.
SPOILED_FILES = frozenset(
    {
        Kind.TRUNCATED,
        Kind.STALLED,
        Kind.WRONG_LENGTH,
        Kind.EMPTY,
        Kind.GARBAGE,
        Kind.HTML,
        Kind.WRONG_DURATION,
    }
)
# After these a few jobs end within two minutes, too.
MILD = frozenset(
    {
        Kind.TOO_MANY_REQUESTS,
        Kind.UNAVAILABLE,
        Kind.TRUNCATED,
        Kind.GARBAGE,
        Kind.INTERNAL,
        Kind.ERROR_INTERNAL,
        Kind.FAILED,
    }
)
MANY_JOBS = 100

_PROMPT = re.compile(r"chaos \d+, job (\d+): ")


class Point(StrEnum):
    """The effects of our functions: between any two of them a process may die."""

    JOB_COMMIT = "api job commit"
    API_ENQUEUE = "api enqueue"
    READ = "job read"
    IMAGE_WRITE = "image write"
    INTENT_COMMIT = "intent commit"
    POST = "post"
    ANSWER_COMMIT = "answer commit"
    POLL = "poll"
    STEP_COMMIT = "step commit"
    FETCH = "fetch"
    RESULT_WRITE = "result write"
    COPY = "copy"
    FINISH_COMMIT = "finish commit"
    ENQUEUE = "enqueue"


class Act(StrEnum):
    """What is done at a point. RESENT: carried out, not answered, and sent again."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    KILL_WITHIN = "killed within"
    ANSWER_LOST = "answer lost after"
    RESENT = "sent twice"
    UNREACHABLE = "unreachable"


KILLS = frozenset({Act.KILL_BEFORE, Act.KILL_AFTER, Act.KILL_WITHIN})
_AROUND = (Act.KILL_BEFORE, Act.KILL_AFTER)
_COMMIT = (*_AROUND, Act.ANSWER_LOST, Act.RESENT, Act.UNREACHABLE)
_CALL = (*_AROUND, Act.ANSWER_LOST, Act.UNREACHABLE)
ACTS: Mapping[Point, tuple[Act, ...]] = {
    Point.JOB_COMMIT: _COMMIT,
    Point.API_ENQUEUE: _CALL,
    Point.READ: (Act.UNREACHABLE,),
    Point.IMAGE_WRITE: _CALL,
    Point.INTENT_COMMIT: _COMMIT,
    Point.POST: _AROUND,
    Point.ANSWER_COMMIT: _COMMIT,
    Point.POLL: _AROUND,
    Point.STEP_COMMIT: _COMMIT,
    Point.FETCH: _AROUND,
    Point.RESULT_WRITE: (*_CALL, Act.KILL_WITHIN),
    Point.COPY: _CALL,
    Point.FINISH_COMMIT: _COMMIT,
    Point.ENQUEUE: _CALL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    point: Point
    act: Act

    @property
    def name(self) -> str:
        return f"{self.act} {self.point}"

    @property
    def costs_a_lease(self) -> bool:
        """The job then waits until the lease of its start has run out."""
        return self in _LEASES


_LEASES = frozenset(
    {
        Injection(point=Point.INTENT_COMMIT, act=Act.KILL_AFTER),
        Injection(point=Point.POST, act=Act.KILL_BEFORE),
        Injection(point=Point.POST, act=Act.KILL_AFTER),
        Injection(point=Point.ANSWER_COMMIT, act=Act.KILL_BEFORE),
    }
)
INJECTIONS = tuple(
    Injection(point=point, act=act) for point, acts in ACTS.items() for act in acts
)


def dice(*seed: object) -> random.Random:
    """Numbers that are the same for the same seed, in every process."""
    return random.Random(":".join(map(str, seed)))  # noqa: S311 - repeatable


def crash_plan(seed: int, jobs: int) -> Mapping[Injection, frozenset[int]]:
    """Which jobs, by their number, are hit by what. Each job loses one lease at most,
    where there are enough jobs."""
    each = max(1, round(jobs * SHARE))
    unleased = dice(seed, "leases").sample(range(jobs), jobs)
    plan: dict[Injection, frozenset[int]] = {}
    for injection in INJECTIONS:
        if injection.costs_a_lease and len(unleased) >= each:
            chosen, unleased = unleased[:each], unleased[each:]
        else:
            chosen = dice(seed, injection.name).sample(range(jobs), min(each, jobs))
        plan[injection] = frozenset(chosen)
    return plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One job as a user asks for it; no two have the same prompt or image."""

    number: int
    user: str
    prompt: str
    model: str
    is_cancelled: bool = False

    @property
    def body(self) -> dict[str, object]:
        return {"prompt": self.prompt, "model": self.model, "duration": 3}


def all_asked(seed: int, jobs: int) -> Sequence[Asked]:
    users = max(3, jobs // USERS_JOBS)
    return [_asked(seed, number, f"user-{number % users}") for number in range(jobs)]


def _asked(seed: int, number: int, user: str) -> Asked:
    luck = dice(seed, "job", number)
    return Asked(
        number=number,
        user=user,
        prompt=prompt(seed, number),
        model=luck.choice(MODELS),
        is_cancelled=luck.random() < CANCELLED_SHARE,
    )


def racing(seed: int, first: int, count: int, user: str) -> Sequence[Asked]:
    """Jobs of one user who has almost nothing left to spend, asked for all at once."""
    return [
        Asked(number=number, user=user, prompt=prompt(seed, number), model="auto")
        for number in range(first, first + count)
    ]


def prompt(seed: int, number: int) -> str:
    return f"chaos {seed}, job {number}: the raccoon looks up"


def number_of(text: str) -> int | None:
    """The job's number that stands in its prompt."""
    found = _PROMPT.match(text)
    return int(found[1]) if found else None


def provider_faults(seed: int, jobs: int) -> Sequence[dict[str, object]]:
    """Each kind at each place of each link, in the form that the simulators take.

    Few jobs meet the mild ones only.
    """
    return [
        fault
        for provider in ProviderId
        for place in Place
        for fault in _faults_at(provider, place, seed, jobs)
    ]


def _faults_at(
    provider: ProviderId, place: Place, seed: int, jobs: int
) -> Iterator[dict[str, object]]:
    luck = dice(seed, provider, place)
    kinds, share = _kinds(provider, place), 0.02
    if jobs < MANY_JOBS:
        kinds, share = kinds & MILD, 0.1
    for kind in luck.sample(sorted(kinds), len(kinds)):
        times = 1 if kind in HANGING else max(1, jobs // 150)
        yield {
            "provider": provider.value,
            "place": place.value,
            "kind": kind.value,
            "times": times,
            "share": share,
            "seed": luck.randrange(10**6),
            "seconds": 3.0,
        }


def _kinds(provider: ProviderId, place: Place) -> frozenset[Kind]:
    kinds = kinds_of(provider, place) - ENDLESS
    in_bucket = provider is ProviderId.VEO and place is Place.FETCH
    return kinds & SPOILED_FILES if in_bucket else kinds


_BROKEN = (Place.UPLOAD, Place.START_UPLOAD, Place.DOWNLOAD, Place.COPY, Place.GET)
STORAGE_FAULTS = tuple(
    {"place": place.value, "kind": kind.value, "times": 1}
    for place in _BROKEN
    for kind in (Kind.UNAVAILABLE, Kind.CUT, Kind.CUT_AFTER)
)


def storage_faults(seed: int) -> Iterator[Mapping[str, object]]:
    """All of them in an order of the seed's, again and again."""
    luck = dice(seed, "storage")
    while True:
        yield from luck.sample(STORAGE_FAULTS, len(STORAGE_FAULTS))


def moments(seed: int, what: str, between: tuple[float, float]) -> Iterator[float]:
    """Seconds from one random event to the next."""
    luck = dice(seed, what)
    while True:
        yield luck.uniform(*between)


def count_by_name(names: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for name in names:
        counted[name] = counted.get(name, 0) + 1
    return dict(sorted(counted.items()))

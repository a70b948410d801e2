"""What goes wrong, and for which job: follows from the seed and the number of jobs."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from local.fault_kinds import Kind, Place, ProviderId, kinds_of
from local.faults import Fault

SHARE = 0.015  # of the jobs, for each act at each point
MANY_JOBS = 100
USERS_JOBS = 40
MODELS = ("auto", "auto", "auto", "gemini-veo-3.1", "gemini-omni-flash")
CANCELLED_SHARE = 0.03
MOST_SKEW_SECONDS = 3.0


def _kinds(names: str) -> frozenset[Kind]:
    return frozenset(map(Kind, names.split()))


# Hold a job for the ten minutes of an attempt, far longer than a run may take.
ENDLESS = _kinds("running throttled")
# Each holds a worker's thread for up to a minute.
HANGING = _kinds("read-timeout silent stalled")
# Veo writes its file itself. Whatever else goes wrong there means a file that is
# promised and never comes: it is waited for through all of the two hours of storing.
SPOILED_FILES = _kinds(
    "truncated stalled wrong-length empty garbage html half-film wrong-duration"
    " wrong-aspect"
)
# With few jobs only these, after which a job still ends within two minutes.
MILD = _kinds(
    "429 503 proxy-503 proxy-504-html truncated half-film INTERNAL error-13 failed"
)

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


KILLS = ("killed before ", "killed after ", "killed within ")
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
        """The job then waits until the lease of its attempt has run out."""
        return self.name in (
            "killed after intent commit",
            "killed before post",
            "killed after post",
            "killed before answer commit",
        )


INJECTIONS = tuple(
    Injection(point=point, act=act) for point, acts in ACTS.items() for act in acts
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One job as a user asks for it; no two have the same prompt or image."""

    number: int
    user: str
    prompt: str
    model: str = "auto"
    is_cancelled: bool = False

    @property
    def key(self) -> str:
        return f"chaos-{self.number}"

    @property
    def body(self) -> dict[str, object]:
        return {"prompt": self.prompt, "model": self.model, "duration": 3}


def number_of(prompt: str) -> int | None:
    """The job's number, which stands in its prompt."""
    found = _PROMPT.match(prompt)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    seed: int
    jobs: int

    @property
    def has_few_jobs(self) -> bool:
        return self.jobs < MANY_JOBS

    def dice(self, *of: object) -> random.Random:
        """Numbers that are the same for the same seed, in every process."""
        text = ":".join(map(str, (self.seed, *of)))
        return random.Random(text)  # noqa: S311 - repeatable, not secret

    def moments(self, what: str, between: tuple[float, float]) -> Iterator[float]:
        """Seconds from one random event to the next."""
        dice = self.dice(what)
        while True:
            yield dice.uniform(*between)

    def clock_skew_seconds(self, function: str) -> float:
        """By how much the clock of a function's processes is ahead."""
        return self.dice("clock", function).uniform(-1, 1) * MOST_SKEW_SECONDS

    # Users.

    def requests(self) -> Sequence[JobRequest]:
        users = max(3, self.jobs // USERS_JOBS)
        return [self._request(n, f"user-{n % users}") for n in range(self.jobs)]

    def _request(self, number: int, user: str) -> JobRequest:
        dice = self.dice("job", number)
        return JobRequest(
            number=number,
            user=user,
            prompt=self.prompt(number),
            model=dice.choice(MODELS),
            is_cancelled=dice.random() < CANCELLED_SHARE,
        )

    def racing(self, count: int, user: str) -> Sequence[JobRequest]:
        """Jobs of one user who has almost nothing left to spend, created at once."""
        return [
            JobRequest(number=number, user=user, prompt=self.prompt(number))
            for number in range(self.jobs, self.jobs + count)
        ]

    def prompt(self, number: int) -> str:
        return f"chaos {self.seed}, job {number}: the raccoon looks up"

    # Faults.

    def injections(self) -> Mapping[Injection, frozenset[int]]:
        """Which jobs, by their number, are hit by what. Each job waits for one lease
        at most, where there are enough jobs."""
        each = max(1, round(self.jobs * SHARE))
        unleased = self.dice("leases").sample(range(self.jobs), self.jobs)
        plan: dict[Injection, frozenset[int]] = {}
        for injection in INJECTIONS:
            if injection.costs_a_lease and len(unleased) >= each:
                chosen, unleased = unleased[:each], unleased[each:]
            else:
                dice = self.dice(injection.name)
                chosen = dice.sample(range(self.jobs), min(each, self.jobs))
            plan[injection] = frozenset(chosen)
        return plan

    def provider_faults(self) -> Sequence[Fault]:
        """Each kind at each place of each provider; with few jobs the mild ones."""
        return [
            fault
            for provider in ProviderId
            for place in Place
            for fault in self._faults_at(provider, place)
        ]

    def _faults_at(self, provider: ProviderId, place: Place) -> Iterator[Fault]:
        dice = self.dice(provider, place)
        kinds, share = kinds_of(provider, place) - ENDLESS, 0.01
        if provider is ProviderId.VEO and place is Place.FETCH:
            kinds &= SPOILED_FILES
        if self.has_few_jobs:
            kinds, share = kinds & MILD, 0.25
        for kind in dice.sample(sorted(kinds), len(kinds)):
            yield Fault(
                provider=provider,
                place=place,
                kind=kind,
                times=1 if kind in HANGING else max(1, self.jobs // 150),
                share=share,
                seed=dice.randrange(10**6),
                seconds=3.0,
            )

    def storage_faults(self) -> Iterator[Fault]:
        """All of them in an order of the seed's, again and again."""
        dice = self.dice("storage")
        while True:
            yield from dice.sample(STORAGE_FAULTS, len(STORAGE_FAULTS))


_BROKEN = (Place.UPLOAD, Place.START_UPLOAD, Place.DOWNLOAD, Place.COPY, Place.GET)
STORAGE_FAULTS = tuple(
    Fault(place=place, kind=kind, times=1)
    for place in _BROKEN
    for kind in (Kind.UNAVAILABLE, Kind.CUT, Kind.CUT_AFTER)
)

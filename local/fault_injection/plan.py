"""What goes wrong, and for which job: follows from the seed and the number of jobs."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from local.fault_kinds import Kind, Place, ProviderId, kinds_of
from local.faults import Fault

SHARE = 0.015  # of the jobs, for each act at each point
MANY_JOBS = 100
USERS_JOBS = 40
MODELS = ("auto", "auto", "auto", "gemini-veo-3.1", "gemini-omni-flash")
CANCELLED_SHARE = 0.03
KOREAN_EVERY = 4  # jobs
MOST_SKEW_SECONDS = 3.0

_PROMPT = re.compile(r"chaos \d+, job (\d+): ")


class Point(StrEnum):
    """The effects of our functions: between any two of them a process may die."""

    JOB_COMMIT = "api job commit"
    API_ENQUEUE = "api enqueue"
    READ = "job read"
    IMAGE_WRITE = "image write"
    TRANSLATE = "translate"
    INTENT_COMMIT = "intent commit"
    POST = "post"
    ANSWER_COMMIT = "answer commit"
    POLL = "poll"
    STEP_COMMIT = "step commit"
    FETCH = "fetch"
    RESULT_WRITE = "result write"
    COPY = "copy"
    POSTER_WRITE = "poster write"
    FINISH_COMMIT = "finish commit"
    ENQUEUE = "enqueue"
    WEBHOOK_COMMIT = "webhook commit"
    WEBHOOK_POST = "webhook post"
    WEBHOOK_ENQUEUE = "webhook enqueue"


class Act(StrEnum):
    """What is done at a point. RESENT: carried out, not answered, and sent again."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    KILL_WITHIN = "killed within"
    ANSWER_LOST = "answer lost after"
    RESENT = "sent twice"
    UNREACHABLE = "unreachable"


_CRASHES = (Act.KILL_BEFORE, Act.KILL_AFTER)
_CALL = (*_CRASHES, Act.ANSWER_LOST, Act.UNREACHABLE)
ACTS: Mapping[Point, tuple[Act, ...]] = {
    **{p: (*_CALL, Act.RESENT) for p in Point if p.endswith("commit")},
    **dict.fromkeys((Point.TRANSLATE, Point.POST, Point.POLL, Point.FETCH), _CRASHES),
    **dict.fromkeys(
        (
            *(Point.API_ENQUEUE, Point.ENQUEUE),
            *(Point.IMAGE_WRITE, Point.COPY, Point.POSTER_WRITE),
        ),
        _CALL,
    ),
    **dict.fromkeys((Point.WEBHOOK_POST, Point.WEBHOOK_ENQUEUE), _CALL),
    Point.RESULT_WRITE: (*_CALL, Act.KILL_WITHIN),
    Point.READ: (Act.UNREACHABLE,),
}
INJECTIONS = tuple(f"{act} {point}" for point, acts in ACTS.items() for act in acts)
# The job then waits until the lease of its attempt has run out.
LEASES = frozenset(
    {
        "killed after intent commit",
        "killed before post",
        "killed after post",
        "killed before answer commit",
    }
)


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
_BROKEN = (Place.UPLOAD, Place.START_UPLOAD, Place.DOWNLOAD, Place.COPY, Place.GET)
STORAGE_FAULTS = tuple(
    Fault(place=place, kind=kind, times=1)
    for place, kind in product(_BROKEN, (Kind.UNAVAILABLE, Kind.CUT, Kind.CUT_AFTER))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """One job as a user asks for it; no two have the same prompt or image."""

    number: int
    user: str
    prompt: str
    model: str = "auto"
    is_cancelled: bool = False
    has_webhook: bool = False


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

    def prompt(self, number: int) -> str:
        is_korean = number < self.jobs and number % KOREAN_EVERY == 0
        what = "너구리가 고개를 든다" if is_korean else "the raccoon looks up"
        return f"chaos {self.seed}, job {number}: {what}"

    def requests(self) -> Iterator[JobRequest]:
        users = max(3, self.jobs // USERS_JOBS)
        for number in range(self.jobs):
            dice = self.dice("job", number)
            yield JobRequest(
                number=number,
                user=f"user-{number % users}",
                prompt=self.prompt(number),
                model=dice.choice(MODELS),
                is_cancelled=dice.random() < CANCELLED_SHARE,
                has_webhook=True,
            )

    def racing(self, count: int, user: str) -> Iterator[JobRequest]:
        """Jobs of one user who has almost nothing left to spend, created at once."""
        for number in range(self.jobs, self.jobs + count):
            yield JobRequest(number=number, user=user, prompt=self.prompt(number))

    def injections(self) -> Mapping[str, frozenset[int]]:
        """Which jobs, by their number, are hit by what. Each job waits for one lease
        at most, where there are enough jobs."""
        each = min(self.jobs, max(1, round(self.jobs * SHARE)))
        unleased = self.dice("leases").sample(range(self.jobs), self.jobs)
        plan: dict[str, frozenset[int]] = {}
        for name in INJECTIONS:
            if name in LEASES and len(unleased) >= each:
                chosen, unleased = unleased[:each], unleased[each:]
            else:
                every = KOREAN_EVERY if name.endswith(Point.TRANSLATE) else 1
                jobs = range(0, self.jobs, every)
                chosen = self.dice(name).sample(jobs, min(each, len(jobs)))
            plan[name] = frozenset(chosen)
        return plan

    def provider_faults(self) -> Sequence[Fault]:
        """Each kind at each place of each provider; with few jobs the mild ones."""
        places = product(ProviderId, Place)
        return [fault for at in places for fault in self._faults_at(*at)]

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

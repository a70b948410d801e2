"""Plans which fault hits which job, from the seed and the number of jobs alone."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from local.fault_kinds import Kind, Place, ProviderId, kinds_of
from local.faults import Fault

ACTION_SHARE = 0.015  # of the jobs, for each action at each point
MANY_JOBS = 100
USERS_JOBS = 40
MODELS = ("auto", "auto", "auto", "gemini-veo-3.1", "gemini-omni-flash")
CANCELLED_SHARE = 0.03
KOREAN_EVERY = 4  # every fourth job has a Korean prompt
MAX_SKEW_SECONDS = 3.0

_PROMPT = re.compile(r"chaos \d+, job (\d+): ")


class Point(StrEnum):
    """Side effects of our functions. A process may die between any two of them."""

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


class FaultAction(StrEnum):
    """What happens at a point. RESENT: carried out, left unanswered, and sent again."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    KILL_WITHIN = "killed within"
    ANSWER_LOST = "answer lost after"
    RESENT = "sent twice"
    UNREACHABLE = "unreachable"


_CRASHES = (FaultAction.KILL_BEFORE, FaultAction.KILL_AFTER)
_CALL = (*_CRASHES, FaultAction.ANSWER_LOST, FaultAction.UNREACHABLE)
ACTIONS: Mapping[Point, tuple[FaultAction, ...]] = {
    **{p: (*_CALL, FaultAction.RESENT) for p in Point if p.endswith("commit")},
    **dict.fromkeys((Point.TRANSLATE, Point.POST, Point.POLL, Point.FETCH), _CRASHES),
    **dict.fromkeys(
        (
            *(Point.API_ENQUEUE, Point.ENQUEUE),
            *(Point.IMAGE_WRITE, Point.COPY, Point.POSTER_WRITE),
        ),
        _CALL,
    ),
    **dict.fromkeys((Point.WEBHOOK_POST, Point.WEBHOOK_ENQUEUE), _CALL),
    Point.RESULT_WRITE: (*_CALL, FaultAction.KILL_WITHIN),
    Point.READ: (FaultAction.UNREACHABLE,),
}
INJECTIONS = tuple(
    f"{action} {point}" for point, actions in ACTIONS.items() for action in actions
)
# Faults after which the job waits until its attempt's lease has expired.
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


# Delay a job by the ten minutes of an attempt, far longer than a run may take.
ENDLESS = _kinds("running throttled")
# Each blocks a worker's thread for up to a minute.
HANGING = _kinds("read-timeout silent stalled")
# The only faults of Veo's file, which it writes itself. Any other means a promised file
# that never comes, and the job would look for it for two hours.
SPOILED_FILES = _kinds(
    "truncated stalled wrong-length empty garbage html half-film wrong-duration"
    " wrong-aspect"
)
# The only faults with few jobs: a job still ends within two minutes.
MILD = _kinds(
    "429 503 proxy-503 proxy-504-html truncated half-film INTERNAL error-13 failed"
    " late-output"
)
_BROKEN = (Place.UPLOAD, Place.START_UPLOAD, Place.DOWNLOAD, Place.COPY, Place.GET)
STORAGE_FAULTS = tuple(
    Fault(place=place, kind=kind, times=1)
    for place, kind in product(_BROKEN, (Kind.UNAVAILABLE, Kind.CUT, Kind.CUT_AFTER))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A job as a user requests it. Each has its own prompt and image."""

    number: int
    user: str
    prompt: str
    model: str = "auto"
    is_cancelled: bool = False


def number_of(prompt: str) -> int | None:
    """The job's number, which its prompt contains; None for any other prompt."""
    found = _PROMPT.match(prompt)
    return int(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    seed: int
    jobs: int

    @property
    def has_few_jobs(self) -> bool:
        return self.jobs < MANY_JOBS

    def rng(self, *of: object) -> random.Random:
        """A generator with the same numbers for the same seed in every process."""
        text = ":".join(map(str, (self.seed, *of)))
        return random.Random(text)  # noqa: S311 - repeatable, not secret

    def moments(self, what: str, between: tuple[float, float]) -> Iterator[float]:
        """Seconds between random events."""
        rng = self.rng(what)
        while True:
            yield rng.uniform(*between)

    def clock_skew_seconds(self, function: str) -> float:
        """By how much the clock of a function's processes is ahead; may be negative."""
        return self.rng("clock", function).uniform(-1, 1) * MAX_SKEW_SECONDS

    def prompt(self, number: int) -> str:
        is_korean = number < self.jobs and number % KOREAN_EVERY == 0
        what = "너구리가 고개를 든다" if is_korean else "the raccoon looks up"
        return f"chaos {self.seed}, job {number}: {what}"

    def requests(self) -> Iterator[PlannedJob]:
        users = max(3, self.jobs // USERS_JOBS)
        for number in range(self.jobs):
            rng = self.rng("job", number)
            yield PlannedJob(
                number=number,
                user=f"user-{number % users}",
                prompt=self.prompt(number),
                model=rng.choice(MODELS),
                is_cancelled=rng.random() < CANCELLED_SHARE,
            )

    def racing(self, count: int, user: str) -> Iterator[PlannedJob]:
        """Jobs of one user who has almost nothing left to spend, created at once."""
        for number in range(self.jobs, self.jobs + count):
            yield PlannedJob(number=number, user=user, prompt=self.prompt(number))

    def injections(self) -> Mapping[str, frozenset[int]]:
        """The numbers of the jobs that each fault hits.

        With enough jobs, each waits for at most one lease.
        """
        each = min(self.jobs, max(1, round(self.jobs * ACTION_SHARE)))
        unleased = self.rng("leases").sample(range(self.jobs), self.jobs)
        plan: dict[str, frozenset[int]] = {}
        for name in INJECTIONS:
            if name in LEASES and len(unleased) >= each:
                chosen, unleased = unleased[:each], unleased[each:]
            else:
                every = KOREAN_EVERY if name.endswith(Point.TRANSLATE) else 1
                jobs = range(0, self.jobs, every)
                chosen = self.rng(name).sample(jobs, min(each, len(jobs)))
            plan[name] = frozenset(chosen)
        return plan

    def provider_faults(self) -> Sequence[Fault]:
        """Each kind at each place of each provider; with few jobs, the mild ones."""
        places = product(ProviderId, Place)
        return [fault for at in places for fault in self._faults_at(*at)]

    def _faults_at(self, provider: ProviderId, place: Place) -> Iterator[Fault]:
        rng = self.rng(provider, place)
        kinds, share = kinds_of(provider, place) - ENDLESS, 0.01
        if provider is ProviderId.VEO and place is Place.FETCH:
            kinds &= SPOILED_FILES
        if self.has_few_jobs:
            kinds, share = kinds & MILD, 0.25
        for kind in rng.sample(sorted(kinds), len(kinds)):
            yield Fault(
                provider=provider,
                place=place,
                kind=kind,
                times=1 if kind in HANGING else max(1, self.jobs // 150),
                share=share,
                seed=rng.randrange(10**6),
                seconds=3.0,
            )

    def storage_faults(self) -> Iterator[Fault]:
        """All of them in random order, repeated endlessly."""
        rng = self.rng("storage")
        while True:
            yield from rng.sample(STORAGE_FAULTS, len(STORAGE_FAULTS))

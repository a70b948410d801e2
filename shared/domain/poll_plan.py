"""When to ask a vendor about its task: learned from how long the tasks before took.

The first poll comes when a result becomes likely, and the next ones where it is
likeliest. Each is weighed: it costs a poll if the result isn't there yet, and a result
that is there waits for the next one.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import ceil

from msgspec import Struct, field

from shared.domain.timing import ATTEMPT_LIMIT, POLL_SPACING

# A poll in vain is as bad as a result that waits so long: it costs next to nothing.
POLL_COSTS_SECONDS = 0.1
FEWEST = 8
MOST = 32
# More kinds of tasks than the catalogue has: of even more, some are forgotten.
MOST_KINDS = 64
# Each task counts so much less than the one after it: how long they take drifts.
FADING = 0.93
# What the tasks before say nothing about, of the whole: it may come at any time.
SURPRISE = 0.03
# Two tasks of a kind differ by at least so much.
BLUR = 0.06
_LIMIT, _SPACING = (int(t.total_seconds()) for t in (ATTEMPT_LIMIT, POLL_SPACING))
_LONGEST = 30


class Took(Struct, frozen=True, kw_only=True):
    """In seconds since its start a task was `working` still, and at `ready` it was
    not: what it took is in between.
    """

    working: int
    ready: int


class TaskTimes(Struct, frozen=True, kw_only=True):
    """By model and duration, the latest tasks, the last one being the newest."""

    kinds: Mapping[str, tuple[Took, ...]] = field(default_factory=dict)

    def of(self, model_id: str, duration_seconds: int) -> tuple[Took, ...]:
        return self.kinds.get(kind(model_id, duration_seconds), ())

    def usual_seconds(self, model_id: str, duration_seconds: int) -> int | None:
        """What half of these tasks took at most.

        None of few: users are told, and it would be how long somebody else's took.
        """
        tasks = self.of(model_id, duration_seconds)
        # A clock that went back says nothing.
        ready = sorted(took.ready for took in tasks if took.ready > 0)
        return None if len(ready) < FEWEST else ready[(len(ready) - 1) // 2]

    def plus(self, seen: Sequence[tuple[str, Took]]) -> "TaskTimes":
        kinds = dict(self.kinds)
        for name, took in seen:
            kinds[name] = (*kinds.pop(name, ()), took)[-MOST:]
        return TaskTimes(kinds=dict(list(kinds.items())[-MOST_KINDS:]))


def kind(model_id: str, duration_seconds: int) -> str:
    return f"{model_id} {duration_seconds}"


def poll_plan(tasks: Sequence[Took]) -> tuple[int, ...]:
    """Seconds after a task's start at which to poll it, at least five apart.

    Empty where too few tasks are known. After the last one, and where a vendor has
    not begun yet, the fixed plan holds.
    """
    if len(tasks) < FEWEST:
        return ()
    return tuple(_cheapest(_chances(tasks)))


def _chances(tasks: Sequence[Took]) -> list[float]:
    """How likely the result comes within each second; they sum to one."""
    longest = max(1, *(took.ready for took in tasks))
    horizon = min(_LIMIT, 2 * longest + _LONGEST)
    chances = [SURPRISE / horizon] * horizon
    weights = [FADING**age for age in reversed(range(len(tasks)))]
    known = (1 - SURPRISE) / sum(weights)
    for took, weight in zip(tasks, weights, strict=True):
        begin = min(max(0, int(took.working * (1 - BLUR))), horizon - 1)
        end = min(max(ceil(took.ready * (1 + BLUR)), begin + 1), horizon)
        for second in range(begin, end):
            chances[second] += known * weight / (end - begin)
    return chances


def _cheapest(chances: Sequence[float]) -> Iterator[int]:
    """The polls that cost least in all, found from the last one back to the first.

    `cost[t]`: of what comes after a poll at `t` found nothing, times how likely that
    is. Of what a poll costs only `-poll * reached[last]` depends on the one before it.
    """
    horizon = len(chances)
    reached = [0.0, *accumulate(chances)]
    moment = [0.0, *accumulate(c * (t + 0.5) for t, c in enumerate(chances))]
    alone = [
        poll * came - when + POLL_COSTS_SECONDS * (reached[horizon] - came)
        for poll, (came, when) in enumerate(zip(reached, moment, strict=True))
    ]
    then = [horizon] * (horizon + 1)
    for last in range(horizon - _SPACING, -1, -1):
        latest = horizon if last == 0 else min(horizon, last + _LONGEST)
        polls = range(last + _SPACING, latest + 1)
        before = reached[last]
        then[last] = poll = min(polls, key=lambda p: alone[p] - p * before)
        alone[last] += alone[poll] - poll * before + moment[last]
    poll = then[0]
    while poll < horizon:
        yield poll
        poll = then[poll]

"""When to poll a vendor's task, learned from how long earlier tasks took.

The first poll comes when a result becomes likely, and the next ones when it is most
likely. The plan balances two costs: polls that find no result yet, and results that
wait for the next poll.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import ceil

from msgspec import Struct, field

from shared.domain.timing import ATTEMPT_LIMIT, POLL_SPACING

# A poll that finds nothing costs as much as a result waiting this long: very little.
POLL_COSTS_SECONDS = 0.1
MIN_TASKS = 8
MAX_TASKS = 32
# More kinds of tasks than the catalogue has; if there are even more, some are dropped.
MAX_KINDS = 64
# The weight of a task relative to the next newer one, because durations drift.
DECAY = 0.93
# The share of probability for a result at any time, whatever earlier tasks took.
UNIFORM_SHARE = 0.03
# Two tasks of a kind are assumed to differ by at least this fraction.
SPREAD = 0.06
_LIMIT, _SPACING = (int(t.total_seconds()) for t in (ATTEMPT_LIMIT, POLL_SPACING))
_MAX_GAP = 30


class TaskTiming(Struct, frozen=True, kw_only=True):
    """Bounds of how long a task took, in seconds since its start.

    At `working` it was still under way, at `ready` it was done.
    """

    working: int
    ready: int


class TaskTimes(Struct, frozen=True, kw_only=True):
    """The latest tasks of each model and duration, the newest one last."""

    kinds: Mapping[str, tuple[TaskTiming, ...]] = field(default_factory=dict)

    def of(self, model_id: str, duration_seconds: int) -> tuple[TaskTiming, ...]:
        return self.kinds.get(task_kind(model_id, duration_seconds), ())

    def usual_seconds(self, model_id: str, duration_seconds: int) -> int | None:
        """The median time of these tasks, or None if there are fewer than `MIN_TASKS`.

        Users see it: of few tasks, it would reveal how long another user's task took.
        """
        tasks = self.of(model_id, duration_seconds)
        # A clock that was set back proves nothing.
        ready = sorted(took.ready for took in tasks if took.ready > 0)
        return None if len(ready) < MIN_TASKS else ready[(len(ready) - 1) // 2]

    def plus(self, seen: Sequence[tuple[str, TaskTiming]]) -> "TaskTimes":
        kinds = dict(self.kinds)
        for name, took in seen:
            kinds[name] = (*kinds.pop(name, ()), took)[-MAX_TASKS:]
        return TaskTimes(kinds=dict(list(kinds.items())[-MAX_KINDS:]))


def task_kind(model_id: str, duration_seconds: int) -> str:
    return f"{model_id} {duration_seconds}"


def poll_plan(tasks: Sequence[TaskTiming]) -> tuple[int, ...]:
    """Seconds after a task's start at which to poll it, at least five apart.

    Empty if too few tasks are known. After the last poll of the plan, and while the
    vendor has not begun the task, the fixed plan applies.
    """
    if len(tasks) < MIN_TASKS:
        return ()
    return tuple(_cheapest(_chances(tasks)))


def _chances(tasks: Sequence[TaskTiming]) -> list[float]:
    """The probability that the result comes within each second; they sum to one."""
    longest = max(1, *(took.ready for took in tasks))
    horizon = min(_LIMIT, 2 * longest + _MAX_GAP)
    chances = [UNIFORM_SHARE / horizon] * horizon
    weights = [DECAY**age for age in reversed(range(len(tasks)))]
    known = (1 - UNIFORM_SHARE) / sum(weights)
    for took, weight in zip(tasks, weights, strict=True):
        begin = min(max(0, int(took.working * (1 - SPREAD))), horizon - 1)
        end = min(max(ceil(took.ready * (1 + SPREAD)), begin + 1), horizon)
        for second in range(begin, end):
            chances[second] += known * weight / (end - begin)
    return chances


def _cheapest(chances: Sequence[float]) -> Iterator[int]:
    """The polls with the lowest expected cost, by dynamic programming from the end.

    `cost[t]`: the expected cost of a poll at `t` and, once `next_poll[t]` is known, of
    the polls after it. It lacks what depends on the poll before it, which is
    `moment[last] - t * reached[last]`.
    """
    horizon = len(chances)
    reached = [0.0, *accumulate(chances)]
    moment = [0.0, *accumulate(c * (t + 0.5) for t, c in enumerate(chances))]
    cost = [
        poll * arrived - weighted + POLL_COSTS_SECONDS * (reached[horizon] - arrived)
        for poll, (arrived, weighted) in enumerate(zip(reached, moment, strict=True))
    ]
    next_poll = [horizon] * (horizon + 1)
    for last in range(horizon - _SPACING, -1, -1):
        latest = horizon if last == 0 else min(horizon, last + _MAX_GAP)
        polls = range(last + _SPACING, latest + 1)
        before = reached[last]
        next_poll[last] = poll = min(polls, key=lambda p: cost[p] - p * before)
        cost[last] += cost[poll] - poll * before + moment[last]
    poll = next_poll[0]
    while poll < horizon:
        yield poll
        poll = next_poll[poll]

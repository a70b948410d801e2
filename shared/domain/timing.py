"""How long things may take, how often they are tried, and when the next try is due."""

from datetime import datetime, timedelta

from shared.domain.job import Attempt

POST_LIMIT = timedelta(seconds=60)
LEASE = POST_LIMIT + timedelta(seconds=30)
# From a step's begin to its POST: what is left of the worker's time is for the POST,
# and for committing its answer.
LONGEST_PRELUDE = timedelta(seconds=100)
WAKE_TOLERANCE = timedelta(seconds=5)
# A task must not come before what it waits for, even on a clock that is behind.
CLOCK_SKEW = timedelta(seconds=1)
# Two polls of one task are never closer, however many tasks come for the job.
POLL_SPACING = timedelta(seconds=5)
SHORTEST_POLL = timedelta(seconds=6)
LONGEST_POLL = timedelta(seconds=15)
ATTEMPT_LIMIT = timedelta(minutes=10)
JOB_LIMIT = timedelta(minutes=30)
LEAST_TIME_FOR_AN_ATTEMPT = timedelta(minutes=2)
STORE_LIMIT = timedelta(hours=2)
# For a vendor that does not hand out its result; leaves the job time for another one.
FETCH_LIMIT = timedelta(minutes=20)
LOOK_SPACING = timedelta(seconds=15)
RETRY_SPACING = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
# Fetching an image, waiting for the decoder, and decoding, each at its limit.
PREPARE_LIMIT = timedelta(seconds=90)
MOST_PREPARE_TRIES = 4
# While our own storage or decoder keeps an image from being prepared.
OUTAGE_SPACING = timedelta(seconds=15)
# A token, a connection and an answer, each at its limit.
TRANSLATION_LIMIT = timedelta(seconds=45)
# Waiting for the decoder, decoding at its limit, and copying.
CHECK_LIMIT = timedelta(minutes=2)
MOST_BAD_OUTPUTS = 5
MOST_CLOSING_POLLS = 3
MOST_CANCEL_TRIES = 3
MISSES_TO_TAKE_OVER = 3
GONE_POLLS_TO_END = 2
# A new task may not be found everywhere yet.
TASK_IS_NEW = timedelta(seconds=60)
SAME_VENDOR_DELAY = timedelta(seconds=5)
# A job waits so long for its vendor; a vendor that asks for more is skipped.
LONGEST_VENDOR_DELAY = timedelta(seconds=60)
LONGEST_RETRY_AFTER = timedelta(days=1)
ASK_AGAIN_DELAY = timedelta(seconds=90)
MOST_ASKS = 3
# The sweep enqueues a job again once its step is so long overdue; then at 2, 4, 8 …
FIRST_RETRY_AFTER = timedelta(minutes=1)
PARK_SPACING = timedelta(seconds=60)


def next_poll_at(attempt: Attempt, now: datetime) -> datetime:
    """When to ask the vendor about this task next.

    As its plan says. Without one, and where the vendor has not begun yet: a tenth of
    the time that the attempt has taken so far, from 6 to 15 s. At its deadline, if that
    comes sooner and not within 6 s.
    """
    elapsed = now - attempt.started_at
    fixed = now + min(LONGEST_POLL, max(SHORTEST_POLL, elapsed / 10))
    at = _planned_poll(attempt, now) or fixed
    if now < attempt.deadline_at:
        return min(at, max(attempt.deadline_at, now + SHORTEST_POLL))
    return at


def _planned_poll(attempt: Attempt, now: datetime) -> datetime | None:
    """None once the plan is over. A task that comes late puts off the next poll."""
    if attempt.queued_at_vendor:
        return None
    earliest = now + POLL_SPACING if attempt.polled_at else now
    planned = (attempt.started_at + timedelta(seconds=s) for s in attempt.poll_plan)
    nearly_now = now + POLL_SPACING / 2
    return next((max(at, earliest) for at in planned if at > nearly_now), None)


def earliest_poll(attempt: Attempt) -> datetime:
    """Before then it is not polled, whatever task comes for its job."""
    last = attempt.polled_at
    return last + POLL_SPACING if last else attempt.started_at


def backoff(tries: int) -> timedelta:
    """The pause after so many failed tries: 5 s, doubled each time, up to 5 minutes."""
    longer: timedelta = RETRY_SPACING * 2 ** (tries - 1)
    return min(longer, LONGEST_RETRY)

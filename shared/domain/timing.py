"""Time limits, retry limits and backoff, and when a task is polled next."""

from datetime import datetime, timedelta

from shared.domain.job import Attempt

POST_LIMIT = timedelta(seconds=60)
LEASE = POST_LIMIT + timedelta(seconds=30)
# From the start of a step to its POST: the rest of the worker's time is for the POST
# and for committing its answer.
MAX_TIME_BEFORE_POST = timedelta(seconds=100)
WAKE_TOLERANCE = timedelta(seconds=5)
# A task must not arrive before its time, even by a clock that is behind.
CLOCK_SKEW = timedelta(seconds=1)
# So many tasks to come keep an answer that could not be recorded, so far apart. Each is
# tried for four minutes, so the next try is little more than a minute away. A step that
# finds a lease expired for long waits for it.
ANSWER_TASKS = 6
ANSWER_SPACING = timedelta(minutes=5)
ANSWER_WAIT = timedelta(seconds=90)
# Two polls of a vendor's task are at least this far apart, whatever wakes the job.
POLL_SPACING = timedelta(seconds=5)
MIN_POLL_INTERVAL = timedelta(seconds=6)
MAX_POLL_INTERVAL = timedelta(seconds=15)
ATTEMPT_LIMIT = timedelta(minutes=10)
JOB_LIMIT = timedelta(minutes=30)
MIN_TIME_FOR_AN_ATTEMPT = timedelta(minutes=2)
# Vendors keep a result for at least a day; a shorter outage of ours loses no video.
STORE_LIMIT = timedelta(days=1)
# How long a vendor may withhold its result; leaves the job time to try another.
FETCH_LIMIT = timedelta(minutes=20)
# An outage of our own may use up that time, so this often it is tried in any case.
MIN_FETCH_TRIES = 5
# With no other provider left: two hours of tries.
MAX_FETCH_TRIES = 30
LOOK_SPACING = timedelta(seconds=15)
RETRY_SPACING = timedelta(seconds=5)
MAX_BACKOFF = timedelta(minutes=5)
# Fetching an image, waiting for the decoder and decoding, each at its limit.
PREPARE_LIMIT = timedelta(seconds=90)
MAX_PREPARE_TRIES = 4
# The pause between tries while our own storage or decoder is at fault.
OUTAGE_SPACING = timedelta(seconds=15)
# A token, a connection and an answer, each at its limit.
TRANSLATION_LIMIT = timedelta(seconds=45)
# Waiting for the decoder, decoding at its limit and copying.
CHECK_LIMIT = timedelta(minutes=2)
MAX_BAD_OUTPUTS = 5
# Two hours of tries. Each may have taken other jobs' paid calls along.
MAX_LOST_CHECKS = 20
MAX_CLOSING_POLLS = 3
MAX_CANCEL_TRIES = 3
MISSES_TO_TAKE_OVER = 3
# A vendor may report success a little before it shows the video.
LATE_RESULT_LIMIT = timedelta(minutes=1)
# A vendor may not find a task that is new, or may lose sight of one for a moment.
GONE_LIMIT = timedelta(minutes=1)
SAME_VENDOR_DELAY = timedelta(seconds=5)
# A vendor that asks for a longer pause is skipped.
MAX_VENDOR_DELAY = timedelta(seconds=60)
MAX_RETRY_AFTER = timedelta(days=1)
ASK_AGAIN_DELAY = timedelta(seconds=90)
MAX_TRIES_PER_PROVIDER = 3
# The sweep enqueues a job once its step is this long overdue; then after 2, 4 and 8
# minutes and every further 8. Each task is tried for four minutes, so after an outage
# of any length, the next try is about as far away.
FIRST_RETRY_AFTER = timedelta(minutes=1)
MAX_RETRY_SPACING = timedelta(minutes=8)
PARK_SPACING = timedelta(seconds=60)


def next_poll_at(attempt: Attempt, now: datetime) -> datetime:
    """When to poll the vendor's task next.

    As its plan says. Without one, and while the vendor has not begun the task: after a
    tenth of the time that the attempt has taken so far, but at least 6 s and at most
    15 s. At the deadline, if that is sooner and at least 6 s away.
    """
    elapsed = now - attempt.started_at
    fixed = now + min(MAX_POLL_INTERVAL, max(MIN_POLL_INTERVAL, elapsed / 10))
    at = _planned_poll(attempt, now) or fixed
    if now < attempt.deadline_at:
        return min(at, max(attempt.deadline_at, now + MIN_POLL_INTERVAL))
    return at


def _planned_poll(attempt: Attempt, now: datetime) -> datetime | None:
    """None once the plan is over. A poll that came late postpones the next one."""
    if attempt.queued_at_vendor:
        return None
    earliest = now + POLL_SPACING if attempt.polled_at else now
    planned = (attempt.started_at + timedelta(seconds=s) for s in attempt.poll_plan)
    nearly_now = now + POLL_SPACING / 2
    return next((max(at, earliest) for at in planned if at > nearly_now), None)


def earliest_poll(attempt: Attempt) -> datetime:
    """The vendor's task is not polled before then, whatever wakes the job."""
    last = attempt.polled_at
    return last + POLL_SPACING if last else attempt.started_at


def backoff(tries: int) -> timedelta:
    """The pause after `tries` failed tries: 5 s, doubled each time, up to 5 minutes."""
    doublings = min(tries - 1, 10)  # more would overflow at last
    longer: timedelta = RETRY_SPACING * 2**doublings
    return min(longer, MAX_BACKOFF)

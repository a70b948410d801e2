"""How long things may take, and how often they are tried."""

from datetime import timedelta

POST_LIMIT = timedelta(seconds=60)
LEASE = POST_LIMIT + timedelta(seconds=30)
WAKE_TOLERANCE = timedelta(seconds=5)
# A task must not come before what it waits for, by the clock of whoever runs it.
CLOCK_SKEW = timedelta(seconds=1)
POLL_SPACING = timedelta(seconds=5)
SHORTEST_POLL = timedelta(seconds=6)
LONGEST_POLL = timedelta(seconds=15)
ATTEMPT_LIMIT = timedelta(minutes=10)
JOB_LIMIT = timedelta(minutes=30)
LEAST_TIME_FOR_AN_ATTEMPT = timedelta(minutes=2)
STORE_LIMIT = timedelta(hours=2)
LOOK_SPACING = timedelta(seconds=15)
RETRY_SPACING = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
MOST_PREPARE_TRIES = 4
MOST_BAD_OUTPUTS = 5
MOST_CLOSING_POLLS = 3
MOST_CANCEL_TRIES = 3
SDK_MISSES_BEFORE_HTTP = 3
SAME_VENDOR_DELAY = timedelta(seconds=5)
LONGEST_VENDOR_DELAY = timedelta(seconds=60)
ASK_AGAIN_DELAY = timedelta(seconds=90)
MOST_ASKS = 3
PARK_SPACING = timedelta(seconds=60)

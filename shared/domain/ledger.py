"""The ledger: what is held, settled and released, and whether more fits the caps.

One account per scope (all; each user) and month, holding its days, so that both caps
are one precondition. Always: held - settled - released = what is open. Money counts on
the day on which its job was made, whatever day it is when it is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from urllib.parse import quote

from shared.domain.errors import ErrorCode, LimitReached, TooManyJobs
from shared.domain.usage import Counts

NOTHING = Decimal(0)
MICRO = Decimal("0.000001")
# Open holds come free within minutes: a video fails or turns out cheaper.
HOLDS_FILL_IT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerKey:
    """Where a job's money is booked, fixed when the job is made.

    `accounts`: names of documents, all users' first, the user's own second.
    """

    accounts: tuple[str, ...]
    day: str


def ledger_key(user_id: str, now: datetime, zone: tzinfo) -> LedgerKey:
    local = now.astimezone(zone)
    return ledger_key_on(user_id, local.date())


def ledger_key_on(user_id: str, day: date) -> LedgerKey:
    """`day` is one of the ledger's time zone."""
    month = f"{day:%Y-%m}"
    user = quote(user_id, safe="")
    return LedgerKey(
        accounts=(f"all.{month}", f"user.{user}.{month}"), day=f"d{day:%d}"
    )


def in_micros(usd: Decimal) -> Decimal:
    """To the millionth of a USD, the smallest amount that is booked.

    What is booked is rounded before it is added or taken away, never after: so sums
    and differences of what is booked stay exact.
    """
    return usd.quantize(MICRO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    held_usd: Decimal = NOTHING
    settled_usd: Decimal = NOTHING
    released_usd: Decimal = NOTHING

    @property
    def used_usd(self) -> Decimal:
        """What counts against a cap: settled, and held for what is still open."""
        return self.held_usd - self.released_usd

    @property
    def open_usd(self) -> Decimal:
        return self.used_usd - self.settled_usd

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            held_usd=self.held_usd + other.held_usd,
            settled_usd=self.settled_usd + other.settled_usd,
            released_usd=self.released_usd + other.released_usd,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One scope's month, by day."""

    days: Mapping[str, Totals] = field(default_factory=dict)

    def on(self, day: str) -> Totals:
        return self.days.get(day, Totals())

    @property
    def month(self) -> Totals:
        return sum(self.days.values(), Totals())


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Limits of one scope in USD; None: no limit."""

    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None

    @property
    def are_set(self) -> bool:
        return self.daily_usd is not None or self.monthly_usd is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The caps of all users together and of each one, and where a day begins.

    `most_open_jobs` and what may be asked for in a minute are of each user.
    """

    everybody: Caps = Caps()
    user: Caps = Caps()
    most_open_jobs: int = 20
    most_jobs_a_minute: int = 60
    most_uploads_a_minute: int = 60
    zone: tzinfo = UTC

    def caps(self) -> Sequence[Caps]:
        """In the order of `LedgerKey.accounts`."""
        return (self.everybody, self.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What one commit of a job changes in the ledger, and in the usage: by ai_model.

    `needs_room`: what it holds more must fit the caps, since nothing of it is spent
    yet. Otherwise it is owed, and is booked whatever the caps say.
    """

    totals: Totals = Totals()
    open_jobs: int = 0
    needs_room: bool = False
    usage: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return self == Booking()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCount:
    """How many of a user's jobs are open; how many were `made` in `minute`.

    `uploads`: how many images they were let to upload in `minute`.
    """

    open_jobs: int = 0
    minute: str = ""
    made: int = 0
    uploads: int = 0


def with_one_more(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """TooManyJobs where as many are open, or were made this minute, as may be."""
    count = _as_of(count, now)
    if count.open_jobs >= limits.most_open_jobs:
        raise TooManyJobs("as many are open as may be")
    if count.made >= limits.most_jobs_a_minute:
        raise TooManyJobs("as many were made this minute as may be")
    return replace(count, open_jobs=count.open_jobs + 1, made=count.made + 1)


def with_one_more_upload(count: JobCount, limits: Limits, now: datetime) -> JobCount:
    """TooManyJobs where as many were let in this minute as may be."""
    count = _as_of(count, now)
    if count.uploads >= limits.most_uploads_a_minute:
        raise TooManyJobs("as many uploads were let in this minute as may be")
    return replace(count, uploads=count.uploads + 1)


def _as_of(count: JobCount, now: datetime) -> JobCount:
    # A later minute than ours was counted by a clock ahead of ours: it goes on.
    minute = max(count.minute, f"{now.astimezone(UTC):%Y-%m-%dT%H:%M}")
    if minute == count.minute:
        return count
    return JobCount(open_jobs=count.open_jobs, minute=minute)


def check(
    account: Account, caps: Caps, day: str, amount_usd: Decimal, now: datetime
) -> None:
    """LimitReached where `amount_usd` more would go over a cap, to the cent.

    `now` is in the ledger's time zone: its midnights are when caps begin anew.
    """
    for code, cap, totals in (
        (ErrorCode.DAILY_LIMIT_REACHED, caps.daily_usd, account.on(day)),
        (ErrorCode.MONTHLY_LIMIT_REACHED, caps.monthly_usd, account.month),
    ):
        if cap is not None and totals.used_usd + amount_usd > cap:
            spending_fills_it = totals.settled_usd + amount_usd > cap
            after = _until_reset(code, now) if spending_fills_it else HOLDS_FILL_IT
            raise LimitReached(code, after)


def _until_reset(code: ErrorCode, now: datetime) -> timedelta:
    """From `now`, which is in the ledger's time zone, to its next day or month."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    tomorrow = midnight + timedelta(days=1)
    if code is ErrorCode.DAILY_LIMIT_REACHED:
        return tomorrow - now
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1) - now

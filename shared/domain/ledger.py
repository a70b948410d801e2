"""The ledger: what is held, settled and released, and whether more fits the caps.

One account per scope (all; each user) and month, holding its days, so that both caps
are one precondition. Always: held - settled - released = what is open. Money counts on
the day on which its job was made, whatever day it is when it is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from urllib.parse import quote

from shared.domain.errors import ErrorCode, LimitReached

NOTHING = Decimal(0)
# Open holds come free within minutes: a video fails or turns out cheaper.
HOLDS_FILL_IT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job's money is booked, fixed when the job is made.

    `accounts`: names of documents, all users' first, the user's own second.
    """

    accounts: tuple[str, ...]
    day: str


def place(user_id: str, now: datetime, zone: tzinfo) -> Place:
    local = now.astimezone(zone)
    month = f"{local:%Y-%m}"
    user = quote(user_id, safe="")
    return Place(accounts=(f"all.{month}", f"user.{user}.{month}"), day=f"d{local:%d}")


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
    """The caps of all users together and of each one, and where a day begins."""

    everybody: Caps = Caps()
    user: Caps = Caps()
    most_open_jobs: int = 20
    zone: tzinfo = UTC

    def caps(self) -> Sequence[Caps]:
        """In the order of `Place.accounts`."""
        return (self.everybody, self.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What one commit of a job changes in the ledger."""

    totals: Totals = Totals()
    open_jobs: int = 0

    @property
    def is_empty(self) -> bool:
        return self == Booking()


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

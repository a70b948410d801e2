"""The ledger: amounts held, settled and released, and whether more fits the caps.

One account per scope (all users, each user) and month, broken down by day, serves both
caps. Invariant: held - settled - released = what open jobs hold. Money counts on the
day on which its job was created, even if it is settled on another.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from hashlib import sha256
from urllib.parse import quote

from msgspec import Struct, field

from shared.domain.errors import ErrorCode, LimitReached
from shared.domain.structs import replace
from shared.domain.usage import Counts

ZERO = Decimal(0)
MICRO = Decimal("0.000001")
# Holds of open jobs are released within minutes, as videos fail or turn out cheaper.
HOLDS_RETRY_AFTER = timedelta(seconds=60)


# The account of all users is split into this many documents, so that commits rarely
# contend. May be raised within a month, never lowered: see domain/escrow.py.
SHARDS = 16


class LedgerKey(Struct, frozen=True, kw_only=True):
    """Where a job's money is booked, from its creation to its end.

    `accounts`: that of all users, then the user's own. `shard`: which document of the
    former; a user's own account has only one document.
    """

    accounts: tuple[str, ...]
    day: str
    shard: int = 0

    @property
    def documents(self) -> tuple[str, ...]:
        """In the order of `accounts`."""
        shared, *others = self.accounts
        return f"{shared}.{self.shard}", *others


def ledger_key(
    user_id: str, now: datetime, limits: "Limits", nth: int = 0
) -> LedgerKey:
    """`nth` may be any number; it selects the shard."""
    key = ledger_key_on(user_id, now.astimezone(limits.zone).date())
    return replace(key, shard=nth % limits.shards)


def nth_of(name: str) -> int:
    """A stable hash of `name`, so that a retry stays in the same shard."""
    return int.from_bytes(sha256(name.encode()).digest()[:4])


def ledger_key_on(user_id: str, day: date) -> LedgerKey:
    """`day` is in the ledger's time zone."""
    month = f"{day:%Y-%m}"
    user = quote(user_id, safe="")
    return LedgerKey(
        accounts=(f"all.{month}", f"user.{user}.{month}"), day=f"d{day:%d}"
    )


def documents_of(account: str, shards: int) -> tuple[str, ...]:
    """The documents whose sum is the account."""
    if account.startswith("all."):
        return tuple(f"{account}.{shard}" for shard in range(shards))
    return (account,)


def account_of(document: str) -> str:
    return document.rpartition(".")[0] if document.startswith("all.") else document


def in_micros(usd: Decimal) -> Decimal:
    """Rounded to the millionth of a USD, the smallest amount that is booked.

    Amounts are rounded before they are added or subtracted, never after, so that sums
    and differences of booked amounts stay exact.
    """
    return usd.quantize(MICRO)


class Totals(Struct, frozen=True, kw_only=True):
    held_usd: Decimal = ZERO
    settled_usd: Decimal = ZERO
    released_usd: Decimal = ZERO

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


class Account(Struct, frozen=True, kw_only=True):
    """One scope's month, by day."""

    days: Mapping[str, Totals] = field(default_factory=dict)

    def on(self, day: str) -> Totals:
        return self.days.get(day, Totals())

    @property
    def month(self) -> Totals:
        return sum(self.days.values(), Totals())

    def __add__(self, other: "Account") -> "Account":
        days = {*self.days, *other.days}
        return Account(days={day: self.on(day) + other.on(day) for day in days})


class Caps(Struct, frozen=True, kw_only=True):
    """Spending limits of one scope in USD; None: no limit."""

    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None

    @property
    def are_set(self) -> bool:
        return self.daily_usd is not None or self.monthly_usd is not None


class Limits(Struct, frozen=True, kw_only=True):
    """The caps of all users together and of each user, and each user's quotas.

    `zone`: the time zone of the ledger's days. `max_unpaid_per_hour`: jobs that may
    end at no cost through their user's doing (see `Booking`).
    """

    all_users: Caps = Caps()
    user: Caps = Caps()
    max_open_jobs: int = 20
    max_jobs_per_minute: int = 60
    max_uploads_per_minute: int = 60
    max_translations_per_minute: int = 20
    max_unpaid_per_hour: int = 60
    zone: tzinfo = UTC
    shards: int = SHARDS

    def caps(self) -> Sequence[Caps]:
        """In the order of `LedgerKey.accounts`."""
        return (self.all_users, self.user)


class Booking(Struct, frozen=True, kw_only=True):
    """What one commit of a job changes in the ledger and in the usage counters.

    `needs_room`: the increase of the hold must fit the caps, because none of it is
    spent yet. Otherwise it is owed, and is booked whatever the caps say.
    `unpaid_at`: when the job ended at no cost through its user's doing: without a
    usable image, cancelled before any provider was tried, because no provider can make
    it, or refused by providers.
    `usage`: by `ai_model`.
    """

    totals: Totals = Totals()
    open_jobs: int = 0
    needs_room: bool = False
    unpaid_at: datetime | None = None
    usage: Mapping[str, Counts] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return self == Booking()


def check(
    account: Account, caps: Caps, day: str, amount_usd: Decimal, now: datetime
) -> None:
    """LimitReached if `amount_usd` more would exceed a cap, to the cent; if both, for
    the one that has room again later.

    `now` is in the ledger's time zone, at whose midnight caps are reset.
    """
    waits = {}
    for code, cap, totals in (
        (ErrorCode.DAILY_LIMIT_REACHED, caps.daily_usd, account.on(day)),
        (ErrorCode.MONTHLY_LIMIT_REACHED, caps.monthly_usd, account.month),
    ):
        if cap is not None and totals.used_usd + amount_usd > cap:
            spending_fills_it = totals.settled_usd + amount_usd > cap
            after = _until_reset(code, now) if spending_fills_it else HOLDS_RETRY_AFTER
            waits[code] = after
    if waits:
        last = max(waits, key=lambda code: waits[code])
        raise LimitReached(last, waits[last])


def _until_reset(code: ErrorCode, now: datetime) -> timedelta:
    """From `now`, which is in the ledger's time zone, to its next day or month."""
    tomorrow = now.date() + timedelta(days=1)
    next_month = (now.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    day = tomorrow if code is ErrorCode.DAILY_LIMIT_REACHED else next_month
    reset = datetime.combine(day, time(), tzinfo=now.tzinfo)
    # Subtracted in UTC, because the zone's clock may be set forward or back in between.
    return reset.astimezone(UTC) - now.astimezone(UTC)

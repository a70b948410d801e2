"""Usage counters, by day and `ai_model`: videos, attempts, cost. They outlive jobs."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field

from shared.domain.durations import Durations
from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import Field
from shared.domain.specs import Choice, Day

# Stands for an `ai_model` where no provider was tried.
NO_PROVIDER = "none"
MAX_DAYS = 366


class Scope(StrEnum):
    """Whose usage: the caller's own, or that of all users."""

    OWN = "own"
    ALL = "all"


USAGE_FIELDS: Mapping[str, Field] = {
    "from": Field(
        spec=Day(),
        description="The first day, in the answer's `time_zone`. Without it, the first "
        f"of the month of `to`. At most {MAX_DAYS} days.",
    ),
    "to": Field(spec=Day(), description="The last day, inclusive. Without it, today."),
    "scope": Field(
        spec=Choice(values=tuple(Scope), title="Scope"),
        default=Scope.OWN,
        description="`own`: the caller's usage; `all`: every user's, for "
        "administrators only.",
    ),
}


class Counts(Struct, frozen=True, kw_only=True):
    """Counts of jobs that have ended. `milliseconds`: the total length of the videos.

    attempts: how often the provider was tried, without cancelled attempts.
    made_in: how long the videos took, from the intent to the checked file.
    """

    jobs: int = 0
    completed: int = 0
    failed: int = 0
    milliseconds: int = 0
    cost_usd: Decimal = Decimal(0)
    attempts: int = 0
    made_in: Durations = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            jobs=self.jobs + other.jobs,
            completed=self.completed + other.completed,
            failed=self.failed + other.failed,
            milliseconds=self.milliseconds + other.milliseconds,
            cost_usd=self.cost_usd + other.cost_usd,
            attempts=self.attempts + other.attempts,
            made_in=Counter(self.made_in) + Counter(other.made_in),
        )


class UsageMonth(Struct, frozen=True, kw_only=True):
    """One account's month: counts by day (`d01` to `d31`) and `ai_model`."""

    days: Mapping[str, Mapping[str, Counts]] = field(default_factory=dict)


class Period(Struct, frozen=True, kw_only=True):
    """Consecutive days, from the first to the last, both included."""

    first: date
    last: date

    @property
    def days(self) -> tuple[date, ...]:
        count = (self.last - self.first).days + 1
        return tuple(self.first + timedelta(days=n) for n in range(count))


class UsageQuery(Struct, frozen=True, kw_only=True):
    """The parsed query; days are in the ledger's time zone, None if not given."""

    first: date | None = None
    last: date | None = None
    scope: Scope = Scope.OWN

    def period(self, today: date) -> Period:
        """By default from the first of the last day's month, and until today.

        InvalidRequest if the first day is after the last, or if there are more than
        `MAX_DAYS`.
        """
        last = self.last or today
        first = self.first or last.replace(day=1)
        if first > last:
            raise InvalidRequest((FieldError(field="from", reason="after_to"),))
        if (last - first).days >= MAX_DAYS:
            most = (MAX_DAYS,)
            wrong = FieldError(field="from", reason="too_many_days", parameters=most)
            raise InvalidRequest((wrong,))
        return Period(first=first, last=last)

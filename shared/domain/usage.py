"""What was made and what it cost, by day and by who made it; outlives the jobs."""

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

# In the place of an `ai_model`, where nobody was asked.
NOBODY = "none"
MOST_DAYS = 366


class Scope(StrEnum):
    """Whose usage: the caller's own, or everybody's."""

    OWN = "own"
    ALL = "all"


USAGE_FIELDS: Mapping[str, Field] = {
    "from": Field(
        spec=Day(),
        description="The first day, in the answer's `time_zone`. Without it, the first "
        f"of the month of `to`. At most {MOST_DAYS} days.",
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
    """Of the jobs that ended: how long the videos are, and what was paid.

    attempts: how often the provider was asked, but for cancelled attempts.
    made_in: how long the videos took from the intent to the checked file.
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
    """Some days in a row, the first and the last among them."""

    first: date
    last: date

    @property
    def days(self) -> tuple[date, ...]:
        count = (self.last - self.first).days + 1
        return tuple(self.first + timedelta(days=n) for n in range(count))


class UsageQuery(Struct, frozen=True, kw_only=True):
    """What was asked; days of the ledger's time zone, None where none was named."""

    first: date | None = None
    last: date | None = None
    scope: Scope = Scope.OWN

    def period(self, today: date) -> Period:
        """Until today, from the first of the month, where nothing else was named.

        InvalidRequest where that is no period, or one of more than `MOST_DAYS`.
        """
        last = self.last or today
        first = self.first or last.replace(day=1)
        if first > last:
            raise _wrong(FieldError(field="from", reason="after_to"))
        if (last - first).days >= MOST_DAYS:
            most = (MOST_DAYS,)
            raise _wrong(
                FieldError(field="from", reason="too_many_days", parameters=most)
            )
        return Period(first=first, last=last)


def _wrong(error: FieldError) -> InvalidRequest:
    return InvalidRequest((error,))

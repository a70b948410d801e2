"""What one notice of a Google Cloud budget says, read from its Pub/Sub envelope.

The notice: cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.errors import Malformed

KNOWN_SCHEMA = "1.0"
# Beyond these an amount is no amount of any currency's.
LEAST_BUDGET = Decimal("0.01")
LARGEST_AMOUNT = Decimal(10) ** 15
# A budget of a period of one's own may be told of before it begins. One that begins in
# another age would hide every interval that really comes.
LONGEST_LEAD = timedelta(days=366)
NO_AMOUNT = Decimal(0)
ALL_AND_MORE = Decimal("Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetNotification:
    """How much of a budget is spent: a ratio, the account's currency may be any.

    Amounts that can't be judged (a budget of 0, a cost that is no number) count as all
    and more: `budget_amount` is `NO_AMOUNT` then, and `ratio` `ALL_AND_MORE`.
    `threshold` and `forecast` are the shares of the budget that the cost, or the cost
    foreseen for the interval, has crossed; None until one is.
    """

    budget_id: str
    budget_name: str
    schema_version: str
    interval_start: datetime
    published_at: datetime
    budget_amount: Decimal
    ratio: Decimal
    threshold: Decimal | None = None
    forecast: Decimal | None = None

    @property
    def can_be_judged(self) -> bool:
        return self.budget_amount != NO_AMOUNT


def read_notification(envelope: Mapping[str, object]) -> BudgetNotification:
    """Read a raw push envelope; Malformed where nobody can ever understand it."""
    try:
        return _read(envelope)
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise Malformed(f"no budget's notice: {type(error).__name__}") from error


def _read(envelope: Mapping[str, Any]) -> BudgetNotification:
    message = envelope["message"]
    attributes = message["attributes"]
    content = base64.b64decode(message["data"], validate=True)
    said = json.loads(content, parse_float=Decimal, parse_constant=Decimal)
    interval_start = _moment(said["costIntervalStart"])
    published_at = _moment(message["publishTime"])
    if interval_start > published_at + LONGEST_LEAD:
        raise ValueError("the interval lies ahead")
    budget_amount, ratio = _share(said)
    return BudgetNotification(
        budget_id=_name(attributes["budgetId"]),
        budget_name=str(said.get("budgetDisplayName", "")),
        schema_version=str(attributes.get("schemaVersion", "")),
        interval_start=interval_start,
        published_at=published_at,
        budget_amount=budget_amount,
        ratio=ratio,
        threshold=_number(said.get("alertThresholdExceeded")),
        forecast=_number(said.get("forecastThresholdExceeded")),
    )


def _share(said: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """The budget's amount, and how much of it is spent."""
    cost, budget = _number(said.get("costAmount")), _number(said.get("budgetAmount"))
    if cost is None or budget is None or budget < LEAST_BUDGET:
        return NO_AMOUNT, ALL_AND_MORE
    return budget, cost / budget


def _number(value: object) -> Decimal | None:
    """A finite number of a sane size; JSON's true is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or number.copy_abs() > LARGEST_AMOUNT:
        return None
    return number


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("no budget is named")
    return value


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.astimezone(UTC)

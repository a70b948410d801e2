"""A notification of a Google Cloud budget, read from its Pub/Sub envelope.

The format: cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from shared.domain.errors import Malformed

KNOWN_SCHEMA = "1.0"
# Amounts outside these bounds are nonsense in any currency.
MIN_BUDGET = Decimal("0.01")
MAX_AMOUNT = Decimal(10) ** 15
# A budget with a custom period may notify before it begins. An interval far in the
# future would hide all real ones, because the newest interval counts.
MAX_LEAD = timedelta(days=366)
NO_AMOUNT = Decimal(0)
OVERSPENT = Decimal("Infinity")


class BudgetNotification(Struct, frozen=True, kw_only=True):
    """How much of a budget is spent, as a ratio that holds in any currency.

    Unusable amounts (a budget of 0, a cost that isn't a number) count as overspent:
    `budget_amount` is then `NO_AMOUNT` and `ratio` is `OVERSPENT`.
    `forecast`: the highest threshold that the forecast cost has crossed, or None.
    """

    budget_id: str
    budget_name: str
    schema_version: str
    interval_start: datetime
    published_at: datetime
    budget_amount: Decimal
    ratio: Decimal
    forecast: Decimal | None = None

    @property
    def is_usable(self) -> bool:
        return self.budget_amount != NO_AMOUNT


def read_notification(envelope: Mapping[str, object]) -> BudgetNotification:
    """Parse a raw push envelope; Malformed, which no retry can fix."""
    try:
        return _read(envelope)
    except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise Malformed(f"not a notification: {type(error).__name__}") from error


def _read(envelope: Mapping[str, Any]) -> BudgetNotification:
    message = envelope["message"]
    attributes = message["attributes"]
    content = base64.b64decode(message["data"], validate=True)
    payload = json.loads(content, parse_float=Decimal, parse_constant=Decimal)
    interval_start = _timestamp(payload["costIntervalStart"])
    published_at = _timestamp(message["publishTime"])
    if interval_start > published_at + MAX_LEAD:
        raise ValueError("the interval lies ahead")
    budget_amount, ratio = _spent(payload)
    return BudgetNotification(
        budget_id=_budget_id(attributes["budgetId"]),
        budget_name=str(payload.get("budgetDisplayName", "")),
        schema_version=str(attributes.get("schemaVersion", "")),
        interval_start=interval_start,
        published_at=published_at,
        budget_amount=budget_amount,
        ratio=ratio,
        forecast=_number(payload.get("forecastThresholdExceeded")),
    )


def _spent(payload: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """The budget's amount and the ratio of it that is spent."""
    cost = _number(payload.get("costAmount"))
    budget = _number(payload.get("budgetAmount"))
    if cost is None or budget is None or budget < MIN_BUDGET:
        return NO_AMOUNT, OVERSPENT
    return budget, cost / budget


def _number(value: object) -> Decimal | None:
    """A finite number of plausible size, or None. JSON's true is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or number.copy_abs() > MAX_AMOUNT:
        return None
    return number


def _budget_id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("the budget's id is missing")
    return value


def _timestamp(value: str) -> datetime:
    timestamp = datetime.fromisoformat(value)
    if timestamp.tzinfo is None:
        raise ValueError("a timestamp without a time zone")
    return timestamp.astimezone(UTC)

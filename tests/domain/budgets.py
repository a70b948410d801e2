"""Budget notifications, and the Pub/Sub push envelopes that carry them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.budget_notification import KNOWN_SCHEMA, BudgetNotification
from tests.fakes.clock import NOON

OCTOBER = datetime(2026, 10, 1, 7, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 7, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 8, tzinfo=UTC)
MESSAGE = {
    "budgetDisplayName": "reelay",
    "costAmount": 140321,
    "costIntervalStart": "2026-11-01T07:00:00Z",
    "budgetAmount": 200000.0,
    "budgetAmountType": "SPECIFIED_AMOUNT",
    "alertThresholdExceeded": 0.5,
    "currencyCode": "KRW",
}
ATTRIBUTES = {
    "billingAccountId": "01D4EE-079462-DFD6EC",
    "budgetId": "de72f49d-779b-4945-a127-4d6ce8def0bb",
    "schemaVersion": KNOWN_SCHEMA,
}


def a_notification(
    ratio: str = "0.1",
    *,
    budget_id: str = "b1",
    interval: datetime = NOVEMBER,
    minute: int = 0,
    amount: str = "100",
    forecast: str | None = None,
) -> BudgetNotification:
    """Published `minute` minutes after noon of 22 November."""
    return BudgetNotification(
        budget_id=budget_id,
        budget_name="reelay",
        schema_version=KNOWN_SCHEMA,
        interval_start=interval,
        published_at=NOON + timedelta(minutes=minute),
        budget_amount=Decimal(amount),
        ratio=Decimal(ratio),
        forecast=Decimal(forecast) if forecast else None,
    )


def an_envelope(
    *,
    published_at: str = "2026-11-22T12:00:00.123Z",
    attributes: dict[str, Any] | None = None,
    without: str = "",
    **fields: Any,
) -> dict[str, Any]:
    """As Pub/Sub pushes it, its own fields in both spellings.

    `fields` replace those of the message; `without` leaves one out.
    """
    message = {k: v for k, v in {**MESSAGE, **fields}.items() if k != without}
    data = base64.b64encode(json.dumps(message).encode()).decode()
    return {
        "message": {
            "attributes": ATTRIBUTES if attributes is None else attributes,
            "data": data,
            "messageId": "2070443601311540",
            "message_id": "2070443601311540",
            "publishTime": published_at,
            "publish_time": published_at,
        },
        "subscription": "projects/demo/subscriptions/budget",
    }

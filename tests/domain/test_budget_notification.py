"""Parsing a budget notification's push envelope, or rejecting it as malformed."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from shared.domain.budget_notification import NO_AMOUNT, OVERSPENT, read_notification
from shared.domain.errors import Malformed
from tests.domain.budgets import ATTRIBUTES, MESSAGE, NOVEMBER, an_envelope

NAN, INFINITY = float("nan"), float("inf")


def test_a_notification_has_the_spent_share_of_its_budget() -> None:
    notification = read_notification(an_envelope(forecastThresholdExceeded=1.2))

    assert notification.budget_id == ATTRIBUTES["budgetId"]
    assert (notification.budget_name, notification.schema_version) == ("reelay", "1.0")
    assert notification.interval_start == NOVEMBER
    assert notification.published_at == datetime(
        2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC
    )
    assert notification.budget_amount == Decimal(200000)
    assert notification.ratio == Decimal("0.701605")
    assert notification.forecast == Decimal("1.2")
    assert notification.is_usable


def test_there_is_no_forecast_until_a_threshold_is_crossed() -> None:
    assert read_notification(an_envelope()).forecast is None


def test_a_ratio_is_exact_in_decimals() -> None:
    assert read_notification(
        an_envelope(costAmount=0.8, budgetAmount=1)
    ).ratio == Decimal("0.8")


def test_credits_may_make_a_cost_negative() -> None:
    assert read_notification(an_envelope(costAmount=-50.5)).ratio < 0


@pytest.mark.parametrize("field", ["costAmount", "budgetAmount"])
@pytest.mark.parametrize(
    "value",
    [NAN, INFINITY, -INFINITY, None, "100", True, [], {}, 1e16, -1e16, 10**400],
    ids=str,
)
def test_an_unusable_amount_counts_as_overspent(field: str, value: Any) -> None:
    notification = read_notification(an_envelope(**{field: value}))

    assert (notification.budget_amount, notification.ratio) == (NO_AMOUNT, OVERSPENT)
    assert not notification.is_usable


@pytest.mark.parametrize("field", ["costAmount", "budgetAmount"])
def test_a_missing_amount_counts_as_overspent(field: str) -> None:
    assert not read_notification(an_envelope(without=field)).is_usable


@pytest.mark.parametrize("amount", [0, -1, 0.0, -0.0, 0.001, 1e-300])
@pytest.mark.parametrize("cost", [0, 1, -1, 1e15])
def test_a_budget_of_almost_nothing_or_less_counts_as_overspent(
    amount: float, cost: float
) -> None:
    notification = read_notification(an_envelope(budgetAmount=amount, costAmount=cost))

    assert notification.ratio == OVERSPENT


def changed(**message: object) -> dict[str, Any]:
    envelope = an_envelope()
    envelope["message"] |= message
    return envelope


WITHOUT_BUDGET = {k: v for k, v in ATTRIBUTES.items() if k != "budgetId"}


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"message": None},
        {"message": {}},
        {"message": []},
        changed(data=None),
        changed(data=7),
        changed(data="%%%"),
        changed(data="e30="),  # {}
        changed(data="W10="),  # []
        changed(data="bm90IGpzb24="),  # not json
        changed(data="/w=="),  # not UTF-8
        changed(attributes=None),
        changed(attributes={}),
        changed(attributes=WITHOUT_BUDGET),
        changed(attributes=ATTRIBUTES | {"budgetId": ""}),
        changed(attributes=ATTRIBUTES | {"budgetId": 7}),
        changed(publishTime=None),
        changed(publishTime="noon"),
        changed(publishTime="2026-11-22T12:00:00"),
        an_envelope(without="costIntervalStart"),
        an_envelope(costIntervalStart="November"),
        an_envelope(costIntervalStart=20261101),
        an_envelope(costIntervalStart="2026-11-01T07:00:00"),
        an_envelope(costIntervalStart="0001-01-01T00:00:00+14:00"),
        an_envelope(costIntervalStart="2027-12-01T07:00:00Z"),
        an_envelope(costIntervalStart="9999-01-01T00:00:00Z"),
    ],
)
def test_an_unreadable_envelope_is_malformed(envelope: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read_notification(envelope)


texts = st.text("a7.Z-:é", max_size=8)
scalars = st.none() | st.booleans() | st.floats() | st.integers() | texts
anything = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(texts, scalars, max_size=2)
)


@given(field=st.sampled_from(sorted(MESSAGE)), value=anything)
def test_any_value_of_a_field_gives_a_notification_or_malformed(
    field: str, value: Any
) -> None:
    try:
        notification = read_notification(an_envelope(**{field: value}))
    except Malformed:
        return
    assert not notification.ratio.is_nan() and notification.budget_amount.is_finite()


@given(field=st.sampled_from(sorted(changed()["message"])), value=anything)
def test_any_value_in_the_envelope_gives_a_notification_or_malformed(
    field: str, value: Any
) -> None:
    try:
        assert read_notification(changed(**{field: value})).budget_id
    except Malformed:
        return

"""What was made and spent is shown: whose, of which days, in which order."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.errors import Forbidden
from shared.domain.ledger import Account, Caps, Limits, Totals
from shared.domain.structs import replace
from shared.domain.usage import NOBODY, Counts, Scope, UsageMonth, UsageQuery
from shared.ports.identity import Caller
from shared.usecases.show_usage import CapUse, ShowUsage
from tests.fakes.clock import FrozenClock
from tests.fakes.jobs import FakeJobs
from tests.fakes.usage import FakeUsage

ANN = Caller(user_id="ann")
OPERATOR = Caller(user_id="min-ji", is_admin=True)
EVERYBODYS = UsageQuery(scope=Scope.ALL)
ONE = Counts(jobs=1, completed=1, milliseconds=8000, cost_usd=Decimal("0.40"))


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def show(jobs: FakeJobs) -> ShowUsage:
    return ShowUsage(
        store=FakeUsage(jobs=jobs),
        clock=FrozenClock(),
        limits=Limits(),
        chain=(ProviderId.VEO, ProviderId.RUNWAY),
    )


def test_days_come_in_order_and_models_as_the_chain_asks_them(
    show: ShowUsage, jobs: FakeJobs
) -> None:
    asked = (NOBODY, "gemini-omni-flash", "runway", "gemini-veo-3.1")
    days = {"d02": {"runway": ONE}, "d01": dict.fromkeys(asked, ONE)}
    jobs.usage["user.ann.2026-11"] = UsageMonth(days=days)

    shown = [(u.day.day, u.ai_model) for u in show(ANN, UsageQuery()).usage]

    in_order = ("gemini-veo-3.1", "runway", "gemini-omni-flash", None)
    assert shown == [*((1, model) for model in in_order), (2, "runway")]


def test_the_first_and_the_last_day_count_and_no_other(
    show: ShowUsage, jobs: FakeJobs
) -> None:
    every_day = {f"d{day:02}": {"runway": ONE} for day in range(1, 32)}
    for month in ("2026-09", "2026-10", "2026-11"):
        jobs.usage[f"user.ann.{month}"] = UsageMonth(days=every_day)
    first, last = date(2026, 9, 29), date(2026, 11, 2)

    report = show(ANN, UsageQuery(first=first, last=last))

    shown = [usage.day for usage in report.usage]
    assert (shown[0], shown[-1], len(shown)) == (first, last, 35)


def test_one_sees_ones_own_and_an_admin_everybodys(
    show: ShowUsage, jobs: FakeJobs
) -> None:
    for name in ("all", "user.ann", "user.bob"):
        counts = replace(ONE, jobs=len(name))
        days = {"d22": {"runway": counts}}
        jobs.usage[f"{name}.2026-11"] = UsageMonth(days=days)

    own = show(ANN, UsageQuery())
    everybodys = show(OPERATOR, EVERYBODYS)

    assert [usage.counts.jobs for usage in own.usage] == [len("user.ann")]
    assert [usage.counts.jobs for usage in everybodys.usage] == [len("all")]
    assert show(OPERATOR, UsageQuery()).usage == ()


def test_only_an_admin_sees_other_users(show: ShowUsage) -> None:
    with pytest.raises(Forbidden):
        show(ANN, EVERYBODYS)


@pytest.mark.parametrize(
    ("caller", "scope", "daily", "monthly"),
    [
        pytest.param(ANN, Scope.OWN, "2.00", "8.00", id="own"),
        pytest.param(OPERATOR, Scope.ALL, "47.00", "93.00", id="all users'"),
    ],
)
def test_what_is_left_of_a_cap_is_what_is_neither_held_nor_settled(
    show: ShowUsage,
    jobs: FakeJobs,
    caller: Caller,
    scope: Scope,
    daily: str,
    monthly: str,
) -> None:
    today = Totals(held_usd=Decimal(5), released_usd=Decimal(2))
    earlier = Totals(held_usd=Decimal(7), released_usd=Decimal(3))
    account = Account(days={"d22": today, "d01": earlier})
    jobs.accounts = {"all.2026-11": account, "user.ann.2026-11": account}
    caps = Caps(daily_usd=Decimal(5), monthly_usd=Decimal(15))
    all_caps = Caps(daily_usd=Decimal(50), monthly_usd=Decimal(100))

    limits = Limits(user=caps, everybody=all_caps)
    report = replace(show, limits=limits)(caller, UsageQuery(scope=scope))

    assert [report.daily.used_usd, report.monthly.used_usd] == [3, 7]
    assert (report.daily.left_usd, report.monthly.left_usd) == (
        Decimal(daily),
        Decimal(monthly),
    )


def test_no_less_than_nothing_is_left() -> None:
    overcharged = CapUse(limit_usd=Decimal(5), used_usd=Decimal(7))

    assert overcharged.left_usd == 0


def test_a_user_has_no_more_left_than_the_cap_of_all_users() -> None:
    shared = CapUse(limit_usd=Decimal(20), used_usd=Decimal(19))
    own = CapUse(limit_usd=Decimal(5), used_usd=Decimal(2), within=shared)
    uncapped = CapUse(limit_usd=None, used_usd=Decimal(2), within=shared)

    assert own.left_usd == uncapped.left_usd == 1


def test_a_day_begins_at_midnight_of_the_ledgers_own_zone(
    show: ShowUsage, jobs: FakeJobs
) -> None:
    zone = ZoneInfo("Asia/Seoul")
    late = FrozenClock(datetime(2026, 11, 30, 16, tzinfo=UTC))
    december = Account(days={"d01": Totals(held_usd=Decimal(1))})
    jobs.accounts["user.ann.2026-12"] = december

    report = replace(show, clock=late, limits=Limits(zone=zone))(ANN, UsageQuery())

    assert report.time_zone == "Asia/Seoul"
    assert report.period.last == report.period.first == date(2026, 12, 1)
    assert report.daily.used_usd == 1

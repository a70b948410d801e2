"""Usage and spend: whose, of which days, in which order."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.domain.catalogue import ProviderId
from shared.domain.ledger import Account, Caps, Limits, Totals
from shared.domain.outcomes import Succeeded
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER, Counts, Scope, UsageMonth, UsageQuery
from shared.ports.identity import Caller
from shared.usecases.show_usage import CapUsage, ShowUsage
from tests.domain.examples import a_job
from tests.fakes.clock import FrozenClock
from tests.fakes.jobs import FakeJobs
from tests.usecases.harness import Harness

ANN = Caller(user_id="ann")
OPERATOR = Caller(user_id="min-ji", is_admin=True)
EVERYBODYS = UsageQuery(scope=Scope.ALL)
ONE = Counts(jobs=1, completed=1, milliseconds=8000, cost_usd=Decimal("0.40"))


@pytest.fixture
def jobs() -> FakeJobs:
    return FakeJobs()


@pytest.fixture
def show(jobs: FakeJobs) -> ShowUsage:
    return Harness(jobs=jobs, chain=(ProviderId.VEO, ProviderId.RUNWAY)).show_usage


def test_days_are_in_order_and_models_in_the_order_of_the_chain(
    show: ShowUsage, jobs: FakeJobs
) -> None:
    asked = {"gemini-omni-flash": 1, "runway": 3, "gemini-veo-3.1": 2}
    counts = {name: replace(ONE, attempts=n) for name, n in asked.items()}
    days = {"d02": {"runway": ONE}, "d01": {NO_PROVIDER: ONE, **counts}}
    jobs.usage["user.ann.2026-11"] = UsageMonth(days=days)

    report = show(ANN, UsageQuery())

    in_order = ("gemini-veo-3.1", "runway", "gemini-omni-flash")
    shown = [(usage.day.day, usage.ai_model) for usage in report.usage]
    assert shown == [*((1, model) for model in (*in_order, None)), (2, "runway")]
    assert tuple(report.providers) == in_order


def test_the_first_and_the_last_day_count(show: ShowUsage, jobs: FakeJobs) -> None:
    every_day = {f"d{day:02}": {"runway": ONE} for day in range(1, 32)}
    for month in ("2026-09", "2026-10", "2026-11"):
        jobs.usage[f"user.ann.{month}"] = UsageMonth(days=every_day)
    first, last = date(2026, 9, 29), date(2026, 11, 2)

    report = show(ANN, UsageQuery(first=first, last=last))

    shown = [usage.day for usage in report.usage]
    assert (shown[0], shown[-1], len(shown)) == (first, last, 35)


def test_users_see_their_own_usage_and_an_administrator_all_of_it(
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


@pytest.mark.parametrize(
    ("caller", "scope", "daily", "monthly"),
    [
        pytest.param(ANN, Scope.OWN, "2.00", "8.00", id="own"),
        pytest.param(OPERATOR, Scope.ALL, "47.00", "93.00", id="all users'"),
    ],
)
def test_the_rest_of_a_cap_is_neither_held_nor_settled(
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

    limits = Limits(user=caps, all_users=all_caps)
    report = replace(show, limits=limits)(caller, UsageQuery(scope=scope))

    assert [report.daily.used_usd, report.monthly.used_usd] == [3, 7]
    assert (report.daily.left_usd, report.monthly.left_usd) == (
        Decimal(daily),
        Decimal(monthly),
    )


def test_a_job_counts_on_the_day_on_which_it_was_created() -> None:
    """As its money does, although its video is made on the next day."""
    harness = Harness(clock=FrozenClock(datetime(2026, 11, 22, 23, 59, 50, tzinfo=UTC)))
    harness.jobs.create(a_job(at=harness.clock.now()))
    harness.providers[ProviderId.RUNWAY].polls = [Succeeded()]
    assert harness.run().updated_at.day == 23

    (counted,) = harness.show_usage(ANN, UsageQuery()).usage

    assert (counted.day, counted.counts.completed) == (date(2026, 11, 22), 1)


def test_the_rest_of_a_cap_is_never_negative() -> None:
    overcharged = CapUsage(limit_usd=Decimal(5), used_usd=Decimal(7))

    assert overcharged.left_usd == 0


def test_a_user_has_no_more_left_than_the_global_cap() -> None:
    shared = CapUsage(limit_usd=Decimal(20), used_usd=Decimal(19))
    own = CapUsage(limit_usd=Decimal(5), used_usd=Decimal(2), all_users=shared)
    uncapped = CapUsage(limit_usd=None, used_usd=Decimal(2), all_users=shared)

    assert own.left_usd == uncapped.left_usd == 1


def test_a_report_says_no_more_is_left_than_the_global_caps_leave(
    show: ShowUsage,
) -> None:
    caps = Caps(daily_usd=Decimal(5), monthly_usd=Decimal(15))
    all_caps = Caps(daily_usd=Decimal(1), monthly_usd=Decimal(2))

    limited = replace(show, limits=Limits(user=caps, all_users=all_caps))
    report = limited(ANN, UsageQuery())

    assert [report.daily.left_usd, report.monthly.left_usd] == [1, 2]


def test_a_day_begins_at_the_ledgers_midnight(show: ShowUsage, jobs: FakeJobs) -> None:
    zone = ZoneInfo("Asia/Seoul")
    late = FrozenClock(datetime(2026, 11, 30, 16, tzinfo=UTC))
    december = Account(days={"d01": Totals(held_usd=Decimal(1))})
    jobs.accounts["user.ann.2026-12"] = december

    report = replace(show, clock=late, limits=Limits(zone=zone))(ANN, UsageQuery())

    assert report.time_zone == "Asia/Seoul"
    assert report.period.last == report.period.first == date(2026, 12, 1)
    assert report.daily.used_usd == 1

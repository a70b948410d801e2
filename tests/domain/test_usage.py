"""How an ended job is counted, to the millionth, and the days of a usage query."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from shared.domain.booking import booking, booking_of_unreadable, usage
from shared.domain.catalogue import ProviderId
from shared.domain.durations import bucket
from shared.domain.errors import ErrorCode, InvalidRequest
from shared.domain.job import AttemptState, Job, Language
from shared.domain.ledger import Totals, in_micros
from shared.domain.outcomes import Rejected, Skipped, Unknown
from shared.domain.refusals import describe_field
from shared.domain.structs import replace
from shared.domain.transitions import apply
from shared.domain.usage import NO_PROVIDER, Counts, Period, UsageQuery
from tests.domain.examples import (
    CHAIN,
    FAULT,
    NOON,
    a_job,
    answered,
    completed,
    started,
)

TODAY = date(2026, 11, 22)
# What a video that took no time adds to the counts.
AT_ONCE: Any = {"attempts": 1, "made_in": {0: 1}}


def failed_after(*costs: tuple[ProviderId, Decimal]) -> Job:
    """A job that ended without a video, with an attempt for each cost."""
    one = started(a_job(), ProviderId.RUNWAY).attempts[0]
    attempts = [
        replace(one, provider_id=provider_id, state=AttemptState.FAILED, cost_usd=cost)
        for provider_id, cost in costs
    ]
    total = sum((cost for _, cost in costs), Decimal(0))
    job = replace(a_job(), attempts=tuple(attempts), hold_usd=total)
    return job.ended(ErrorCode.ALL_PROVIDERS_FAILED)


def test_a_completed_job_counts_its_seconds_and_its_cost() -> None:
    assert usage(completed(a_job(duration=8), ProviderId.RUNWAY)) == {
        "runway": Counts(
            jobs=1, completed=1, milliseconds=8000, cost_usd=Decimal("0.40"), **AT_ONCE
        )
    }


def test_a_videos_time_is_counted_from_its_intent_to_its_file() -> None:
    job = completed(a_job(), ProviderId.RUNWAY)
    (attempt,) = job.attempts
    later = attempt.started_at + timedelta(seconds=80)

    counts = usage(replace(job, attempts=(replace(attempt, ended_at=later),)))

    assert counts["runway"].made_in == {bucket(80): 1}


@pytest.mark.parametrize(
    ("state", "attempts"),
    [
        (AttemptState.FAILED, 1),
        (AttemptState.REJECTED, 1),
        (AttemptState.NOT_SENT, 1),
        (AttemptState.UNKNOWN, 1),
        (AttemptState.CANCELLED, 0),
        (AttemptState.SKIPPED, 0),
    ],
)
def test_cancelled_and_skipped_attempts_do_not_count_for_a_provider(
    state: AttemptState, attempts: int
) -> None:
    job = failed_after((ProviderId.RUNWAY, Decimal(1)))
    tried = replace(job, attempts=(replace(job.attempts[0], state=state),))

    assert usage(tried)["runway"].attempts == attempts


def test_each_attempts_cost_counts_for_its_own_provider() -> None:
    job = a_job(duration=8, chain=(ProviderId.RUNWAY, ProviderId.VEO))
    unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))

    counted = usage(completed(unknown, ProviderId.VEO))

    assert counted == {
        "gemini-veo-3.1": Counts(
            jobs=1, completed=1, milliseconds=8000, cost_usd=Decimal("3.20"), **AT_ONCE
        ),
        "runway": Counts(cost_usd=Decimal("0.40"), attempts=1),
    }


def test_a_failed_job_counts_for_the_last_provider_asked() -> None:
    job = a_job(chain=(ProviderId.VEO,))
    failed = answered(job, ProviderId.VEO, Rejected(problem=FAULT))

    ended = failed.ended(ErrorCode.ALL_PROVIDERS_FAILED)

    assert usage(ended) == {"gemini-veo-3.1": Counts(jobs=1, failed=1, attempts=1)}


def test_a_job_that_asked_no_provider_counts_for_none() -> None:
    job = apply(a_job(), Skipped(provider_id=ProviderId.RUNWAY, problem=FAULT), NOON)

    assert usage(job.ended(ErrorCode.CANCELLED)) == {
        NO_PROVIDER: Counts(jobs=1, failed=1)
    }


def test_an_unreadable_job_counts_as_having_spent_its_whole_hold() -> None:
    booked = booking_of_unreadable(Decimal("3.2000004"))

    counts = Counts(jobs=1, failed=1, cost_usd=Decimal("3.20"))
    assert (booked.usage, booked.open_jobs) == ({NO_PROVIDER: counts}, -1)
    assert booked.totals.settled_usd == counts.cost_usd


def test_what_an_unreadable_job_cost_above_its_hold_is_booked_too() -> None:
    booked = booking_of_unreadable(Decimal("0.40"), Decimal("1.00"))

    assert booked.totals == Totals(
        held_usd=Decimal("0.60"), settled_usd=Decimal("1.00")
    )


COSTS = st.lists(
    st.tuples(
        st.sampled_from(CHAIN), st.decimals(min_value=0, max_value=100, places=9)
    ),
    max_size=9,
)


@given(costs=COSTS)
def test_the_costs_sum_to_what_the_ledger_settles(
    costs: Sequence[tuple[ProviderId, Decimal]],
) -> None:
    ended = failed_after(*costs)

    booked = booking(replace(ended, problem=None), ended)

    spent = [counts.cost_usd for counts in booked.usage.values()]
    assert sum(spent) == booked.totals.settled_usd
    assert all(usd == in_micros(usd) >= 0 for usd in spent)
    assert sum(counts.jobs for counts in booked.usage.values()) == 1


@given(
    holds=st.lists(st.decimals(min_value=0, max_value=100, places=9), min_size=1),
    cost=st.decimals(min_value=0, max_value=1, places=9),
)
def test_every_hold_is_settled_or_released_to_the_millionth(
    holds: Sequence[Decimal], cost: Decimal
) -> None:
    jobs = [replace(a_job(), hold_usd=hold) for hold in holds]
    ended = replace(failed_after((ProviderId.RUNWAY, cost)), hold_usd=holds[-1])

    steps = zip([None, *jobs], [*jobs, ended], strict=True)
    booked = [booking(before, after).totals for before, after in steps]

    held = [totals.held_usd for totals in booked]
    assert all(usd == in_micros(usd) for usd in held)
    assert sum(totals.open_usd for totals in booked) == 0


OCTOBER_30, FEBRUARY_3 = date(2026, 10, 30), date(2026, 2, 3)
LEAP_YEAR = date(2024, 1, 1), date(2024, 12, 31)
QUERIES = {
    "this month": (UsageQuery(), date(2026, 11, 1), TODAY),
    "from": (UsageQuery(first=OCTOBER_30), OCTOBER_30, TODAY),
    "to: its month": (UsageQuery(last=FEBRUARY_3), date(2026, 2, 1), FEBRUARY_3),
    "all of a leap year": (
        UsageQuery(first=LEAP_YEAR[0], last=LEAP_YEAR[1]),
        *LEAP_YEAR,
    ),
    "the last": (UsageQuery(last=date.max), date(9999, 12, 1), date.max),
}


@pytest.mark.parametrize(("query", "first", "last"), QUERIES.values(), ids=QUERIES)
def test_a_query_covers_its_days(query: UsageQuery, first: date, last: date) -> None:
    period = query.period(TODAY)

    assert period == Period(first=first, last=last)
    assert (period.days[0], period.days[-1]) == (first, last)
    assert len(period.days) == (last - first).days + 1


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (date(2026, 11, 23), None, "after_to"),
        (date(2026, 11, 2), date(2026, 11, 1), "after_to"),
        (date(2025, 11, 21), None, "too_many_days"),
        (date.min, date.max, "too_many_days"),
    ],
)
def test_a_wrong_period_is_refused(first: date, last: date | None, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        UsageQuery(first=first, last=last).period(TODAY)

    (error,) = refused.value.errors
    assert (error.field, error.reason) == ("from", reason)
    assert all("{" not in describe_field(error, language) for language in Language)


def test_counts_add_up() -> None:
    one = Counts(
        jobs=1,
        completed=2,
        failed=3,
        milliseconds=4,
        cost_usd=Decimal("0.1"),
        attempts=5,
        made_in={30: 1, 31: 2},
    )

    assert one + replace(one, made_in={31: 1}) == Counts(
        jobs=2,
        completed=4,
        failed=6,
        milliseconds=8,
        cost_usd=Decimal("0.2"),
        attempts=10,
        made_in={30: 1, 31: 3},
    )

"""The ledger: what fits under a cap, when to retry, and what each commit books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.domain.booking import booking
from shared.domain.catalogue import ProviderId
from shared.domain.errors import ErrorCode, LimitReached, Problem, TooManyJobs
from shared.domain.job import Job
from shared.domain.job_count import JobCount, with_one_more_job, with_one_more_upload
from shared.domain.ledger import (
    SHARDS,
    Account,
    Booking,
    Caps,
    LedgerKey,
    Limits,
    Totals,
    account_of,
    check,
    documents_of,
    ledger_key,
    nth_of,
)
from shared.domain.outcomes import (
    Accepted,
    Failed,
    NotSent,
    Poll,
    Skipped,
    Submission,
    Succeeded,
    Unknown,
)
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.structs import replace
from shared.domain.transitions import apply, settle
from tests.domain.examples import (
    CHAIN,
    FAULT,
    NOON,
    a_job,
    a_new_job,
    answered,
    polled,
    rejected,
    running,
    started,
    stored,
    storing,
)

DAY = "d22"
SEOUL = ZoneInfo("Asia/Seoul")


def used(*, settled: str = "0", open_: str = "0") -> Account:
    held = Decimal(settled) + Decimal(open_)
    return Account(days={DAY: Totals(held_usd=held, settled_usd=Decimal(settled))})


@pytest.mark.parametrize(
    ("account", "amount"),
    [
        pytest.param(Account(), "10.00", id="all of an empty one"),
        pytest.param(used(settled="9.99"), "0.01", id="the last cent"),
        pytest.param(used(open_="5", settled="4"), "1", id="beside open holds"),
    ],
)
def test_an_amount_that_fits_to_the_cent_is_admitted(
    account: Account, amount: str
) -> None:
    check(account, Caps(daily_usd=Decimal(10)), DAY, Decimal(amount), NOON)


@pytest.mark.parametrize(
    ("account", "caps", "code", "retry_after"),
    [
        pytest.param(
            used(settled="9.99"),
            Caps(daily_usd=Decimal(10)),
            ErrorCode.DAILY_LIMIT_REACHED,
            timedelta(hours=12),
            id="spent: retry tomorrow",
        ),
        pytest.param(
            used(settled="9.98", open_="0.01"),
            Caps(daily_usd=Decimal(10)),
            ErrorCode.DAILY_LIMIT_REACHED,
            timedelta(seconds=60),
            id="spent, but with room for this: retry in a minute",
        ),
        pytest.param(
            used(open_="9.99"),
            Caps(daily_usd=Decimal(10)),
            ErrorCode.DAILY_LIMIT_REACHED,
            timedelta(seconds=60),
            id="held: retry in a minute",
        ),
        pytest.param(
            used(settled="9.99"),
            Caps(monthly_usd=Decimal(10)),
            ErrorCode.MONTHLY_LIMIT_REACHED,
            timedelta(days=8, hours=12),
            id="spent this month: retry on the first",
        ),
        pytest.param(
            used(settled="9.99"),
            Caps(daily_usd=Decimal(5), monthly_usd=Decimal(10)),
            ErrorCode.MONTHLY_LIMIT_REACHED,
            timedelta(days=8, hours=12),
            id="both spent: tomorrow is too early",
        ),
        pytest.param(
            Account(days={**used(open_="2").days, "d01": Totals(held_usd=Decimal(8))}),
            Caps(daily_usd=Decimal(2), monthly_usd=Decimal(10)),
            ErrorCode.DAILY_LIMIT_REACHED,
            timedelta(seconds=60),
            id="both held: retry in a minute",
        ),
        pytest.param(
            Account(
                days={
                    **used(open_="1").days,
                    "d01": Totals(held_usd=Decimal(9), settled_usd=Decimal(9)),
                }
            ),
            Caps(daily_usd=Decimal(1), monthly_usd=Decimal(9)),
            ErrorCode.MONTHLY_LIMIT_REACHED,
            timedelta(days=8, hours=12),
            id="the day is held, but the month spent: a minute is too early",
        ),
    ],
)
def test_an_amount_that_does_not_fit_names_the_cap_and_when_to_retry(
    account: Account, caps: Caps, code: ErrorCode, retry_after: timedelta
) -> None:
    with pytest.raises(LimitReached) as refused:
        check(account, caps, DAY, Decimal("0.02"), NOON)

    assert (refused.value.limit, refused.value.retry_after) == (code, retry_after)


def test_another_days_spending_counts_only_for_the_month() -> None:
    yesterday = Account(days={"d21": Totals(held_usd=Decimal(9))})

    check(yesterday, Caps(daily_usd=Decimal(5)), DAY, Decimal(5), NOON)
    with pytest.raises(LimitReached):
        check(yesterday, Caps(monthly_usd=Decimal(10)), DAY, Decimal(5), NOON)


@pytest.mark.parametrize(
    ("at", "days"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 1),
        (datetime(2027, 2, 1, tzinfo=UTC), 28),
        (datetime(2026, 12, 1, tzinfo=UTC), 31),
    ],
)
def test_a_month_resets_on_the_first_of_the_next(at: datetime, days: int) -> None:
    with pytest.raises(LimitReached) as refused:
        check(used(settled="10"), Caps(monthly_usd=Decimal(10)), DAY, Decimal(1), at)

    assert refused.value.retry_after == timedelta(days=days)


def test_accounts_add_up_day_by_day() -> None:
    one, two = Totals(held_usd=Decimal(1)), Totals(settled_usd=Decimal(2))

    both = Account(days={"d01": one, "d02": two}) + Account(days={"d02": one})
    both += Account(days={"d03": two})

    assert both == Account(days={"d01": one, "d02": one + two, "d03": two})


def test_a_day_begins_at_midnight_of_the_ledgers_own_zone() -> None:
    late = datetime(2026, 11, 30, 16, tzinfo=UTC)

    key = ledger_key("a/b", late, Limits(zone=SEOUL, shards=1))

    assert key == LedgerKey(
        accounts=("all.2026-12", "user.a%2Fb.2026-12"), day="d01", shard=0
    )
    assert ledger_key("ann", late, Limits()).day == "d30"


def test_jobs_spread_over_the_global_caps_shards_and_use_their_users_one_document() -> (
    None
):
    keys = [ledger_key("ann", NOON, Limits(), nth_of(f"job{n}")) for n in range(200)]

    shared = [key.documents[0] for key in keys]
    assert set(shared) == set(documents_of("all.2026-11", SHARDS))
    assert max(map(shared.count, shared)) < 40
    assert {key.documents[1] for key in keys} == {"user.ann.2026-11"}
    assert {account_of(document) for document in shared} == {"all.2026-11"}
    in_turn = [ledger_key("ann", NOON, Limits(), n).shard for n in range(2 * SHARDS)]
    assert in_turn == [*range(SHARDS), *range(SHARDS)]


@pytest.mark.parametrize(
    ("at", "hours_to_midnight"),
    [
        pytest.param(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 21.5, id="forward"),
        pytest.param(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 22.5, id="back"),
    ],
)
def test_a_day_resets_at_its_zones_midnight_across_a_clock_change(
    at: datetime, hours_to_midnight: float
) -> None:
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    spent = used(settled="10")

    with pytest.raises(LimitReached) as refused:
        check(spent, Caps(daily_usd=Decimal(10)), DAY, Decimal(1), local)

    assert refused.value.retry_after == timedelta(hours=hours_to_midnight)


def test_an_intent_beyond_the_hold_raises_it_if_the_caps_have_room() -> None:
    job = a_job(duration=8, chain=(ProviderId.RUNWAY, ProviderId.VEO))
    unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))

    intended = started(unknown, ProviderId.VEO)

    assert intended.hold_usd == Decimal("3.60")
    assert booking(unknown, intended) == Booking(
        totals=Totals(held_usd=Decimal("3.20")), needs_room=True
    )


def test_an_intent_within_the_hold_books_nothing() -> None:
    job = replace(
        a_job(chain=(ProviderId.RUNWAY, ProviderId.OMNI)), hold_usd=Decimal(2)
    )
    unknown = answered(job, ProviderId.RUNWAY, Unknown(detail="no answer"))

    assert booking(unknown, started(unknown, ProviderId.OMNI)).is_empty


@pytest.mark.parametrize(
    "poll",
    [
        Failed(problem=FAULT, cost_usd=Decimal("3.40")),
        Succeeded(cost_usd=Decimal("3.40")),
    ],
    ids=lambda poll: type(poll).__name__,
)
def test_a_charge_above_the_hold_is_booked_whatever_the_caps_say(poll: Poll) -> None:
    job = a_job(duration=8, chain=(ProviderId.RUNWAY, ProviderId.VEO))
    running = answered(job, ProviderId.RUNWAY, Accepted(task_id="t"))

    booked = booking(running, polled(running, poll))

    assert booked == Booking(totals=Totals(held_usd=Decimal("3.00")))


PAID = PromptTranslation(cost_usd=Decimal("0.0002"))


def test_a_charge_after_a_translation_is_booked_whatever_the_caps_say() -> None:
    job = running(replace(a_job(), translation=PAID), ProviderId.RUNWAY)

    booked = booking(job, polled(job, Succeeded(cost_usd=Decimal("3.40"))))

    assert booked == Booking(totals=Totals(held_usd=Decimal("3.00")))


@pytest.mark.parametrize(
    ("job", "code", "is_counted"),
    [
        pytest.param(a_new_job(), ErrorCode.CANCELLED, True, id="image not prepared"),
        pytest.param(a_new_job(), ErrorCode.IMAGE_INVALID, True, id="no image"),
        pytest.param(a_job(), ErrorCode.CANCELLED, True, id="image prepared"),
        pytest.param(
            a_new_job(image_url=None), ErrorCode.CANCELLED, True, id="text alone"
        ),
        pytest.param(
            settle(
                a_new_job(image_url=None, chain=(ProviderId.RUNWAY, ProviderId.VEO)),
                NOON,
            ),
            ErrorCode.CANCELLED,
            True,
            id="one skipped",
        ),
        pytest.param(
            a_job(), ErrorCode.GENERATION_PAUSED, False, id="not ended by its owner"
        ),
        pytest.param(
            replace(a_job(), translation=PAID), ErrorCode.CANCELLED, False, id="paid"
        ),
        pytest.param(
            running(a_job(), ProviderId.RUNWAY),
            ErrorCode.CANCELLED,
            False,
            id="started",
        ),
        pytest.param(
            answered(a_job(), ProviderId.RUNWAY, rejected(ErrorCode.RATE_LIMITED)),
            ErrorCode.CANCELLED,
            False,
            id="tried, but not refused",
        ),
    ],
)
def test_a_job_ended_by_its_owner_at_no_cost_is_counted(
    job: Job, code: ErrorCode, *, is_counted: bool
) -> None:
    booked = booking(job, job.ended(code))

    assert (booked.unpaid_at is not None) is is_counted


def skipped(*reasons: ErrorCode) -> Job:
    """Its image was fetched and checked; then each provider was skipped."""
    job = a_job(chain=CHAIN[: len(reasons)])
    for planned, code in zip(job.chain, reasons, strict=True):
        skip = Skipped(
            provider_id=planned.provider_id, problem=Problem(code=code, detail="why")
        )
        job = apply(job, skip, NOON)
    return settle(job, NOON)


@pytest.mark.parametrize(
    ("job", "is_counted"),
    [
        pytest.param(
            settle(a_job(aspect_ratio="21:9", chain=(ProviderId.VEO,)), NOON),
            True,
            id="unsupported",
        ),
        pytest.param(skipped(ErrorCode.NOT_CONFIGURED), True, id="not configured"),
        pytest.param(
            skipped(ErrorCode.NOT_CONFIGURED, ErrorCode.CIRCUIT_OPEN),
            False,
            id="one would be asked at another time",
        ),
    ],
)
def test_a_job_that_no_provider_can_make_is_counted(
    job: Job, *, is_counted: bool
) -> None:
    assert job.is_final

    assert (booking(a_job(), job).unpaid_at is not None) is is_counted


NOT_SENT = NotSent(problem=FAULT)


def refused(
    code: ErrorCode,
    first: Submission = NOT_SENT,
    translation: PromptTranslation | None = None,
) -> Job:
    """Runway's answer was `first`, and Veo refused it with `code` at no cost."""
    job = a_job(chain=(ProviderId.RUNWAY, ProviderId.VEO))
    tried = answered(replace(job, translation=translation), ProviderId.RUNWAY, first)
    return answered(tried, ProviderId.VEO, rejected(code))


@pytest.mark.parametrize(
    ("job", "is_counted"),
    [
        pytest.param(refused(ErrorCode.PROMPT_REFUSED), True, id="prompt"),
        pytest.param(refused(ErrorCode.IMAGE_REFUSED), True, id="image"),
        pytest.param(refused(ErrorCode.INPUT_NOT_ACCEPTED), True, id="form"),
        pytest.param(refused(ErrorCode.OUTPUT_FILTERED), True, id="video"),
        pytest.param(
            refused(ErrorCode.PROMPT_REFUSED, translation=PAID), True, id="translated"
        ),
        pytest.param(
            refused(ErrorCode.PROMPT_REFUSED, Unknown(detail="no answer")),
            False,
            id="another may have charged",
        ),
        pytest.param(refused(ErrorCode.RATE_LIMITED), False, id="the vendor's doing"),
    ],
)
def test_a_job_that_providers_refuse_at_no_cost_is_counted(
    job: Job, *, is_counted: bool
) -> None:
    assert job.is_final

    assert (booking(a_job(), job).unpaid_at is not None) is is_counted


def test_a_refusal_that_another_provider_made_up_for_is_not_counted() -> None:
    job = a_job(chain=(ProviderId.RUNWAY, ProviderId.VEO))
    refusal = rejected(ErrorCode.INPUT_NOT_ACCEPTED)
    at_veo = storing(answered(job, ProviderId.RUNWAY, refusal), ProviderId.VEO)

    done = apply(at_veo, stored(ProviderId.VEO), NOON)

    assert done.delivered
    assert booking(job, done).unpaid_at is None


THIS_MINUTE = "2026-11-22T12:00"
THIS_HOUR, LAST_HOUR = "2026-11-22T12", "2026-11-22T11"
FEW = Limits(max_open_jobs=3, max_jobs_per_minute=2, max_unpaid_per_hour=2)


@pytest.mark.parametrize(
    ("count", "after"),
    [
        pytest.param(
            JobCount(),
            JobCount(open_jobs=1, minute=THIS_MINUTE, made=1),
            id="the first ever",
        ),
        pytest.param(
            JobCount(open_jobs=2, minute=THIS_MINUTE, made=1),
            JobCount(open_jobs=3, minute=THIS_MINUTE, made=2),
            id="the last that fits",
        ),
        pytest.param(
            JobCount(open_jobs=0, minute="2026-11-22T11:59", made=2),
            JobCount(open_jobs=1, minute=THIS_MINUTE, made=1),
            id="a new minute",
        ),
        pytest.param(
            JobCount(open_jobs=0, minute="2026-11-22T12:01", made=1),
            JobCount(open_jobs=1, minute="2026-11-22T12:01", made=2),
            id="a clock ahead of ours",
        ),
        pytest.param(
            JobCount(unpaid={LAST_HOUR: 9, THIS_HOUR: 1}),
            JobCount(open_jobs=1, minute=THIS_MINUTE, made=1, unpaid={THIS_HOUR: 1}),
            id="a new hour",
        ),
    ],
)
def test_a_new_job_is_counted(count: JobCount, after: JobCount) -> None:
    assert with_one_more_job(count, FEW, NOON) == after


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(JobCount(open_jobs=3), id="too many open"),
        pytest.param(JobCount(minute=THIS_MINUTE, made=2), id="too many a minute"),
        pytest.param(JobCount(minute="2026-11-22T12:01", made=2), id="clocks differ"),
        pytest.param(JobCount(unpaid={THIS_HOUR: 2}), id="too many unpaid"),
    ],
)
def test_one_job_too_many_is_refused(count: JobCount) -> None:
    with pytest.raises(TooManyJobs):
        with_one_more_job(count, FEW, NOON + timedelta(seconds=59))


@pytest.mark.parametrize(
    ("count", "at", "retry_after"),
    [
        pytest.param(JobCount(open_jobs=3), NOON, timedelta(minutes=1), id="open"),
        pytest.param(
            JobCount(unpaid={THIS_HOUR: 2}),
            NOON + timedelta(minutes=20, seconds=30),
            timedelta(minutes=39, seconds=30),
            id="unpaid",
        ),
    ],
)
def test_a_retry_makes_sense_once_the_quota_has_room(
    count: JobCount, at: datetime, retry_after: timedelta
) -> None:
    with pytest.raises(TooManyJobs) as refused:
        with_one_more_job(count, FEW, at)

    assert refused.value.retry_after == retry_after


@pytest.mark.parametrize(
    ("count", "after"),
    [
        pytest.param(
            JobCount(open_jobs=3, minute=THIS_MINUTE, made=2, uploads=4),
            JobCount(open_jobs=3, minute=THIS_MINUTE, made=2, uploads=5),
            id="the last that fits",
        ),
        pytest.param(
            JobCount(open_jobs=3, minute="2026-11-22T11:59", made=2, uploads=5),
            JobCount(open_jobs=3, minute=THIS_MINUTE, made=0, uploads=1),
            id="a new minute",
        ),
    ],
)
def test_a_new_upload_is_counted(count: JobCount, after: JobCount) -> None:
    limits = Limits(max_uploads_per_minute=5)

    assert with_one_more_upload(count, limits, NOON) == after
    with pytest.raises(TooManyJobs):
        with_one_more_upload(replace(after, uploads=5), limits, NOON)


def test_the_minute_is_the_same_in_every_time_zone() -> None:
    there = with_one_more_job(JobCount(), FEW, NOON.astimezone(SEOUL))

    assert there.minute == THIS_MINUTE

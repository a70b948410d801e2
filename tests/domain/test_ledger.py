"""The ledger: what fits under a cap, when to retry, and what each commit books."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from shared.domain.booking import booking
from shared.domain.errors import (
    ErrorCode,
    LimitReached,
    Problem,
    TooManyJobs,
    TooManyRequests,
)
from shared.domain.job import Job
from shared.domain.job_count import (
    JobCount,
    with_one_more_job,
    with_one_more_translation,
    with_one_more_upload,
)
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
    OMNI,
    RUNWAY,
    VEO,
    a_job,
    a_new_job,
    answered,
    completed,
    polled,
    rejected,
    running,
    started,
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
def test_an_amount_that_just_fits_is_admitted(account: Account, amount: str) -> None:
    check(account, Caps(daily_usd=Decimal(10)), DAY, Decimal(amount), NOON)


def caps(*, daily: int | None = None, monthly: int | None = None) -> Caps:
    return Caps(
        daily_usd=None if daily is None else Decimal(daily),
        monthly_usd=None if monthly is None else Decimal(monthly),
    )


def held(usd: int, *, settled: int = 0) -> Totals:
    return Totals(held_usd=Decimal(usd), settled_usd=Decimal(settled))


SPENT = used(settled="9.99")
NEARLY = used(settled="9.98", open_="0.01")
OPEN = used(open_="9.99")
TWO_DAYS = Account(days={DAY: held(2), "d01": held(8)})
SETTLED = Account(days={DAY: held(1), "d01": held(9, settled=9)})
DAILY, MONTHLY = ErrorCode.DAILY_LIMIT_REACHED, ErrorCode.MONTHLY_LIMIT_REACHED
A_MINUTE, TOMORROW = timedelta(minutes=1), timedelta(hours=12)
IN_DAYS = timedelta(days=8, hours=12)
# With what is used under which caps 0.02 USD do not fit: the cap, and when to retry.
TOO_MUCH = {
    "spent": (SPENT, caps(daily=10), DAILY, TOMORROW),
    "spent, but with room for this": (NEARLY, caps(daily=10), DAILY, A_MINUTE),
    "held": (OPEN, caps(daily=10), DAILY, A_MINUTE),
    "spent this month": (SPENT, caps(monthly=10), MONTHLY, IN_DAYS),
    "both spent": (SPENT, caps(daily=5, monthly=10), MONTHLY, IN_DAYS),
    "held on two days": (TWO_DAYS, caps(monthly=10), MONTHLY, A_MINUTE),
    "both held": (TWO_DAYS, caps(daily=2, monthly=10), DAILY, A_MINUTE),
    "one held, the month spent": (SETTLED, caps(daily=1, monthly=9), MONTHLY, IN_DAYS),
}


@pytest.mark.parametrize(
    ("account", "caps", "code", "retry_after"), TOO_MUCH.values(), ids=TOO_MUCH
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


def test_a_day_begins_at_the_ledgers_midnight() -> None:
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


NO_ANSWER = Unknown(detail="no answer")


def test_an_intent_beyond_the_hold_raises_it_if_the_caps_have_room() -> None:
    job = a_job(duration=8, chain=(RUNWAY, VEO))
    unknown = answered(job, RUNWAY, NO_ANSWER)

    intended = started(unknown, VEO)

    assert intended.hold_usd == Decimal("3.60")
    assert booking(unknown, intended) == Booking(
        totals=Totals(held_usd=Decimal("3.20")), needs_room=True
    )


def test_an_intent_within_the_hold_books_nothing() -> None:
    job = replace(a_job(chain=(RUNWAY, OMNI)), hold_usd=Decimal(2))
    unknown = answered(job, RUNWAY, NO_ANSWER)

    assert booking(unknown, started(unknown, OMNI)).is_empty


@pytest.mark.parametrize(
    "poll",
    [
        Failed(problem=FAULT, cost_usd=Decimal("3.40")),
        Succeeded(cost_usd=Decimal("3.40")),
    ],
    ids=lambda poll: type(poll).__name__,
)
def test_a_charge_above_the_hold_is_booked_whatever_the_caps_say(poll: Poll) -> None:
    job = a_job(duration=8, chain=(RUNWAY, VEO))
    running = answered(job, RUNWAY, Accepted(task_id="t"))

    booked = booking(running, polled(running, poll))

    assert booked == Booking(totals=Totals(held_usd=Decimal("3.00")))


PAID = PromptTranslation(cost_usd=Decimal("0.0002"))


def test_a_charge_after_a_translation_is_booked_whatever_the_caps_say() -> None:
    job = running(replace(a_job(), translation=PAID), RUNWAY)

    booked = booking(job, polled(job, Succeeded(cost_usd=Decimal("3.40"))))

    assert booked == Booking(totals=Totals(held_usd=Decimal("3.00")))


def skipped(*reasons: ErrorCode) -> Job:
    """Its image was fetched and checked; then each provider was skipped."""
    job = a_job(chain=CHAIN[: len(reasons)])
    for planned, code in zip(job.chain, reasons, strict=True):
        why = Problem(code=code, detail="why")
        job = apply(job, Skipped(provider_id=planned.provider_id, problem=why), NOON)
    return settle(job, NOON)


NOT_SENT = NotSent(problem=FAULT)


def refused(
    code: ErrorCode,
    first: Submission = NOT_SENT,
    translation: PromptTranslation | None = None,
) -> Job:
    """Runway's answer was `first`, and Veo refused it with `code` at no cost."""
    job = replace(a_job(chain=RUNWAY_AND_VEO), translation=translation)
    return answered(answered(job, RUNWAY, first), VEO, rejected(code))


C = ErrorCode
RUNWAY_AND_VEO = (RUNWAY, VEO)
TEXT_FOR_VEO = settle(a_new_job(image_url=None, chain=RUNWAY_AND_VEO), NOON)
LIMITED = answered(a_job(), RUNWAY, rejected(C.RATE_LIMITED))
REFUSED = answered(a_job(chain=RUNWAY_AND_VEO), RUNWAY, rejected(C.INPUT_NOT_ACCEPTED))
COUNTED = {
    "cancelled, image not prepared": a_new_job().ended(C.CANCELLED),
    "cancelled, image prepared": a_job().ended(C.CANCELLED),
    "cancelled, translated": replace(a_job(), translation=PAID).ended(C.CANCELLED),
    "cancelled, of text alone": a_new_job(image_url=None).ended(C.CANCELLED),
    "cancelled, one skipped": TEXT_FOR_VEO.ended(C.CANCELLED),
    "no image": a_new_job().ended(C.IMAGE_INVALID),
    "unsupported": settle(a_job(aspect_ratio="21:9", chain=(VEO,)), NOON),
    "not configured": skipped(C.NOT_CONFIGURED),
    "prompt refused": refused(C.PROMPT_REFUSED),
    "prompt refused, but translated": refused(C.PROMPT_REFUSED, translation=PAID),
    "image refused": refused(C.IMAGE_REFUSED),
    "form refused": refused(C.INPUT_NOT_ACCEPTED),
    "video refused": refused(C.OUTPUT_FILTERED),
}
NOT_COUNTED = {
    "not ended by its owner": a_job().ended(C.GENERATION_PAUSED),
    "cancelled, but started": running(a_job(), RUNWAY).ended(C.CANCELLED),
    "cancelled, but not refused": LIMITED.ended(C.CANCELLED),
    "one would be asked later": skipped(C.NOT_CONFIGURED, C.CIRCUIT_OPEN),
    "another may have charged": refused(C.PROMPT_REFUSED, NO_ANSWER),
    "the vendor's doing": refused(C.RATE_LIMITED),
    "another made it": completed(REFUSED, VEO),
}


@pytest.mark.parametrize("job", COUNTED.values(), ids=COUNTED)
def test_a_job_that_ends_at_no_cost_by_its_owners_doing_is_counted(job: Job) -> None:
    assert job.is_final

    assert booking(a_job(), job).unpaid_at


@pytest.mark.parametrize("job", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_any_other_ended_job_is_not_counted(job: Job) -> None:
    assert job.is_final

    assert not booking(a_job(), job).unpaid_at


THIS_MINUTE = "2026-11-22T12:00"
THIS_HOUR, LAST_HOUR = "2026-11-22T12", "2026-11-22T11"
FEW = Limits(max_open_jobs=3, max_jobs_per_minute=2, max_unpaid_per_hour=2)


AHEAD, LAST_MINUTE = "2026-11-22T12:01", "2026-11-22T11:59"
now = partial(JobCount, minute=THIS_MINUTE)
COUNTS = {
    "the first ever": (JobCount(), now(open_jobs=1, made=1)),
    "the last that fits": (now(open_jobs=2, made=1), now(open_jobs=3, made=2)),
    "a new minute": (JobCount(minute=LAST_MINUTE, made=2), now(open_jobs=1, made=1)),
    "a clock ahead of ours": (
        JobCount(minute=AHEAD, made=1),
        JobCount(open_jobs=1, minute=AHEAD, made=2),
    ),
    "a new hour": (
        JobCount(unpaid={LAST_HOUR: 9, THIS_HOUR: 1}),
        now(open_jobs=1, made=1, unpaid={THIS_HOUR: 1}),
    ),
}


@pytest.mark.parametrize(("count", "after"), COUNTS.values(), ids=COUNTS)
def test_a_new_job_is_counted(count: JobCount, after: JobCount) -> None:
    assert with_one_more_job(count, FEW, NOON) == after


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(JobCount(open_jobs=3), id="too many open"),
        pytest.param(JobCount(minute=THIS_MINUTE, made=2), id="too many a minute"),
        pytest.param(JobCount(minute=AHEAD, made=2), id="clocks differ"),
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
        (now(open_jobs=3, made=2, uploads=4), now(open_jobs=3, made=2, uploads=5)),
        (JobCount(minute=LAST_MINUTE, made=2, uploads=5), now(uploads=1)),
    ],
    ids=["the last that fits", "a new minute"],
)
def test_a_new_upload_is_counted(count: JobCount, after: JobCount) -> None:
    limits = Limits(max_uploads_per_minute=5)

    assert with_one_more_upload(count, limits, NOON) == after
    with pytest.raises(TooManyJobs):
        with_one_more_upload(replace(after, uploads=5), limits, NOON)


def test_one_translation_too_many_is_refused_until_the_next_minute() -> None:
    limits, later = Limits(max_translations_per_minute=1), NOON + timedelta(minutes=1)
    count = with_one_more_translation(JobCount(), limits, NOON)

    with pytest.raises(TooManyRequests) as refused:
        with_one_more_translation(count, limits, later - timedelta(seconds=20))

    assert refused.value.retry_after == timedelta(seconds=20)
    assert with_one_more_translation(count, limits, later).translations == 1


def test_the_minute_is_the_same_in_every_time_zone() -> None:
    there = with_one_more_job(JobCount(), FEW, NOON.astimezone(SEOUL))

    assert there.minute == THIS_MINUTE

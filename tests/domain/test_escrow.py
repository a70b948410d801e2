"""A cap divided among shards is exact, whichever shards take how much in what order."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.escrow import MONTH, Shard, borrow, can_take_alone
from shared.domain.ledger import MICRO, Account, Caps, Totals
from shared.domain.structs import replace

DAY = "d22"
CENTS = st.integers(min_value=0, max_value=500).map(lambda n: Decimal(n) / 100)


EMPTY = Shard()
HUNDRED = Caps(daily_usd=Decimal(100))


def using(usd: Decimal, shard: Shard = EMPTY) -> Shard:
    """The shard after it took `usd` more, or released it if negative."""
    added = Totals(held_usd=max(usd, Decimal(0)), released_usd=max(-usd, Decimal(0)))
    day = shard.account.on(DAY) + added
    return replace(shard, account=Account(days={DAY: day}))


def take(shards: list[Shard], nth: int, usd: Decimal, caps: Caps) -> list[Shard]:
    """As a commit does: the loans and the amount in one step."""
    loans = borrow(shards, nth, usd, caps, DAY)
    after = [
        replace(shard, borrowed=loans.get(n, shard.borrowed))
        for n, shard in enumerate(shards)
    ]
    after[nth] = using(usd, after[nth])
    return after


def used(shards: list[Shard]) -> Decimal:
    return sum((shard.account.on(DAY).used_usd for shard in shards), Decimal(0))


def spare(shards: list[Shard], cap: Decimal) -> list[Decimal]:
    """What each shard has left of its allowance, loans included."""
    return [
        cap / len(shards) + s.borrowed.get(DAY, Decimal(0)) - s.account.on(DAY).used_usd
        for s in shards
    ]


def test_a_shard_with_enough_allowance_borrows_nothing() -> None:
    assert borrow([EMPTY] * 4, 1, Decimal(25), HUNDRED, DAY) == {}
    assert can_take_alone(EMPTY, 1, 4, Decimal(25), HUNDRED, DAY)
    assert not can_take_alone(EMPTY, 1, 4, Decimal("25.01"), HUNDRED, DAY)
    for period, takes in ((DAY, False), (MONTH, False), ("another day", True)):
        doubtful = replace(EMPTY, recheck={period})
        assert can_take_alone(doubtful, 1, 4, MICRO, HUNDRED, DAY) == takes


def test_the_first_shard_has_what_cannot_be_divided() -> None:
    caps, more = Caps(daily_usd=Decimal(1)), Decimal("0.333334")

    takes = [can_take_alone(EMPTY, nth, 3, more, caps, DAY) for nth in range(3)]

    assert takes == [True, False, False]


def test_one_cent_too_many_borrows_from_a_neighbour_with_some_to_spare() -> None:
    loans = borrow([EMPTY] * 4, 3, Decimal("25.01"), HUNDRED, DAY)

    half = Decimal("12.5")
    assert loans == {0: {DAY: -half}, 3: {DAY: half}}


def test_the_nearest_shard_that_can_lend_all_of_it_lends_alone() -> None:
    spent, most, some, more = map(using, map(Decimal, (10, 8, 4, -5)))
    caps = Caps(daily_usd=Decimal(40))

    loans = borrow([spent, most, some, more], 0, Decimal(4), caps, DAY)

    assert loans == {0: {DAY: Decimal(4)}, 2: {DAY: Decimal(-4)}}


def test_the_daily_and_the_monthly_cap_are_separate() -> None:
    caps = Caps(daily_usd=Decimal(100), monthly_usd=Decimal(20))

    loans = borrow([EMPTY] * 2, 0, Decimal(15), caps, DAY)

    assert {period for loan in loans.values() for period in loan} == {MONTH}


def test_what_another_day_used_counts_for_the_month_but_not_for_the_day() -> None:
    yesterday = Account(days={"d21": Totals(held_usd=Decimal(20))})
    shard, monthly = replace(EMPTY, account=yesterday), Caps(monthly_usd=Decimal(100))
    both = replace(monthly, daily_usd=Decimal(100))

    assert can_take_alone(shard, 1, 4, Decimal(25), HUNDRED, DAY)
    for caps in (monthly, both):
        assert can_take_alone(shard, 1, 4, Decimal(5), caps, DAY)
        assert not can_take_alone(shard, 1, 4, Decimal("5.01"), caps, DAY)
        loans = borrow([EMPTY, shard, EMPTY, EMPTY], 1, Decimal("5.01"), caps, DAY)
        assert {period for loan in loans.values() for period in loan} == {MONTH}


def test_the_last_cent_is_gathered_from_all_shards() -> None:
    shards = [using(Decimal("2.4"))] * 4

    after = take(shards, 0, Decimal("0.4"), Caps(daily_usd=Decimal(10)))

    assert used(after) == 10
    assert spare(after, Decimal(10)) == [0, 0, 0, 0]


@given(
    cap=st.integers(min_value=1, max_value=2000).map(lambda n: Decimal(n) / 100),
    count=st.integers(min_value=1, max_value=12),
    steps=st.lists(st.tuples(st.integers(0, 11), CENTS), max_size=60),
    later=st.integers(min_value=1, max_value=2000).map(lambda n: Decimal(n) / 100),
)
def test_shards_stay_within_their_allowances_and_loans_sum_to_zero(
    cap: Decimal, count: int, steps: list[tuple[int, Decimal]], later: Decimal
) -> None:
    """A job fits if the whole cap has room for it; the cap changes half-way."""
    shards = [EMPTY] * count
    for step, (at, usd) in enumerate(steps):
        limit = cap if step < len(steps) // 2 else later
        if used(shards) + usd > limit:
            continue
        caps, alone = Caps(daily_usd=limit), shards[at % count]
        was_in_order = not borrow(shards, 0, Decimal(0), caps, DAY)
        if was_in_order and can_take_alone(alone, at % count, count, usd, caps, DAY):
            assert borrow(shards, at % count, usd, caps, DAY) == {}
        shards = take(shards, at % count, usd, caps)

        assert borrow(shards, 0, Decimal(0), Caps(daily_usd=limit), DAY) == {}
        assert sum(s.borrowed.get(DAY, Decimal(0)) for s in shards) == 0
        assert used(shards) <= limit

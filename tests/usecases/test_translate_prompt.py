"""Translating a prompt for review: booked before the call, within every limit."""

from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain.errors import (
    ErrorCode,
    GenerationPaused,
    LimitReached,
    Problem,
    Unavailable,
    Unreachable,
)
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.prompt_translation import Translation
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER, Counts
from shared.jobs.commit import CONTENTION_BACKOFF
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.translator import IN_ENGLISH, FakeTranslator
from tests.usecases.harness import ANN, Harness

KOREAN = "고양이가 창밖을 바라본다"
MAX_PRICE = Decimal("0.006")


def a_harness(limits: Limits | None = None) -> Harness:
    return Harness(jobs=FakeJobs(limits), translator=FakeTranslator())


def asked(harness: Harness) -> int:
    assert harness.translator
    return len(harness.translator.requests)


def spent(harness: Harness) -> list[Decimal]:
    return [account.month.settled_usd for account in harness.jobs.accounts.values()]


def test_the_prompt_comes_back_in_english() -> None:
    harness = a_harness()

    assert harness.translate_prompt(ANN, KOREAN) == IN_ENGLISH
    assert harness.translator
    assert harness.translator.requests == [(KOREAN, 1000)]


def test_the_models_sdk_is_imported_before_the_requests_time_begins() -> None:
    """An import may take longer than that time, which the first read begins."""
    harness, reads = a_harness(), list[int]()

    class Importing(FakeTranslator):
        def max_cost_usd(self, prompt: str) -> Decimal:
            reads.append(harness.switch.reads)
            return super().max_cost_usd(prompt)

    harness.translator = Importing()

    harness.translate_prompt(ANN, KOREAN)

    assert reads == [0]


def test_the_maximum_is_booked_before_the_call_and_then_the_cost() -> None:
    harness = a_harness()
    assert harness.translator
    before: list[Decimal] = []
    harness.translator.during = lambda: before.extend(spent(harness))

    harness.translate_prompt(ANN, KOREAN)

    assert before == [MAX_PRICE, MAX_PRICE]
    assert spent(harness) == [IN_ENGLISH.cost_usd] * 2
    for account in harness.jobs.accounts.values():
        assert account.month.used_usd == IN_ENGLISH.cost_usd
        assert not account.month.open_usd
    counts = harness.jobs.usage["user.ann.2026-11"].days["d22"]
    assert counts == {NO_PROVIDER: Counts(cost_usd=IN_ENGLISH.cost_usd)}


def test_a_booking_before_midnight_is_released_on_the_same_day() -> None:
    harness = a_harness()
    assert harness.translator
    harness.translator.during = lambda: harness.clock.move(timedelta(days=1))

    harness.translate_prompt(ANN, KOREAN)

    account = harness.jobs.accounts["user.ann.2026-11"]
    assert {day: spent.used_usd for day, spent in account.days.items()} == {
        "d22": IN_ENGLISH.cost_usd
    }


@pytest.mark.parametrize(
    ("code", "cost"),
    [(ErrorCode.ACCESS_DENIED, Decimal(0)), (ErrorCode.SUBMISSION_UNKNOWN, MAX_PRICE)],
)
def test_a_call_without_an_answer_costs_what_its_vendor_may_bill(
    code: ErrorCode, cost: Decimal
) -> None:
    harness = a_harness()
    failed = Translation(problem=Problem(code=code), cost_usd=cost)
    harness.translator = FakeTranslator(answer=failed)

    with pytest.raises(Unavailable):
        harness.translate_prompt(ANN, KOREAN)

    assert spent(harness) == [cost, cost]


@pytest.mark.parametrize(
    ("trouble", "cost"),
    [
        (Trouble.LOST_RACE, MAX_PRICE),
        (Trouble.UNREACHABLE, MAX_PRICE),
        (Trouble.NOT_APPLIED, MAX_PRICE),
        (Trouble.APPLIED, IN_ENGLISH.cost_usd),
    ],
)
def test_a_release_that_may_have_taken_effect_is_never_repeated(
    trouble: Trouble, cost: Decimal
) -> None:
    harness = a_harness()
    harness.jobs.troubles = [Trouble.NONE, trouble]

    assert harness.translate_prompt(ANN, KOREAN) == IN_ENGLISH

    assert spent(harness) == [cost, cost]


@pytest.mark.parametrize(
    "limits",
    [
        Limits(user=Caps(daily_usd=2 * MAX_PRICE)),
        Limits(all_users=Caps(daily_usd=2 * MAX_PRICE)),
    ],
    ids=["user", "all_users"],
)
def test_a_cap_limits_translations(limits: Limits) -> None:
    harness = a_harness(limits)
    assert harness.translator
    harness.translator.answer = replace(IN_ENGLISH, cost_usd=MAX_PRICE)
    for _ in range(2):
        harness.translate_prompt(ANN, KOREAN)

    with pytest.raises(LimitReached):
        harness.translate_prompt(ANN, KOREAN)

    assert asked(harness) == 2


def test_the_model_is_not_called_while_spending_is_paused() -> None:
    harness = a_harness()
    harness.set_level(Level.PAUSED)

    with pytest.raises(GenerationPaused):
        harness.translate_prompt(ANN, KOREAN)

    assert not asked(harness)


def test_the_model_is_not_called_until_the_booking_is_known_to_be_committed() -> None:
    harness = a_harness()
    harness.jobs.troubles = [Trouble.LOST_RACE, Trouble.NOT_APPLIED, Trouble.NONE]

    harness.translate_prompt(ANN, KOREAN)

    assert asked(harness) == 1
    assert spent(harness) == [IN_ENGLISH.cost_usd] * 2
    harness.jobs.troubles = [Trouble.LOST_RACE] * (len(CONTENTION_BACKOFF) + 1)
    with pytest.raises(Unreachable):
        harness.translate_prompt(ANN, KOREAN)
    assert asked(harness) == 1


def test_a_model_that_hangs_is_called_three_times_and_again_after_a_minute() -> None:
    harness = a_harness()
    unknown = Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
    harness.translator = FakeTranslator(answer=Translation(problem=unknown))
    for _ in range(3):
        with pytest.raises(Unavailable):
            harness.translate_prompt(ANN, KOREAN)
    harness.clock.pause(20)
    before = spent(harness)

    with pytest.raises(Unavailable) as refused:
        harness.translate_prompt(ANN, KOREAN)

    assert refused.value.retry_after == timedelta(seconds=40)
    assert asked(harness) == 3
    assert spent(harness) == before
    harness.clock.pause(40)
    harness.translator.answer = IN_ENGLISH
    assert harness.translate_prompt(ANN, KOREAN) == IN_ENGLISH


def test_prompts_that_the_model_refuses_do_not_block_others() -> None:
    harness = a_harness()
    refused = Translation(problem=Problem(code=ErrorCode.PROMPT_REFUSED))
    unknown = Translation(problem=Problem(code=ErrorCode.SUBMISSION_UNKNOWN))
    for answer in (unknown, unknown, refused, unknown, unknown, refused, refused):
        harness.translator = FakeTranslator(answer=answer)
        with pytest.raises(Unavailable):
            harness.translate_prompt(ANN, KOREAN)

    harness.translator = FakeTranslator()
    assert harness.translate_prompt(ANN, KOREAN) == IN_ENGLISH

"""How a job goes on while its prompt is translated."""

from decimal import Decimal

from shared.domain import timing
from shared.domain.next_action import Start, next_action
from shared.domain.outcomes import Translated, TranslationSkipped, TranslationStarted
from shared.domain.structs import replace
from shared.domain.transitions import apply
from tests.domain.examples import NOON, RUNWAY, a_job, running

LATER = NOON + timing.TRANSLATION_LIMIT + timing.CLOCK_SKEW
FOREIGN = a_job(prompt="고양이")
STARTED = TranslationStarted(max_cost_usd=Decimal("0.01"))
ANSWER = Translated(text="a cat", cost_usd=Decimal("0.002"))


def test_the_original_is_sent_if_no_answer_is_committed() -> None:
    parked = replace(FOREIGN, is_parked=True)

    job = apply(parked, STARTED, NOON)

    until = NOON + timing.TRANSLATION_LIMIT
    assert (job.wake_at, job.is_parked) == (until + timing.CLOCK_SKEW, False)
    assert isinstance(next_action(job, until + timing.CLOCK_SKEW), Start)


def test_a_skipped_translation_costs_nothing_and_makes_the_job_due() -> None:
    parked = replace(FOREIGN, is_parked=True)

    job = apply(parked, TranslationSkipped(), LATER)

    assert (job.wake_at, job.is_parked) == (LATER, False)
    assert job.translation and job.translation.cost_usd == 0


def test_only_the_first_answer_counts() -> None:
    job = apply(apply(FOREIGN, STARTED, NOON), ANSWER, NOON)
    assert (job.prompt_to_send, job.wake_at) == ("a cat", NOON)

    other = replace(ANSWER, text="a dog")
    assert apply(job, other, NOON) is job
    assert apply(FOREIGN, ANSWER, NOON).translation is None


def test_a_late_answer_does_not_disturb_the_attempt() -> None:
    job = running(apply(FOREIGN, STARTED, NOON), RUNWAY, LATER)

    late = apply(job, ANSWER, LATER)

    assert (late.wake_at, late.prompt_to_send) == (job.wake_at, job.prompt_to_send)
    assert late.translation and late.translation.cost_usd == ANSWER.cost_usd

"""Translating the prompt: paid at most once, and never an obstacle to the video."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import circuit, timing
from shared.domain.catalogue import ProviderId
from shared.domain.circuit import Circuit
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.kill_switch import Level
from shared.domain.ledger import Caps, Limits
from shared.domain.outcomes import CancelRequested, Rejected
from shared.domain.prompt_translation import Translation
from shared.domain.structs import replace
from shared.domain.usage import NO_PROVIDER
from shared.jobs.commit import LONG_BACKOFF
from shared.ports.store import TaskQueue, Versioned
from tests.domain.examples import IMAGE, NOON, a_new_job, rejected
from tests.fakes.interpose import after_next
from tests.fakes.jobs import FakeJobs, Trouble
from tests.fakes.process import Died, die
from tests.fakes.translator import A_CAT, IN_ENGLISH, FakeTranslator
from tests.usecases.harness import Harness

KOREAN = "고양이가 창밖을 바라본다"
MAX_PRICE = Decimal("0.006")
PRICE = Decimal("0.40")


def prepared(limits: Limits | None = None, **how: Any) -> Harness:
    """A job whose image is checked and whose first provider is due."""
    harness = Harness(jobs=FakeJobs(limits), translator=FakeTranslator())
    asked_for = {"prompt": KOREAN, **how}
    job = replace(a_new_job(**asked_for), image=IMAGE)
    harness.jobs.create(job)
    return harness


def asked(harness: Harness) -> list[tuple[str, int]]:
    assert harness.translator
    return harness.translator.requests


def during_the_call(harness: Harness, act: Callable[[], object]) -> None:
    assert harness.translator
    harness.translator.during = act


def sent(harness: Harness) -> list[str]:
    return [r.prompt for p in harness.providers.values() for r in p.requests]


def test_the_english_prompt_is_sent_and_both_are_shown() -> None:
    harness = prepared()

    harness.step()
    shown = harness.jobs.projections["job1"]
    assert (shown["prompt"], shown["prompt_sent"]) == (KOREAN, None)

    harness.step()
    shown = harness.jobs.projections["job1"]
    assert sent(harness) == [A_CAT]
    assert (shown["prompt"], shown["prompt_sent"]) == (KOREAN, A_CAT)
    assert shown["cost_usd"] == "0.4002"


def test_every_provider_gets_the_same_translation_which_is_made_once() -> None:
    harness = prepared()
    busy = Problem(code=ErrorCode.PROVIDER_UNAVAILABLE)
    for provider in harness.providers.values():
        provider.submissions = [Rejected(problem=busy)]

    job = harness.run()

    assert set(sent(harness)) == {A_CAT}
    assert len(sent(harness)) > 3
    assert len(asked(harness)) == 1
    assert job.cost_usd == IN_ENGLISH.cost_usd
    account = harness.jobs.accounts["all.2026-11"].month
    assert account.settled_usd == IN_ENGLISH.cost_usd
    assert not account.open_usd
    counts = harness.jobs.usage["all.2026-11"].days["d22"]
    assert counts[NO_PROVIDER].cost_usd == IN_ENGLISH.cost_usd
    assert counts[NO_PROVIDER].jobs == 0


@pytest.mark.parametrize(
    "how", [{"prompt": "The cat looks up"}, {"translate": "off"}], ids=str
)
def test_a_prompt_without_translation_is_sent_at_once(how: dict[str, Any]) -> None:
    harness = prepared(**how)

    job = harness.step()

    assert not asked(harness)
    assert sent(harness) == [job.request.prompt]
    assert harness.jobs.projections["job1"]["prompt_sent"] == job.request.prompt


@pytest.mark.parametrize(
    "answer",
    [
        Translation(language="en", cost_usd=Decimal("0.0001")),
        Translation(problem=Problem(code=ErrorCode.RATE_LIMITED)),
        Translation(problem=Problem(code=ErrorCode.BAD_OUTPUT), cost_usd=MAX_PRICE),
        None,
    ],
)
def test_without_a_translation_the_original_is_sent(answer: Translation | None) -> None:
    harness = prepared()
    harness.translator = FakeTranslator(answer=answer) if answer else None

    harness.step()
    job = harness.step()

    assert sent(harness) == [KOREAN]
    assert job.cost_usd == PRICE + (answer.cost_usd if answer else 0)
    assert harness.jobs.projections["job1"]["prompt_sent"] == KOREAN


def test_a_model_that_hangs_delays_three_jobs_and_then_one_a_minute() -> None:
    harness = prepared()
    unknown = Problem(code=ErrorCode.SUBMISSION_UNKNOWN)
    harness.translator = FakeTranslator(answer=Translation(problem=unknown))
    for n in range(2, 6):
        harness.jobs.create(replace(harness.job, job_id=f"job{n}"))

    for n in range(1, 5):
        harness.step(f"job{n}")
        harness.step(f"job{n}")

    assert len(asked(harness)) == 3
    assert sent(harness) == [KOREAN] * 4
    assert harness.jobs.get("job4").value.cost_usd == PRICE
    harness.clock.pause(60)
    harness.step("job5")
    assert len(asked(harness)) == 4


def test_the_translations_price_is_held_before_the_call() -> None:
    harness = prepared()
    held: list[Decimal] = []
    accounts = harness.jobs.accounts
    during_the_call(
        harness, lambda: held.append(accounts["all.2026-11"].month.open_usd)
    )

    harness.step()

    assert held == [PRICE + MAX_PRICE]


def test_a_worker_that_dies_during_the_call_costs_at_most_one_translation() -> None:
    harness = prepared()

    during_the_call(harness, die)
    with pytest.raises(Died):
        harness.step()
    harness.step()  # delivered again, while the first worker may still be running
    assert not sent(harness)

    harness.clock.pause(timing.TRANSLATION_LIMIT.total_seconds())
    job = harness.step()

    assert len(asked(harness)) == 1
    assert sent(harness) == [KOREAN]
    assert job.cost_usd == PRICE + MAX_PRICE


def test_a_translation_is_recorded_although_firestore_was_down_for_a_minute() -> None:
    harness = prepared()
    down = [Trouble.UNREACHABLE] * len(LONG_BACKOFF)
    during_the_call(harness, lambda: harness.jobs.troubles.extend(down))

    assert harness.step().prompt_to_send == A_CAT


def test_a_translation_committed_before_a_start_is_sent_by_it() -> None:
    harness = prepared()
    as_read: list[Versioned[Job]] = []

    def too_long() -> None:
        harness.clock.pause((timing.TRANSLATION_LIMIT + timing.CLOCK_SKEW).seconds)
        as_read.append(harness.jobs.get("job1"))

    during_the_call(harness, too_long)
    harness.step()

    harness.submit_step.start(as_read[0], harness.job.chain[0])

    assert sent(harness) == [harness.jobs.projections["job1"]["prompt_sent"]]


def test_a_cap_with_room_only_for_the_video_skips_the_translation() -> None:
    harness = prepared(Limits(all_users=Caps(daily_usd=PRICE)))

    harness.step()
    job = harness.step()

    assert not asked(harness)
    assert sent(harness) == [KOREAN]
    assert job.cost_usd == PRICE


def test_nothing_is_translated_while_spending_is_paused() -> None:
    harness = prepared()
    harness.set_level(Level.PAUSED)
    assert harness.step().is_parked
    assert not asked(harness)

    harness.set_level(Level.NORMAL)
    harness.clock.pause(62)
    harness.step()
    harness.step()

    assert sent(harness) == [A_CAT]


def test_nothing_is_translated_if_no_provider_can_be_asked() -> None:
    harness = prepared()
    harness.providers.clear()

    job = harness.run()

    assert job.problem
    assert job.problem.code is ErrorCode.ALL_PROVIDERS_FAILED
    assert not asked(harness)
    assert job.cost_usd == 0


def test_an_outdated_report_of_the_keys_does_not_prevent_a_translation() -> None:
    harness = prepared()
    harness.reports.write(frozenset(harness.providers))

    harness.step()
    harness.step()

    assert sent(harness) == [A_CAT]


def with_circuit_that_closes() -> Harness:
    """Runway's, between the check before the translation and the start."""
    harness, key = prepared(), "vendor.runway"
    closed_again = circuit.opened(Circuit(key=key), ErrorCode.OUT_OF_CREDITS, NOON)
    harness.circuits.put(closed_again)
    closed = Circuit(key=key)
    after_next(harness.circuits, "read", lambda: harness.circuits.put(closed))
    return harness


def test_a_provider_whose_circuit_closes_meanwhile_gets_the_original() -> None:
    harness = with_circuit_that_closes()

    job = harness.step()

    assert [a.state for a in job.attempts] == [AttemptState.RUNNING]
    assert sent(harness) == [job.prompt_to_send] == [KOREAN]
    assert not asked(harness)
    assert job.cost_usd == PRICE


def test_once_the_original_was_sent_every_provider_gets_it() -> None:
    harness = with_circuit_that_closes()
    refused = rejected(ErrorCode.INPUT_NOT_ACCEPTED)
    harness.providers[ProviderId.RUNWAY].submissions = [refused]

    harness.run()

    assert sent(harness)[:2] == [KOREAN, KOREAN]
    assert not asked(harness)


def test_nothing_is_translated_if_no_time_is_left_for_an_attempt() -> None:
    harness = prepared()
    left = timing.MIN_TIME_FOR_AN_ATTEMPT + timing.TRANSLATION_LIMIT
    harness.clock.move_to(NOON + timing.JOB_LIMIT - left)

    harness.step()

    assert not asked(harness)
    assert sent(harness) == [KOREAN]


def test_a_job_cancelled_during_the_call_keeps_the_translations_cost() -> None:
    harness = prepared()

    def cancel() -> None:
        before = harness.jobs.get("job1")
        harness.committer.commit(before, CancelRequested())

    during_the_call(harness, cancel)

    job = harness.run()

    assert job.problem
    assert job.problem.code is ErrorCode.CANCELLED
    assert job.cost_usd == IN_ENGLISH.cost_usd
    assert not sent(harness)


def test_a_translation_fits_every_provider_that_the_prompt_fits() -> None:
    harness = prepared()
    harness.step()
    assert [most for _, most in asked(harness)] == [1000]

    harness = prepared(prompt="가" * 1500)
    harness.step()  # runway takes 1,000 at most
    harness.step()
    harness.step()
    assert [most for _, most in asked(harness)] == [2000]


def test_a_translation_need_not_fit_a_provider_that_cannot_be_asked() -> None:
    harness = prepared(audio=True)  # which Runway can't make
    harness.step()
    harness.step()

    assert [most for _, most in asked(harness)] == [2000]


def test_a_translation_need_not_fit_a_model_that_a_later_release_has_dropped() -> None:
    harness = prepared()
    runway, *others = harness.job.chain
    chain = (replace(runway, model_id="dropped"), *others)
    harness.jobs.put(replace(harness.job, chain=chain))

    harness.step()

    assert len(asked(harness)) == 1


def test_a_start_and_its_translation_use_the_starts_queue() -> None:
    harness = prepared()

    harness.advance("job1", from_starts_queue=False)

    assert not asked(harness)
    task = harness.queue.take()
    assert task
    assert task.queue is TaskQueue.STARTS

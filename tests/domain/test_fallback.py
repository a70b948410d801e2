"""Which providers are asked, in which order, and what rules one out."""

import ast
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest

from shared.domain import fallback, timing
from shared.domain.catalogue import CATALOGUE, DEFAULT_MODELS, ProviderId, Unsupported
from shared.domain.errors import ErrorCode, Problem
from shared.domain.job import AttemptState, Job
from shared.domain.next_action import Start, next_action
from shared.domain.outcomes import Failed, NotSent, Rejected, Unknown
from shared.domain.structs import replace
from shared.domain.transitions import settle
from tests.domain.examples import (
    HTTP,
    IMAGE,
    NOON,
    OMNI,
    RUNWAY,
    VEO,
    a_job,
    a_new_job,
    a_request,
    answered,
    polled,
    rejected,
    running,
    states,
)

ALL = ErrorCode


@pytest.mark.parametrize(
    ("fields", "ratio"),
    [
        ({"aspect_ratio": "9:16"}, "9:16"),
        ({"aspect_ratio": "9:16", "image_url": None}, "9:16"),
        ({"image_url": None}, "16:9"),
    ],
)
def test_a_fixed_ratio_or_a_text_alone_leaves_one_ratio_to_ask_for(
    fields: dict[str, Any], ratio: str
) -> None:
    job = a_new_job(**fields)

    assert {planned.aspect_ratios for planned in job.chain} == {(ratio,)}
    assert {fallback.ratio_of(job, planned) for planned in job.chain} == {ratio}


@pytest.mark.parametrize(
    ("model", "may_fall_back", "providers"),
    [
        ("auto", True, [RUNWAY, HTTP, VEO, OMNI]),
        ("auto", False, [RUNWAY]),
        ("runway", True, [RUNWAY, HTTP, VEO, OMNI]),
        ("runway", False, [RUNWAY, HTTP]),
        ("gemini-veo-3.1", True, [VEO, RUNWAY, HTTP, OMNI]),
        ("gemini-veo-3.1", False, [VEO]),
        ("gemini-omni-flash", True, [OMNI, RUNWAY, HTTP, VEO]),
        ("gemini-omni-flash", False, [OMNI]),
    ],
)
def test_the_callers_choice_comes_first(
    model: str, may_fall_back: bool, providers: list[ProviderId]
) -> None:
    job = a_new_job(model=model, fallback=may_fall_back)

    assert [planned.provider_id for planned in job.chain] == providers


def test_a_chosen_model_is_asked_even_if_the_chain_lacks_it() -> None:
    request = a_request(model="gemini-veo-3.1")

    planned = fallback.plan_chain(request, (OMNI,), DEFAULT_MODELS)

    assert [p.provider_id for p in planned] == [VEO, OMNI]


NO_IMAGE = {"image_url": None}
LAST_IMAGE = {"last_image_url": "https://example.com/end.jpg"}


@pytest.mark.parametrize(
    ("model_id", "fields", "reason"),
    [
        ("gen4_turbo", {}, None),
        ("gen4_turbo", {"resolution": "1080p"}, Unsupported.RESOLUTION),
        ("gen4_turbo", {"audio": True}, Unsupported.NO_SOUND),
        ("gen4_turbo", {"audio": False}, None),
        ("veo-3.1-generate-001", {"audio": False}, None),
        ("gemini-omni-1.2-flash", {"audio": True}, None),
        ("gemini-omni-1.2-flash", {"audio": False}, Unsupported.ALWAYS_SOUND),
        ("gen4_turbo", {"prompt": "x" * 1000}, None),
        ("gen4_turbo", {"prompt": "x" * 1001}, Unsupported.PROMPT_TOO_LONG),
        ("gen4_turbo", {"prompt": "\N{CAT FACE}" * 500}, None),
        ("gen4_turbo", {"prompt": "\N{CAT FACE}" * 501}, Unsupported.PROMPT_TOO_LONG),
        ("veo-3.1-generate-001", {"prompt": "x" * 1001}, None),
        ("gen4_turbo", {"aspect_ratio": "1:1"}, None),
        ("veo-3.1-generate-001", {"aspect_ratio": "1:1"}, Unsupported.ASPECT_RATIO),
        ("veo-3.1-generate-001", {"aspect_ratio": "auto"}, None),
        ("gen4_turbo", NO_IMAGE, Unsupported.NEEDS_IMAGE),
        ("gen4.5", NO_IMAGE, None),
        ("gen4.5", {**NO_IMAGE, "aspect_ratio": "1:1"}, Unsupported.ASPECT_RATIO),
        ("gemini-omni-1.2-flash", NO_IMAGE, None),
        ("gen4_turbo", LAST_IMAGE, Unsupported.LAST_IMAGE),
        ("gemini-omni-1.2-flash", LAST_IMAGE, Unsupported.LAST_IMAGE),
        ("veo-3.1-generate-001", LAST_IMAGE, None),
        ("veo-3.1-lite-generate-001", LAST_IMAGE, Unsupported.LAST_IMAGE),
    ],
)
def test_what_a_model_cannot_make_is_unsupported(
    model_id: str, fields: dict[str, object], reason: Unsupported | None
) -> None:
    request = a_request(**{"aspect_ratio": "16:9", **fields})

    assert fallback.unsupported(CATALOGUE[model_id], request) is reason


@pytest.mark.parametrize(
    ("fields", "unsupported"),
    [
        ({}, []),
        ({"resolution": "1080p"}, [RUNWAY, HTTP]),
        ({"audio": True}, [RUNWAY, HTTP]),
        ({"audio": False}, [OMNI]),
        ({"aspect_ratio": "9:16"}, []),
        ({"aspect_ratio": "1:1"}, [VEO, OMNI]),
        ({"image_url": None}, [RUNWAY, HTTP]),
        ({"last_image": "up2"}, [RUNWAY, HTTP, OMNI]),
        ({"prompt": "가" * 1000}, []),
        ({"prompt": "가" * 1001}, [RUNWAY, HTTP]),
    ],
)
def test_a_provider_that_cannot_make_the_request_is_marked_and_costs_nothing(
    fields: dict[str, object], unsupported: list[ProviderId]
) -> None:
    job = a_job(**fields)

    assert [p.provider_id for p in job.chain if p.unsupported] == unsupported
    assert all(p.price_usd == 0 for p in job.chain if p.unsupported)


@pytest.mark.parametrize(
    ("size", "at_runway", "at_veo"),
    [
        pytest.param((1280, 720), "16:9", "16:9", id="landscape"),
        pytest.param((1206, 2622), "9:16", "9:16", id="a phone's screenshot"),
        pytest.param((3024, 4032), "3:4", "9:16", id="a phone's photo"),
        pytest.param((4032, 3024), "4:3", "16:9", id="the same in landscape"),
        pytest.param((1000, 1000), "1:1", "16:9", id="square"),
        pytest.param((999, 1000), "1:1", "9:16", id="nearly square"),
        pytest.param((2100, 900), "21:9", "16:9", id="cinema"),
        pytest.param((3000, 300), "21:9", "16:9", id="very wide"),
        pytest.param((300, 3000), "9:16", "9:16", id="very tall"),
    ],
)
def test_each_provider_is_asked_for_its_ratio_nearest_to_the_images(
    size: tuple[int, int], at_runway: str, at_veo: str
) -> None:
    width, height = size
    image = replace(IMAGE, source_width=width, source_height=height)
    job = replace(a_job(chain=(RUNWAY, VEO)), image=image)

    ratios = [fallback.ratio_of(job, planned) for planned in job.chain]

    assert ratios == [at_runway, at_veo]


TEMPORARY = {ALL.RATE_LIMITED, ALL.PROVIDER_UNAVAILABLE}
ENDS_JOB = {ALL.PROMPT_REFUSED, ALL.IMAGE_REFUSED, ALL.STORAGE_FAILED}


@pytest.mark.parametrize("code", ErrorCode)
def test_only_a_temporary_rejection_lets_the_same_vendor_be_asked(
    code: ErrorCode,
) -> None:
    job = answered(a_job(), RUNWAY, rejected(code))

    may_ask = fallback.reason_to_skip(job, job.chain[1]) is None

    assert may_ask is (code in TEMPORARY)


def test_after_a_post_that_was_not_sent_the_same_vendor_is_asked_next() -> None:
    unreached = NotSent(problem=Problem(code=ALL.PROVIDER_UNAVAILABLE))

    job = answered(a_job(), RUNWAY, unreached)

    assert next_action(job, NOON) == Start(planned=job.chain[1])


@pytest.mark.parametrize("code", ErrorCode)
def test_only_a_refusal_or_failed_storage_ends_the_job(code: ErrorCode) -> None:
    job = answered(a_job(), RUNWAY, rejected(code))

    assert job.is_final is (code in ENDS_JOB)
    assert not job.is_final or (job.problem and job.problem.code is code)


def failed(job: Job, provider_id: ProviderId, code: ErrorCode) -> Job:
    poll = Failed(problem=Problem(code=code))
    return settle(polled(job, poll, NOON, provider_id), NOON)


@pytest.mark.parametrize("code", sorted(set(ErrorCode) - ENDS_JOB))
def test_an_accepted_task_that_failed_rules_out_its_vendor(code: ErrorCode) -> None:
    job = failed(running(a_job(), RUNWAY), RUNWAY, code)

    assert states(job) == [("runway", "failed"), ("runway-http", "skipped")]
    assert fallback.next_provider(job) == job.chain[2]
    assert job.wake_at == NOON


def test_an_unknown_submission_rules_out_its_vendor() -> None:
    job = answered(a_job(), RUNWAY, Unknown(detail="read timeout"))

    assert states(job) == [("runway", "unknown"), ("runway-http", "skipped")]
    why = job.attempts[0].problem
    assert why and why.detail == "read timeout"
    assert job.attempts[1].problem == Problem(
        code=ALL.SUBMISSION_UNKNOWN, detail="skipped_after runway"
    )


@pytest.mark.parametrize(
    ("retry_after_seconds", "wait"),
    [
        (None, timing.SAME_VENDOR_DELAY),
        (0.0, timedelta(0)),
        (-5.0, timedelta(0)),
        (float("nan"), timedelta(0)),
        (12.5, timedelta(seconds=12.5)),
        (60.0, timing.MAX_VENDOR_DELAY),
    ],
)
def test_the_same_vendor_is_asked_after_the_delay_it_named(
    retry_after_seconds: float | None, wait: timedelta
) -> None:
    limited = Problem(code=ALL.RATE_LIMITED)
    answer = Rejected(problem=limited, retry_after_seconds=retry_after_seconds)
    job = answered(a_job(), RUNWAY, answer)

    assert fallback.not_before(job, job.chain[1]) == NOON + wait
    assert fallback.not_before(job, job.chain[2]) is None
    assert fallback.reason_to_skip(job, job.chain[1]) is None


def test_a_delay_without_end_is_bounded() -> None:
    job = answered(a_job(), RUNWAY, rejected(ALL.RATE_LIMITED, inf))

    assert job.attempts[0].not_before == NOON + timing.MAX_RETRY_AFTER


def test_the_longest_wait_of_a_vendor_counts() -> None:
    job = answered(a_job(), RUNWAY, rejected(ALL.RATE_LIMITED, 1))
    short = job.attempts[0]
    long = replace(short, not_before=NOON + timedelta(seconds=9))

    free = replace(short, not_before=None)

    for attempts in ((short, long, free), (free, long, short)):
        waiting = replace(job, attempts=attempts)
        assert fallback.not_before(waiting, job.chain[1]) == long.not_before


def test_a_vendor_whose_retry_after_is_too_long_is_skipped() -> None:
    """As for Runway's daily limit: the next provider is asked at once."""
    limited = Problem(code=ALL.RATE_LIMITED)
    answer = Rejected(problem=limited, retry_after_seconds=3600.0)

    job = settle(answered(a_job(), RUNWAY, answer), NOON)

    assert [a.state.value for a in job.attempts] == ["rejected", "skipped"]
    assert next_action(job, NOON) == Start(planned=job.chain[2])


AGAIN = rejected(ALL.PROVIDER_UNAVAILABLE, ask_again=True)


def each_asked_once() -> Job:
    """Only the first provider may be asked again."""
    job = answered(a_job(chain=(VEO, OMNI)), VEO, AGAIN)
    return answered(job, OMNI, rejected(ALL.ACCESS_DENIED))


def test_asking_a_provider_again_comes_after_all_others() -> None:
    job = a_job(chain=(VEO, OMNI, RUNWAY))

    job = answered(job, VEO, AGAIN)
    assert fallback.next_provider(job) == job.chain[1]

    job = answered(job, OMNI, rejected(ALL.ACCESS_DENIED))
    job = answered(job, RUNWAY, rejected(ALL.ACCESS_DENIED))
    assert fallback.next_provider(job) == job.chain[0]
    assert job.wake_at == NOON + timing.ASK_AGAIN_DELAY + timing.CLOCK_SKEW


def test_a_provider_is_asked_three_times_at_most() -> None:
    job = each_asked_once()
    veo = job.attempts_at(VEO)[0]

    asked_twice = replace(job, attempts=(*job.attempts, veo))
    asked_thrice = replace(job, attempts=(*job.attempts, veo, veo))

    assert fallback.next_provider(asked_twice) == job.chain[0]
    assert fallback.next_provider(asked_thrice) is None


def test_a_provider_with_an_unknown_outcome_is_never_asked_again() -> None:
    job = each_asked_once()
    lost = replace(job.attempts_at(VEO)[0], state=AttemptState.UNKNOWN, ask_again=False)

    assert fallback.next_provider(replace(job, attempts=(*job.attempts, lost))) is None


def test_no_rule_of_the_domain_names_a_provider_or_a_vendor() -> None:
    """Rules read the catalogue's facts; only messages need the names."""
    domain = Path(fallback.__file__).parent
    named = {
        file.name
        for file in domain.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("ProviderId", "Vendor")
    }

    assert named <= {"catalogue.py", "messages.py"}

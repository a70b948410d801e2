"""Users wish: "Tell me why it was refused", whose fault it was and what it cost."""

import json

import pytest

from shared.domain.catalogue import DEFAULT_CHAIN
from shared.domain.errors import ErrorCode, Problem
from shared.domain.outcomes import Failed, NotSent, Rejected
from shared.domain.projection import project
from tests.domain.examples import a_job, a_new_job, running, states
from tests.providers.provider_cases import (
    OMNI,
    OPERATION,
    PROVIDERS,
    VEO,
    ProviderCase,
    order,
)
from tests.providers.vendor_server import Reply, vendor
from tests.regressions.asking import deliver
from tests.usecases.harness import Harness

RUNWAY_PROVIDER, HTTP_PROVIDER, VEO_PROVIDER, OMNI_PROVIDER = DEFAULT_CHAIN
AUDIO_FILTER = (
    "We encountered an issue with the audio for your prompt, which means we could "
    "not create your video. This can sometimes happen due to our safety filters."
)


def veo_says(**fields: object) -> Failed:
    poll = polled(VEO, {"name": OPERATION, "done": True, **fields})
    assert isinstance(poll, Failed)
    return poll


def polled(provider_id: ProviderCase, body: object) -> object:
    with vendor(Reply(body=body)) as server:
        return provider_id.make(server.url).poll(provider_id.task())


@pytest.mark.parametrize("fields", [{}, {"response": {}}, {"response": {"videos": []}}])
def test_python_genai_1559_done_without_a_video_is_a_failure_with_a_reason(
    fields: dict[str, object],
) -> None:
    poll = veo_says(**fields)

    assert poll.problem == Problem(
        code=ErrorCode.PROVIDER_ERROR, detail="done without a video"
    )


def test_python_genai_1560_a_filtered_none_says_that_it_was_filtered() -> None:
    words = "Videos were filtered out"

    poll = veo_says(
        response={"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [words]}
    )

    assert poll.problem == Problem(code=ErrorCode.OUTPUT_FILTERED, detail=words)


def test_python_genai_1560_omni_completed_with_nothing_is_no_success() -> None:
    body = {"id": "v1_abc", "object": "interaction", "status": "completed"}

    poll = polled(OMNI, body)

    assert isinstance(poll, Failed)
    assert poll.problem.code is ErrorCode.OUTPUT_FILTERED


def test_js_genai_1272_the_audio_filter_is_not_the_prompts_fault(
    harness: Harness,
) -> None:
    poll = veo_says(response={"raiMediaFilteredReasons": [AUDIO_FILTER]})
    harness.jobs.put(running(a_job(chain=(VEO_PROVIDER, OMNI_PROVIDER)), VEO_PROVIDER))
    harness.providers[VEO_PROVIDER].polls = [poll]
    deliver(harness, OMNI_PROVIDER)

    job = harness.run()

    assert poll.problem.code is ErrorCode.OUTPUT_FILTERED
    assert states(job)[-1] == ("gemini-omni-flash", "succeeded")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("The prompt could not be submitted", ErrorCode.PROMPT_REFUSED),
        ("The input image violates our policies", ErrorCode.IMAGE_REFUSED),
        ("1 video was filtered", ErrorCode.OUTPUT_FILTERED),
    ],
)
def test_creative_studio_529_it_says_what_was_at_fault(
    words: str, code: ErrorCode
) -> None:
    poll = veo_says(response={"raiMediaFilteredReasons": [words]})

    assert poll.problem.code is code


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (ErrorCode.PROMPT_REFUSED, "Change the prompt"),
        (ErrorCode.IMAGE_REFUSED, "Use another image"),
        (ErrorCode.ALL_PROVIDERS_FAILED, "try again later"),
    ],
)
def test_openstory_1373_the_owner_reads_what_to_do_and_what_it_cost(
    harness: Harness, code: ErrorCode, says: str
) -> None:
    harness.jobs.put(running(a_job(chain=(RUNWAY_PROVIDER,)), RUNWAY_PROVIDER))
    fault = ErrorCode.PROVIDER_ERROR if code.startswith("all") else code
    harness.providers[RUNWAY_PROVIDER].polls = [Failed(problem=Problem(code=fault))]

    shown = project(harness.run())

    assert shown["error"]["code"] == code
    assert says in shown["error"]["message"]
    assert shown["cost_usd"] == shown["attempts"][0]["cost_usd"] == "0.40"


@pytest.mark.parametrize("provider_id", PROVIDERS, ids=lambda case: case.name)
def test_gamedevpl_1272_an_outage_is_not_a_refusal(
    harness: Harness, provider_id: ProviderCase
) -> None:
    with vendor(Reply(status=503, body=provider_id.error(503))) as server:
        outcome = provider_id.make(server.url).start(order(provider_id))
    assert isinstance(outcome, Rejected | NotSent)
    harness.jobs.put(a_job(chain=(RUNWAY_PROVIDER, VEO_PROVIDER)))
    harness.providers[RUNWAY_PROVIDER].submissions = [outcome]
    deliver(harness, VEO_PROVIDER)

    job = harness.run()

    assert job.attempts[0].problem
    assert job.attempts[0].problem.code is ErrorCode.PROVIDER_UNAVAILABLE
    assert job.delivered


def test_vm0_30959_vendor_ids_never_leave(harness: Harness) -> None:
    harness.jobs.put(a_new_job())
    secret = Problem(code=ErrorCode.OUTPUT_FILTERED, detail="org-4711 task1 req_88")
    for provider in harness.providers.values():
        provider.polls = [Failed(problem=secret)]

    job = harness.run()
    shown = json.dumps(harness.jobs.projections["job1"], default=str)

    assert {a.task_id for a in job.attempts} >= {"task1"}
    assert "output_filtered" in shown
    for vendors in ("task1", "org-4711", "req_88", "internal/run"):
        assert vendors not in shown

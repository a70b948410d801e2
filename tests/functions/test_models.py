"""Estimates and the list of models, over HTTP."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from shared.domain.catalogue import ProviderId
from shared.domain.kill_switch import Level
from shared.domain.poll_plan import TaskTimes, TaskTiming, task_kind
from tests.domain.examples import a_body
from tests.fakes.provider_reports import FakeProviderReports
from tests.functions.calling import ANN
from tests.usecases.harness import Harness


@pytest.fixture
def harness() -> Harness:
    return Harness(reports=FakeProviderReports(ProviderId.OMNI))


def test_an_estimate_has_each_providers_price(client: FlaskClient) -> None:
    body = a_body(duration=5, audio=True)

    shown = client.post("/v1/estimates", json=body, headers=ANN).get_json()

    assert (shown["estimated_cost_usd"], shown["max_cost_usd"]) == ("2.40", "2.90")
    assert [
        (
            provider_id["ai_model"],
            provider_id["duration"],
            provider_id["cost_usd"],
            provider_id["skipped"],
        )
        for provider_id in shown["links"]
    ] == [
        ("runway", 5, "0", "unsupported"),
        ("runway-http", 5, "0", "unsupported"),
        ("gemini-veo-3.1", 6, "2.40", None),
        ("gemini-omni-flash", 5, "0.50", "not_configured"),
    ]


def test_the_reason_for_a_skip_is_in_the_readers_language(client: FlaskClient) -> None:
    headers = {**ANN, "Accept-Language": "ko"}

    shown = client.post(
        "/v1/estimates", json=a_body(audio=True), headers=headers
    ).get_json()

    assert shown["links"][0]["message"].startswith("Runway는 소리가 없는 영상만")


def test_an_estimate_accepts_the_body_of_a_video(client: FlaskClient) -> None:
    answer = client.post("/v1/estimates", json={"image": "a1"}, headers=ANN)

    fields = {error["field"] for error in answer.get_json(force=True)["errors"]}
    assert (answer.status_code, fields) == (422, {"prompt"})
    body = {"prompt": "a cat", "image": "a1", "last_image": "a2"}
    shown = client.post("/v1/estimates", json=body, headers=ANN).get_json()
    links = {link["ai_model"]: link for link in shown["links"]}
    assert links["runway"]["skipped"] == "unsupported"
    assert links["gemini-veo-3.1"]["aspect_ratio"] == "auto"
    assert shown["max_cost_usd"] == "3.20"


def test_models_show_what_they_support_and_whether_they_are_available(
    client: FlaskClient, harness: Harness
) -> None:
    took = TaskTiming(working=30, ready=35)
    harness.task_times.value = TaskTimes(
        kinds={task_kind("gen4_turbo", 5): (took,) * 8}
    )

    shown = client.get("/v1/models", headers=ANN).get_json()

    runway, omni = shown["models"][0], shown["models"][3]
    assert runway["durations"] == list(range(2, 11))
    assert runway["usd_per_second"] == {"720p": "0.05"}
    assert runway["limits"] == {"prompt": 1000}
    assert runway["usual_seconds"] == {"5": 35}
    assert (runway["available"], runway["unavailable"]) == (True, None)
    assert (omni["available"], omni["unavailable"]) == (False, "not_configured")


def test_an_estimate_reports_a_refusal_with_200(
    client: FlaskClient, harness: Harness
) -> None:
    open_ = client.post("/v1/estimates", json=a_body(), headers=ANN).get_json()
    harness.set_level(Level.PAUSED)
    harness.clock.move(timedelta(seconds=6))

    answer = client.post("/v1/estimates", json=a_body(), headers=ANN)

    shown = answer.get_json()
    assert (answer.status_code, open_["refused"]) == (200, None)
    assert shown["refused"]["code"] == "generation_paused"
    assert "paused" in shown["refused"]["message"]
    assert shown["estimated_cost_usd"] == open_["estimated_cost_usd"] == "0.40"

"""Estimates and models over HTTP."""

import pytest
from flask.testing import FlaskClient

from functions.http.router import Router
from functions.models import MODEL_ROUTES
from shared import wiring
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, ProviderId
from shared.usecases.models import ListModels
from tests.domain.examples import a_body
from tests.fakes.provider_reports import FakeProviderReports
from tests.functions.calling import FakeTokens, client_of
from tests.usecases.harness import Harness
from tests.usecases.test_models import estimate

ANN = {"Authorization": "Bearer ann"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    harness = Harness(reports=FakeProviderReports(ProviderId.OMNI))
    models = ListModels(
        chain=DEFAULT_CHAIN,
        models=DEFAULT_MODELS,
        availability=harness.availability,
    )
    monkeypatch.setattr(wiring, "estimate", lambda: estimate(harness), raising=False)
    monkeypatch.setattr(wiring, "list_models", lambda: models, raising=False)
    return client_of(Router(MODEL_ROUTES, FakeTokens(), []))


def test_an_estimate_tells_each_providers_price(client: FlaskClient) -> None:
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
        ("gemini-omni-flash", 5, "0.50", None),
    ]


def test_why_a_provider_is_skipped_is_said_in_the_readers_language(
    client: FlaskClient,
) -> None:
    headers = {**ANN, "Accept-Language": "ko"}

    shown = client.post(
        "/v1/estimates", json=a_body(audio=True), headers=headers
    ).get_json()

    assert shown["links"][0]["message"].startswith("Runway는 요청한")


def test_an_estimate_takes_what_a_video_takes(client: FlaskClient) -> None:
    answer = client.post("/v1/estimates", json={"prompt": "cat"}, headers=ANN)

    fields = {error["field"] for error in answer.get_json(force=True)["errors"]}
    assert (answer.status_code, fields) == (422, {"image"})


def test_models_tell_what_they_make_and_whether_they_are_there(
    client: FlaskClient,
) -> None:
    shown = client.get("/v1/models", headers=ANN).get_json()

    runway, omni = shown["models"][0], shown["models"][3]
    assert runway["durations"] == list(range(2, 11))
    assert runway["usd_per_second"] == {"720p": "0.05"}
    assert runway["limits"] == {"prompt": 1000}
    assert (runway["available"], runway["unavailable"]) == (True, None)
    assert (omni["available"], omni["unavailable"]) == (False, "not_configured")

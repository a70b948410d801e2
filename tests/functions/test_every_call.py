"""Every call of the api, by name: where it is tested, who may not make it."""

import ast
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from functions import api
from functions.http.route import Route
from functions.http.router import Router
from functions.openai.errors import openai_problem
from shared.domain.catalogue import ProviderId
from tests.domain.examples import a_job, completed
from tests.functions.api_harness import wire
from tests.functions.calling import FakeTokens, client_of
from tests.usecases.harness import Harness

TESTS = Path(__file__).parents[1]
ANN = {"Authorization": "Bearer ann"}
BOB = {"Authorization": "Bearer bob"}

TESTED = {
    "functions/test_api.py": {
        "POST /v1/videos": "test_a_video_is_taken_and_can_be_looked_at",
        "GET /v1/videos": "test_ones_own_videos_are_listed_page_by_page",
        "GET /v1/videos/<job_id>": "test_a_completed_video_has_an_address",
        "POST /v1/videos/<job_id>/cancel": "test_cancelling_twice_is_cancelling_once",
        "DELETE /v1/videos/<job_id>": "test_what_has_ended_can_be_deleted",
        "POST /v1/uploads": "test_an_upload_gets_an_address_to_put_to",
        "GET /health": "test_health_is_open",
    },
    "functions/test_models.py": {
        "POST /v1/estimates": "test_an_estimate_tells_each_providers_price",
        "GET /v1/models": "test_models_tell_what_they_make_and_whether_they_are_there",
    },
    "functions/test_usage.py": {
        "GET /v1/usage": "test_a_day_of_one_model_and_what_the_caps_have_left",
    },
    "functions/test_admin.py": {
        "GET /v1/admin/generation": "test_what_was_never_set_is_normal",
        "POST /v1/admin/generation": "test_an_operator_pauses_and_everybody_sees_why",
    },
    "e2e/test_openai_client.py": {
        "POST /openai/v1/videos": "test_from_a_file_to_an_mp4_and_gone",
        "GET /openai/v1/videos": "test_from_a_file_to_an_mp4_and_gone",
        "GET /openai/v1/videos/<job_id>": "test_from_a_file_to_an_mp4_and_gone",
        "DELETE /openai/v1/videos/<job_id>": "test_from_a_file_to_an_mp4_and_gone",
    },
    "functions/test_openai_videos.py": {
        "GET /openai/v1/videos/<job_id>/content": "test_the_content_is_elsewhere",
    },
    "functions/test_docs_page.py": {
        "GET /v1/openapi.json": "test_programs_get_the_same_description",
        "GET /docs": "test_every_call_is_on_the_page",
    },
}
OPEN = {"GET /health", "GET /v1/openapi.json", "GET /docs"}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    harness = Harness()
    wire(harness, monkeypatch)
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    tell = {"/openai/": openai_problem}
    return client_of(Router(api.ROUTES, FakeTokens(), [], tell=tell))


def test_every_call_is_listed_with_its_test() -> None:
    listed = [call for calls in TESTED.values() for call in calls]

    assert sorted(map(named, api.ROUTES)) == sorted(listed)


@pytest.mark.parametrize("file", TESTED)
def test_each_test_that_is_listed_is_there(file: str) -> None:
    tree = ast.parse((TESTS / file).read_text())
    there = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}

    assert there >= set(TESTED[file].values())


def test_four_calls_are_open_and_no_more() -> None:
    """The fourth is the preflight, which no route is needed for."""
    assert {named(route) for route in api.ROUTES if route.is_open} == OPEN


CLOSED = [route for route in api.ROUTES if not route.is_open]
OF_A_JOB = [route for route in api.ROUTES if "<job_id>" in route.path]


@pytest.mark.parametrize("route", CLOSED, ids=named)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}])
def test_without_a_token_that_holds_no_call_is_answered(
    client: FlaskClient, route: Route, headers: dict[str, str]
) -> None:
    path = route.path.replace("<job_id>", "job1")

    answer = client.open(path, method=route.method, headers=headers, json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("route", OF_A_JOB, ids=named)
def test_anothers_job_is_not_there_on_any_call(
    client: FlaskClient, route: Route
) -> None:
    theirs, nobodys = (
        client.open(
            route.path.replace("<job_id>", job_id), method=route.method, headers=BOB
        )
        for job_id in ("job1", "job2")
    )

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.data == nobodys.data
    assert client.get("/v1/videos/job1", headers=ANN).status_code == 200


@pytest.mark.parametrize("route", api.ROUTES, ids=named)
def test_what_may_cost_money_looks_for_revoked_tokens(route: Route) -> None:
    spending = {"POST /v1/videos", "POST /openai/v1/videos"}

    assert route.spends == (named(route) in spending)

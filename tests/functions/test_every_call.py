"""What holds on every call of the api: who may not make it, and what is looked up."""

import re
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from functions.api import ROUTES
from functions.http.receiving import SMALL_BODY_BYTES
from functions.http.route import Route
from functions.http.router import Router
from functions.openai.errors import openai_problem
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unauthenticated
from shared.gcp.firebase_tokens import FirebaseTokens
from tests.domain.examples import a_job, completed
from tests.functions.api_harness import wire
from tests.functions.calling import FakeTokens, client_of
from tests.gcp.firebase_signing import PROJECT, claims
from tests.usecases.harness import Harness

ANN = {"Authorization": "Bearer ann"}
OPERATOR = {"Authorization": "Bearer operator"}
BOB = {"Authorization": "Bearer bob"}
OPEN = {"GET /health", "GET /v1/openapi.json", "GET /docs", "GET /docs/viewer.js"}
CLOSED = [route for route in ROUTES if not route.is_open]
OF_A_JOB = [route for route in ROUTES if "<job_id>" in route.path and route.operation]


class Revoked:
    """A lookup by which every token was revoked."""

    def check(self, user_id: str, *, signed_in_at: float) -> None:
        raise Unauthenticated("the user's tokens were revoked")


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def path_of(path: str, name: str = "job1") -> str:
    return re.sub("<[a-z_]+>", name, path)


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


@pytest.fixture
def client(tokens: FakeTokens, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    harness = Harness()
    wire(harness, monkeypatch)
    harness.jobs.put(completed(a_job(), ProviderId.RUNWAY))
    answers_errors = {"/openai/": openai_problem}
    return client_of(Router(ROUTES, tokens, [], answers_errors=answers_errors))


def test_health_and_the_description_are_open_and_no_more() -> None:
    """The preflight is open too, and needs no route."""
    assert {named(route) for route in ROUTES if route.is_open} == OPEN


@pytest.mark.parametrize("route", CLOSED, ids=named)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}])
def test_without_a_valid_token_no_call_is_answered(
    client: FlaskClient, route: Route, headers: dict[str, str]
) -> None:
    path = path_of(route.path)

    answer = client.open(path, method=route.method, headers=headers, json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("route", OF_A_JOB, ids=named)
def test_anothers_job_is_not_there_on_any_call(
    client: FlaskClient, route: Route
) -> None:
    theirs, nobodys = (
        client.open(path_of(route.path, job_id), method=route.method, headers=BOB)
        for job_id in ("job1", "job2")
    )

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.data == nobodys.data
    assert client.get("/v1/videos/job1", headers=ANN).status_code == 200


@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_revocation_is_looked_up_on_every_call_but_plain_reads(
    client: FlaskClient, tokens: FakeTokens, route: Route
) -> None:
    path = path_of(route.path)

    client.open(path, method=route.method, headers=ANN, json={})

    assert tokens.revocations == [route.method != "GET"]


@pytest.mark.parametrize(
    ("method", "path"),
    [*((r.method, r.path) for r in CLOSED), ("GET", "/v1/usage?scope=all")],
)
def test_an_administrators_revoked_token_is_refused_on_every_call(
    method: str, path: str
) -> None:
    """Plain reads too: they may show what is everybody's."""
    good = claims(sub="min-ji", admin=True)
    tokens = FirebaseTokens(PROJECT, lambda _: good, cast(Any, Revoked()))
    path = path_of(path)

    answer = client_of(
        Router(ROUTES, tokens, [], answers_errors={"/openai/": openai_problem})
    ).open(path, method=method, headers=OPERATOR, json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_only_administrators_make_their_calls(
    client: FlaskClient, route: Route
) -> None:
    path = path_of(route.path)

    answer = client.open(path, method=route.method, headers=ANN, json={})

    assert (answer.status_code == 403) is route.path.startswith("/v1/admin/")


@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_only_openais_clients_may_send_a_large_body(
    client: FlaskClient, route: Route
) -> None:
    path = path_of(route.path)

    body = b"x" * (SMALL_BODY_BYTES + 1)
    answer = client.open(path, method=route.method, headers=OPERATOR, data=body)

    reads = route.operation is not None and route.operation.body is not None
    assert (answer.status_code == 413) is (
        reads and not route.path.startswith("/openai")
    )

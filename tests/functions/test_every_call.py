"""Rules that hold for every call of the api: authentication, ownership, rates."""

import re
from inspect import unwrap
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from functions import api
from functions.api import ROUTES
from functions.http.receiving import SMALL_BODY_BYTES
from functions.http.route import Route
from functions.http.router import Router
from functions.openai.errors import openai_problem
from shared.domain.catalogue import ProviderId
from shared.domain.errors import Unauthenticated
from shared.gcp.firebase_tokens import FirebaseTokens
from shared.rates import RateLimit
from shared.settings import Settings
from shared.wiring import process
from tests.domain.examples import a_job, completed
from tests.functions.api_harness import wire
from tests.functions.calling import ANN, BOB, OPERATOR, FakeTokens, client_of
from tests.gcp.firebase_signing import PROJECT, claims
from tests.usecases.harness import Harness

ORIGIN = "https://app.example"
OPEN = {"GET /health", "GET /v1/openapi.json", "GET /docs", "GET /docs/viewer.js"}
CLOSED = [route for route in ROUTES if not route.is_open]
OF_A_JOB = [route for route in ROUTES if "<job_id>" in route.path and route.summary]


class Revoked:
    """A lookup for which every token is revoked."""

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
    error_renderers = {"/openai/": openai_problem}
    rate = RateLimit(20, lambda: 0.0)
    return client_of(
        Router(ROUTES, tokens, [], error_renderers=error_renderers, rate=rate)
    )


def test_only_health_and_the_documentation_need_no_token() -> None:
    """The preflight is open too, but has no route."""
    assert {named(route) for route in ROUTES if route.is_open} == OPEN


@pytest.mark.parametrize("route", CLOSED, ids=named)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}])
def test_no_call_is_answered_without_a_valid_token(
    client: FlaskClient, route: Route, headers: dict[str, str]
) -> None:
    path = path_of(route.path)

    answer = client.open(path, method=route.method, headers=headers, json={})

    assert answer.status_code == 401


def test_the_deployed_api_has_openais_errors_the_origins_and_the_rate_that_were_set(
    tokens: FakeTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "BUCKET": "b",
        "ALLOWED_ORIGINS": ORIGIN,
        "USER_REQUESTS_PER_SECOND": "1",
    }
    settings = Settings.from_env(environ)
    monkeypatch.setattr(process, "settings", lambda: settings)
    monkeypatch.setattr(process, "tokens", lambda: tokens)
    client = client_of(unwrap(api._router)())

    answer = client.get("/openai/v1/nothing", headers={"Origin": ORIGIN})
    statuses = [
        client.post("/v1/uploads", headers=ANN, json={}).status_code for _ in range(30)
    ]

    assert "message" in answer.get_json()["error"]
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert statuses[0] == 422
    assert 429 in statuses  # by default, 100 are answered at once


@pytest.mark.parametrize("route", OF_A_JOB, ids=named)
def test_no_call_tells_another_users_job_from_a_missing_one(
    client: FlaskClient, route: Route
) -> None:
    theirs, missing = (
        client.open(path_of(route.path, job_id), method=route.method, headers=BOB)
        for job_id in ("job1", "job2")
    )

    assert theirs.status_code == missing.status_code == 404
    assert theirs.data == missing.data
    assert client.get("/v1/videos/job1", headers=ANN).status_code == 200


@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_revocation_is_checked_on_every_call_but_plain_reads(
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
    """Even for plain reads: they may show all users' data."""
    good = claims(sub="min-ji", admin=True)
    tokens = FirebaseTokens(PROJECT, lambda _: good, cast(Any, Revoked()))
    path = path_of(path)

    answer = client_of(
        Router(ROUTES, tokens, [], error_renderers={"/openai/": openai_problem})
    ).open(path, method=method, headers=OPERATOR, json={})

    assert answer.status_code == 401


@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_only_administrators_may_make_the_admin_calls(
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

    reads = route.body is not None
    assert (answer.status_code == 413) is (
        reads and not route.path.startswith("/openai")
    )


@pytest.mark.parametrize("path", ["/v1/videos", "/openai/v1/videos"])
@pytest.mark.parametrize(
    ("query", "answered"),
    [
        ("?limit=1", 50),
        ("?limit=10", 50),
        ("?limit=11", 33),
        ("", 25),
        ("?limit=100", 5),
        ("?limit=999", 5),
        ("?limit=no", 25),
        ("?limit=-9", 50),
    ],
)
def test_a_list_counts_against_the_rate_by_how_much_it_reads(
    client: FlaskClient, path: str, query: str, answered: int
) -> None:
    statuses = [client.get(path + query, headers=ANN).status_code for _ in range(51)]

    assert statuses.index(429) == answered


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/estimates")]
)
def test_a_call_that_reads_the_circuits_of_all_providers_counts_as_two(
    client: FlaskClient, method: str, path: str
) -> None:
    answers = [client.open(path, method=method, headers=ANN) for _ in range(51)]

    assert [answer.status_code for answer in answers].index(429) == 50

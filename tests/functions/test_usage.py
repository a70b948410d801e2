"""Usage over HTTP: its query, its numbers as text, and who may see what."""

from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from shared.domain.durations import bucket
from shared.domain.ledger import Account, Caps, Limits, Totals
from shared.domain.usage import Counts, UsageMonth
from tests.fakes.jobs import FakeJobs
from tests.functions.calling import ANN
from tests.usecases.harness import Harness

PATH = "/v1/usage"


@pytest.fixture
def jobs() -> FakeJobs:
    caps = Caps(daily_usd=Decimal("5E+1"))
    return FakeJobs(Limits(user=caps))


@pytest.fixture
def harness(jobs: FakeJobs) -> Harness:
    return Harness(jobs=jobs)


def test_usage_shows_each_day_and_model_and_what_the_caps_have_left(
    client: FlaskClient, jobs: FakeJobs
) -> None:
    video = Counts(
        jobs=2,
        completed=1,
        failed=1,
        milliseconds=8042,
        cost_usd=Decimal("0.4"),
        attempts=3,
        made_in={bucket(80): 1},
    )
    jobs.usage["user.ann.2026-11"] = UsageMonth(days={"d22": {"runway": video}})
    totals = Totals(held_usd=Decimal("10.000001"))
    jobs.accounts["user.ann.2026-11"] = Account(days={"d22": totals})

    response = client.get(PATH, headers=ANN)

    assert response.status_code == 200
    assert response.get_json() == {
        "from": "2026-11-01",
        "to": "2026-11-22",
        "scope": "own",
        "time_zone": "UTC",
        "usage": [
            {
                "date": "2026-11-22",
                "ai_model": "runway",
                "jobs": 2,
                "completed": 1,
                "failed": 1,
                "seconds": 8.042,
                "cost_usd": "0.40",
            }
        ],
        "providers": [
            {
                "ai_model": "runway",
                "attempts": 3,
                "completed": 1,
                "success_rate": 0.3333,
                "median_seconds": 82,
            }
        ],
        "caps": {
            "daily": {
                "limit_usd": "50.00",
                "used_usd": "10.000001",
                "left_usd": "39.999999",
            },
            "monthly": {"limit_usd": None, "used_usd": "10.000001", "left_usd": None},
        },
    }


def test_usage_is_shown_of_the_days_that_were_asked_for(
    client: FlaskClient, jobs: FakeJobs
) -> None:
    days = {f"d{nth}": {"runway": Counts(jobs=1)} for nth in range(10, 20)}
    jobs.usage["user.ann.2026-11"] = UsageMonth(days=days)

    path = f"{PATH}?from=2026-11-12&to=2026-11-13"
    shown = client.get(path, headers=ANN).get_json()

    assert (shown["from"], shown["to"]) == ("2026-11-12", "2026-11-13")
    assert [day["date"] for day in shown["usage"]] == ["2026-11-12", "2026-11-13"]


def test_records_without_attempts_do_not_count_for_a_success_rate(
    client: FlaskClient, jobs: FakeJobs
) -> None:
    before = Counts(jobs=9, completed=9)
    # On the day of an upgrade, a day has records of both releases.
    since = Counts(jobs=3, completed=2, failed=1, attempts=1)
    days = {
        "d01": {"runway": before, "gemini-veo-3.1": before},
        "d02": {"runway": since},
    }
    jobs.usage["user.ann.2026-11"] = UsageMonth(days=days)

    (shown,) = client.get(PATH, headers=ANN).get_json()["providers"]

    assert (shown["ai_model"], shown["attempts"]) == ("runway", 1)
    assert (shown["success_rate"], shown["median_seconds"]) == (0, None)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=yesterday&to=2026-02-30", {"from", "to"}),
        ("from=20261101&to=", {"from", "to"}),
        ("to=2026-11-01&to=2026-11-02", {"to"}),
        ("from=2026-11-23", {"from"}),
        ("from=2020-01-01", {"from"}),
        ("scope=bob", {"scope"}),
    ],
)
def test_each_wrong_parameter_is_reported(
    client: FlaskClient, query: str, fields: set[str]
) -> None:
    response = client.get(f"{PATH}?{query}", headers=ANN)

    assert response.status_code == 422
    assert {error["field"] for error in response.get_json(force=True)["errors"]} == (
        fields
    )


@pytest.mark.parametrize(
    ("authorization", "query", "status"),
    [
        ("", "", 401),
        ("Bearer eve", "?scope=all", 401),
        ("Bearer ann", "?scope=all", 403),
        ("Bearer ann", "?scope=own&user_id=bob", 200),
        ("Bearer operator", "?scope=all", 200),
    ],
)
def test_only_administrators_see_all_users_usage(
    client: FlaskClient, authorization: str, query: str, status: int
) -> None:
    headers = {"Authorization": authorization}

    assert client.get(PATH + query, headers=headers).status_code == status

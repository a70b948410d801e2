"""What browsers may read in Firestore, over REST, by the rules in the emulator.

The emulator checks neither the signature, the expiry nor the project of a token; the
cloud checks those before it evaluates any rule.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from local.identity import user_token
from local.stack import RULES
from tests.gcp.firebase_signing import unsigned

ANN, BOB = "ann", "bob"
CLOSED = (
    "spend", "settled", "users", "usage", "idempotency", "circuits", "control",
    "api_keys", "anything",
)  # fmt: skip


def by_user(user: str) -> dict[str, Any]:
    equal = {"field": {"fieldPath": "user_id"}, "op": "EQUAL"}
    return {"where": {"fieldFilter": equal | {"value": {"stringValue": user}}}}


# The order in which the web page lists videos.
NEWEST_FIRST = {
    "orderBy": [{"field": {"fieldPath": "created_at"}, "direction": "DESCENDING"}],
    "limit": 20,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """The REST interface of one project, as one caller."""

    host: str
    project: str
    token: str | None = None

    def known_by(self, token: str | None) -> "Database":
        return Database(host=self.host, project=self.project, token=token)

    def user(self, user: str, *, admin: bool = False) -> "Database":
        return self.known_by(user_token(self.project, user, admin=admin))

    def call(self, method: str, path: str, body: object = None) -> requests.Response:
        url = f"http://{self.host}/v1/projects/{self.project}/databases/(default)"
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return requests.request(
            method, f"{url}/documents{path}", json=body, headers=bearer, timeout=100
        )

    def get(self, path: str) -> int:
        return self.call("GET", f"/{path}").status_code

    def put(self, path: str, **fields: str) -> int:
        values = {name: {"stringValue": value} for name, value in fields.items()}
        return self.call("PATCH", f"/{path}", {"fields": values}).status_code

    def query(
        self,
        collection: str,
        *asked: Mapping[str, Any],
        group: bool = False,
        under: str = "",
    ) -> requests.Response:
        source = {"collectionId": collection, "allDescendants": group}
        query: dict[str, Any] = {"from": [source]}
        for part in asked:
            query |= part
        return self.call("POST", f"{under}:runQuery", {"structuredQuery": query})


def found(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    names = [each["document"]["name"] for each in answer.json() if "document" in each]
    return [name.rpartition("/")[2] for name in names]


@pytest.fixture(scope="module")
def database(firestore_emulator: str) -> Database:
    """Under our rules, with a job of Ann's, one of Bob's, and other documents."""
    made = Database(host=firestore_emulator, project=f"rules-{uuid.uuid4().hex[:8]}")
    release = f"http://{made.host}/emulator/v1/projects/{made.project}:securityRules"
    rules = {"rules": {"files": [{"content": RULES.read_text()}]}}
    requests.put(release, json=rules, timeout=100).raise_for_status()
    server = made.known_by("owner")
    for user in (ANN, BOB):
        job = {"user_id": user, "created_at": "2026-11-22", "status": "completed"}
        assert server.put(f"videos/{user}1", **job) == 200
        assert server.put(f"videos/{user}1/internal/run", user_id=user) == 200
    for collection in CLOSED:
        assert server.put(f"{collection}/{ANN}", user_id=ANN) == 200
    assert server.put("anything/ann/videos/x1", user_id=ANN) == 200
    return made


def test_an_owner_can_read_their_job(database: Database) -> None:
    assert database.user(ANN).get("videos/ann1") == 200


@pytest.mark.parametrize(
    "order", [{}, NEWEST_FIRST], ids=["in any order", "newest first"]
)
def test_an_owner_can_list_their_jobs(
    database: Database, order: dict[str, Any]
) -> None:
    answer = database.user(ANN).query("videos", by_user(ANN), order)

    assert found(answer) == ["ann1"]


CUSTOM = {"sign_in_provider": "custom", "identities": {}}
ANONYMOUS = CUSTOM | {"sign_in_provider": "anonymous"}
BY_PASSWORD = CUSTOM | {"sign_in_provider": "password"}
# Callers whose claims don't make them Ann.
STRANGERS: dict[str, dict[str, object] | None] = {
    "nobody": None,
    "another user": {"sub": BOB, "user_id": BOB, "firebase": CUSTOM},
    "an admin": {"sub": BOB, "admin": True, "firebase": CUSTOM},
    "an owner by claim": {"sub": BOB, "owner": True, "firebase": CUSTOM},
    "a forged user_id": {"sub": BOB, "user_id": ANN, "firebase": CUSTOM},
    "a forged uid": {"sub": BOB, "uid": ANN, "firebase": CUSTOM},
    "Ann, but anonymous": {"sub": ANN, "user_id": ANN, "firebase": ANONYMOUS},
    "Ann, of no known sign-in": {"sub": ANN, "user_id": ANN},
    "Ann of a tenant": {"sub": ANN, "firebase": CUSTOM | {"tenant": "another"}},
    "Ann, e-mail not verified": {"sub": ANN, "email_verified": False,
                                 "firebase": BY_PASSWORD},
    "Ann in capitals": {"sub": "ANN", "firebase": CUSTOM},
}  # fmt: skip


@pytest.mark.parametrize("who", STRANGERS)
def test_a_job_cannot_be_read_by(database: Database, who: str) -> None:
    claims = STRANGERS[who]
    caller = database.known_by(None if claims is None else unsigned(claims))

    assert caller.get("videos/ann1") == 403
    assert caller.query("videos", by_user(ANN)).status_code == 403
    assert caller.query("videos", by_user(ANN), NEWEST_FIRST).status_code == 403


def test_a_malformed_token_gives_no_access(database: Database) -> None:
    assert database.known_by("garbage").get("videos/ann1") in (400, 401, 403)


def either(*users: str) -> dict[str, Any]:
    parts = [by_user(user)["where"] for user in users]
    return {"where": {"compositeFilter": {"op": "OR", "filters": parts}}}


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="without a filter"),
        pytest.param(NEWEST_FIRST, id="in an order"),
        pytest.param(by_user(BOB), id="another's"),
        pytest.param(either(ANN, BOB), id="one's own or another's"),
    ],
)
def test_a_list_of_other_users_jobs_is_refused(
    database: Database, asked: dict[str, Any]
) -> None:
    assert database.user(ANN).query("videos", asked).status_code == 403


def test_counting_needs_the_same_rights_as_listing(database: Database) -> None:
    videos = {"from": [{"collectionId": "videos"}]}
    count = [{"alias": "all", "count": {}}]
    asked = {"structuredQuery": videos, "aggregations": count}

    answer = database.user(ANN).call(
        "POST", ":runAggregationQuery", {"structuredAggregationQuery": asked}
    )

    assert answer.status_code == 403


@pytest.fixture(params=[False, True], ids=["user", "admin"])
def ann(database: Database, request: pytest.FixtureRequest) -> Database:
    return database.user(ANN, admin=request.param)


@pytest.mark.parametrize(
    "path", ["videos", "videos/ann1/internal", "videos/ann1/internal/run",
             "anything/ann/videos/x1"]
)  # fmt: skip
def test_nobody_can_read_internal_documents_or_lists_without_a_query(
    ann: Database, path: str
) -> None:
    assert ann.get(path) == 403


@pytest.mark.parametrize("asked", [by_user(ANN), {}], ids=["one's own", "all"])
@pytest.mark.parametrize("collection", ["internal", "videos"])
def test_no_collection_group_is_open(
    ann: Database, collection: str, asked: dict[str, Any]
) -> None:
    inside = ann.query("internal", asked, under="/videos/ann1")
    everywhere = ann.query(collection, asked, group=True)

    assert (inside.status_code, everywhere.status_code) == (403, 403)


@pytest.mark.parametrize("collection", CLOSED)
def test_every_other_collection_is_closed(ann: Database, collection: str) -> None:
    assert ann.get(f"{collection}/ann") == 403
    assert ann.get(f"{collection}/none") == 403
    assert ann.get(collection) == 403
    assert ann.query(collection, by_user(ANN)).status_code == 403
    assert ann.put(f"{collection}/ann", user_id=ANN) == 403


def test_nobody_can_write(ann: Database) -> None:
    root = f"projects/{ann.project}/databases/(default)/documents"
    writes = {"writes": [{"delete": f"{root}/videos/ann1"}]}

    assert ann.put("videos/ann1", user_id=ANN, status="failed") == 403
    assert ann.put("videos/ann2", user_id=ANN) == 403
    assert ann.put("videos/ann1/internal/run", user_id=ANN) == 403
    made = ann.call("POST", "/videos?documentId=ann3", {"fields": {}})
    assert made.status_code == 403
    assert ann.call("DELETE", "/videos/ann1").status_code == 403
    for verb in (":commit", ":batchWrite"):
        answer = ann.call("POST", verb, writes)
        assert answer.status_code == 403 or answer.json()["status"][0]["code"] == 7
    assert ann.known_by("owner").get("videos/ann1") == 200


def test_a_missing_job_is_a_404_only_for_signed_in_users(
    database: Database,
) -> None:
    assert database.user(ANN).get("videos/none") == 404
    for who, claims in STRANGERS.items():
        if claims is None or claims["sub"] == ANN:
            caller = database.known_by(unsigned(claims) if claims else None)
            assert caller.get("videos/none") == 403, who

"""The contract of the port `ApiKeys`, on the emulator and on the fake."""

from datetime import timedelta
from typing import Any

import pytest
from google.cloud import firestore
from msgspec.structs import fields

from shared.domain.api_key import ApiKey, secret_of, sha256_of
from shared.domain.errors import LostRace, Unreachable
from shared.domain.structs import replace
from shared.gcp.firestore_calls import Database
from shared.gcp.firestore_keys import FirestoreKeys
from shared.ports.identity import ApiKeys
from tests.fakes.clock import NOON
from tests.fakes.keys import FakeKeys

LATER = NOON + timedelta(hours=1)


def a_key(letter: str, *, minute: int = 0) -> ApiKey:
    return ApiKey(
        sha256=sha256_of(secret_of(letter.encode() * 32)),
        name="고양이 server",
        user_id="ann",
        created_at=NOON + timedelta(minutes=minute, microseconds=123456),
    )


@pytest.fixture(params=["emulator", "fake"])
def keys(request: pytest.FixtureRequest) -> ApiKeys:
    if request.param == "fake":
        return FakeKeys()
    return FirestoreKeys(request.getfixturevalue("database"))


def test_a_key_is_found_only_by_its_hash(keys: ApiKeys) -> None:
    keys.add(a_key("a"))

    assert keys.find(a_key("a").sha256) == a_key("a")
    assert keys.find(a_key("b").sha256) is None
    assert keys.find(a_key("a").key_id) is None


def test_a_key_is_found_by_its_id(keys: ApiKeys) -> None:
    for letter in "abc":
        keys.add(a_key(letter))
    keys.revoke(a_key("b"), LATER)

    assert keys.with_id(a_key("a").key_id) == a_key("a")
    assert keys.with_id(a_key("b").key_id) == replace(a_key("b"), revoked_at=LATER)
    assert keys.with_id(a_key("d").key_id) is None


def test_a_hash_is_stored_once(keys: ApiKeys) -> None:
    keys.add(a_key("a"))

    with pytest.raises(LostRace):
        keys.add(replace(a_key("a"), user_id="eve"))

    assert keys.find(a_key("a").sha256) == a_key("a")


def test_all_keys_are_listed_newest_first(keys: ApiKeys) -> None:
    known = [a_key("a"), a_key("b", minute=2), a_key("c", minute=1)]
    for key in known:
        keys.add(key)
    keys.revoke(known[0], LATER)

    revoked = replace(known[0], revoked_at=LATER)
    assert list(keys.all()) == [known[1], known[2], revoked]


def test_revoking_a_key_again_keeps_the_first_time(keys: ApiKeys) -> None:
    keys.add(a_key("a"))

    keys.revoke(a_key("a"), LATER)
    keys.revoke(a_key("a"), LATER + timedelta(hours=1))

    assert keys.find(a_key("a").sha256) == replace(a_key("a"), revoked_at=LATER)


def test_revoking_a_missing_key_creates_nothing(keys: ApiKeys) -> None:
    keys.revoke(a_key("a"), LATER)

    assert keys.find(a_key("a").sha256) is None


def test_no_part_of_a_secret_is_stored(
    firestore_client: firestore.Client, database: Database
) -> None:
    FirestoreKeys(database).add(a_key("a"))

    (found,) = firestore_client.collection("api_keys").stream()

    kept = f"{found.id} {found.to_dict()}"
    assert secret_of(b"a" * 32)[3:11] not in kept
    assert set(found.to_dict() or {}) == {field.name for field in fields(ApiKey)}


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"user_id": None}, id="no user"),
        pytest.param({"user_id": "ann/bob"}, id="no user id"),
        pytest.param({"created_at": "now"}, id="no time"),
        pytest.param({"revoked_at": "now"}, id="no time of its end"),
        pytest.param({"revoked_at": firestore.DELETE_FIELD}, id="without revoked_at"),
    ],
)
def test_an_unreadable_key_grants_no_access(
    firestore_client: firestore.Client, database: Database, broken: dict[str, Any]
) -> None:
    keys = FirestoreKeys(database)
    keys.add(a_key("a"))
    firestore_client.document(f"api_keys/{a_key('a').sha256}").update(broken)

    with pytest.raises(Unreachable) as caught:
        keys.find(a_key("a").sha256)

    assert a_key("a").sha256 not in str(caught.value)

"""Keys as the operator makes, sees and revokes them."""

import re
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.domain.api_key import ApiKey, is_secret, sha256_of
from shared.domain.errors import BadContent, Conflict, NotFound, Unreachable
from shared.usecases.api_keys import KeyRing
from tests.fakes.clock import NOON, FrozenClock
from tests.fakes.jobs import Trouble
from tests.fakes.keys import FakeKeys


@pytest.fixture
def keys() -> FakeKeys:
    return FakeKeys()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def ring(keys: FakeKeys, clock: FrozenClock) -> KeyRing:
    return KeyRing(keys=keys, clock=clock, random_bytes=secrets.token_bytes)


def make(ring: KeyRing, name: str = "server") -> ApiKey:
    return ring.make(name, "ann")[0]


def test_a_secret_is_43_random_characters_and_kept_nowhere(
    ring: KeyRing, keys: FakeKeys
) -> None:
    key, secret = ring.make("server", "ann")

    assert re.fullmatch(r"rk_[A-Za-z0-9_-]{43}", secret)
    assert is_secret(secret)
    assert keys.find(sha256_of(secret)) == key
    assert secret not in repr(key)
    assert (key.user_id, key.created_at, key.revoked_at) == ("ann", NOON, None)


def test_no_two_secrets_are_alike(ring: KeyRing) -> None:
    assert len({ring.make("server", "ann")[1] for _ in range(50)}) == 50


def test_too_little_randomness_makes_no_key(keys: FakeKeys, clock: FrozenClock) -> None:
    ring = KeyRing(keys=keys, clock=clock, random_bytes=lambda count: b"a" * 16)

    with pytest.raises(ValueError, match="32 bytes"):
        ring.make("server", "ann")


def test_the_log_names_the_key_and_never_its_secret(ring: KeyRing) -> None:
    with capture_logs() as logs:
        key, secret = ring.make("server", "ann")
        ring.revoke(key.key_id)

    said = {"audit": True, "key_id": key.key_id, "user_id": "ann", "log_level": "info"}
    assert logs == [{"event": "key_made", **said}, {"event": "key_revoked", **said}]
    assert len(key.key_id) == 12
    assert secret[3:] not in str(logs) and key.sha256 not in str(logs)


@pytest.mark.parametrize("name", ["x", "x" * 100, "Ann's server", "고양이"])
def test_a_name_is_any_printable_text(ring: KeyRing, name: str) -> None:
    assert make(ring, name).name == name


@pytest.mark.parametrize(
    ("name", "user_id"),
    [
        ("", "ann"),
        (" ", "ann"),
        ("x" * 101, "ann"),
        ("a\nb", "ann"),
        ("\x1b[2J", "ann"),
        ("server", ""),
        ("server", "a/b"),
        ("server", "x" * 129),
    ],
)
def test_a_key_that_cannot_be_named_is_not_made(
    ring: KeyRing, name: str, user_id: str
) -> None:
    with pytest.raises(BadContent):
        ring.make(name, user_id)

    assert ring.list() == []


def test_a_key_is_revoked_by_its_id_or_its_name(ring: KeyRing) -> None:
    first, second = make(ring, "first"), make(ring, "second")

    assert ring.revoke(first.key_id) == replace(first, revoked_at=NOON)
    assert ring.revoke("second") == replace(second, revoked_at=NOON)


def test_revoking_again_changes_and_tells_nothing(
    ring: KeyRing, clock: FrozenClock
) -> None:
    revoked = ring.revoke(make(ring).key_id)
    clock.move(timedelta(hours=1))

    with capture_logs() as logs:
        assert ring.revoke(revoked.key_id) == revoked

    assert logs == []


def test_a_name_of_several_keys_revokes_none(ring: KeyRing) -> None:
    make(ring), make(ring)

    with pytest.raises(Conflict):
        ring.revoke("server")

    assert [key.revoked_at for key in ring.list()] == [None, None]


def test_a_name_used_again_means_the_key_that_still_works(ring: KeyRing) -> None:
    ring.revoke(make(ring).key_id)
    second = make(ring)

    assert ring.revoke("server").key_id == second.key_id


def test_a_key_named_like_anothers_id_does_not_shield_it(ring: KeyRing) -> None:
    key = make(ring)
    make(ring, name=key.key_id)

    assert ring.revoke(key.key_id).sha256 == key.sha256


@pytest.mark.parametrize("named", ["nothing", "", "0" * 12])
def test_what_is_not_there_is_not_revoked(ring: KeyRing, named: str) -> None:
    make(ring)

    with pytest.raises(NotFound):
        ring.revoke(named)


def test_a_key_whose_answer_got_lost_is_made(ring: KeyRing, keys: FakeKeys) -> None:
    keys.troubles = [Trouble.APPLIED]

    key, secret = ring.make("server", "ann")

    assert keys.find(sha256_of(secret)) == key


@pytest.mark.parametrize("trouble", [Trouble.NOT_APPLIED, Trouble.LOST_RACE])
def test_a_key_that_is_not_there_is_never_shown(
    ring: KeyRing, keys: FakeKeys, trouble: Trouble
) -> None:
    keys.troubles = [trouble]

    with pytest.raises(Unreachable):
        ring.make("server", "ann")


def test_a_revocation_whose_answer_got_lost_holds(
    ring: KeyRing, keys: FakeKeys
) -> None:
    key = make(ring)
    keys.troubles = [Trouble.APPLIED]

    assert ring.revoke(key.key_id).revoked_at == NOON


@pytest.mark.parametrize("trouble", [Trouble.NOT_APPLIED, Trouble.LOST_RACE])
def test_a_key_that_may_still_work_is_not_called_revoked(
    ring: KeyRing, keys: FakeKeys, trouble: Trouble
) -> None:
    key = make(ring)
    keys.troubles = [trouble]

    with capture_logs() as logs, pytest.raises(Unreachable):
        ring.revoke(key.key_id)

    assert logs == []

"""API keys as the operator creates, lists and revokes them."""

import re
import secrets
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from shared.domain.api_key import ApiKey, is_secret, sha256_of
from shared.domain.errors import BadContent, Conflict, NotFound, Unreachable
from shared.domain.structs import replace
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
    return ring.create(name, "ann")[0]


def test_a_secret_is_random_and_stored_nowhere(ring: KeyRing, keys: FakeKeys) -> None:
    key, secret = ring.create("server", "ann")

    assert re.fullmatch(r"rk_[A-Za-z0-9_-]{43}", secret)
    assert is_secret(secret)
    assert keys.find(sha256_of(secret)) == key
    assert secret not in repr(key)
    assert (key.user_id, key.created_at, key.revoked_at) == ("ann", NOON, None)


@pytest.mark.parametrize("follows_user", [True, False])
def test_a_key_follows_a_user_if_it_is_to(ring: KeyRing, follows_user: bool) -> None:
    key, _ = ring.create("server", "ann", follows_user=follows_user)

    assert key.follows_user is follows_user


def test_the_log_names_the_key_and_never_its_secret(ring: KeyRing) -> None:
    with capture_logs() as logs:
        key, secret = ring.create("server", "ann")
        ring.revoke(key.key_id)

    said = {"audit": True, "key_id": key.key_id, "user_id": "ann", "log_level": "info"}
    assert logs == [{"event": "key_created", **said}, {"event": "key_revoked", **said}]
    assert len(key.key_id) == 12
    assert secret[3:] not in str(logs) and key.sha256 not in str(logs)


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
def test_a_key_with_an_invalid_name_or_user_is_not_created(
    ring: KeyRing, name: str, user_id: str
) -> None:
    with pytest.raises(BadContent):
        ring.create(name, user_id)

    assert ring.list() == []


@pytest.mark.parametrize("name", ["x", "x" * 100, "Ann's server", "고양이"])
def test_a_name_may_be_any_printable_text(ring: KeyRing, name: str) -> None:
    assert make(ring, name).name == name


def test_secrets_are_unique_and_random(ring: KeyRing) -> None:
    assert len({ring.create("server", "ann")[1] for _ in range(50)}) == 50
    with pytest.raises(ValueError, match="32 bytes"):
        replace(ring, random_bytes=lambda _: b"a" * 16).create("server", "ann")


def test_a_key_is_revoked_by_its_id_or_name(ring: KeyRing, clock: FrozenClock) -> None:
    first, second = make(ring, "first"), make(ring, "second")
    # A key whose name is another key's ID doesn't make that ID ambiguous.
    make(ring, first.key_id)

    assert ring.revoke(first.key_id) == replace(first, revoked_at=NOON)
    assert ring.revoke("second") == replace(second, revoked_at=NOON)
    clock.move(timedelta(hours=1))
    with capture_logs() as logs:
        assert ring.revoke(first.key_id) == replace(first, revoked_at=NOON)
    assert logs == []


def test_a_leaked_key_is_revoked_among_malformed_ones(clock: FrozenClock) -> None:
    """By its ID, or by the secret itself, which may be all that is known."""

    class OneIsMalformed(FakeKeys):
        def all(self) -> Sequence[ApiKey]:
            raise Unreachable("api_keys/0… is not an API key")

    ring = KeyRing(keys=OneIsMalformed(), clock=clock, random_bytes=secrets.token_bytes)
    (first, _), (second, secret) = (
        ring.create("first", "ann"),
        ring.create("second", "ann"),
    )

    assert ring.revoke(first.key_id).revoked_at == NOON
    assert ring.revoke(secret) == replace(second, revoked_at=NOON)


def test_an_error_does_not_repeat_an_unknown_key(ring: KeyRing) -> None:
    with pytest.raises(NotFound) as refused:
        ring.revoke("rk_" + 43 * "a")

    assert "aaa" not in str(refused.value)


def test_an_ambiguous_or_unknown_name_revokes_nothing(ring: KeyRing) -> None:
    make(ring), make(ring)

    with pytest.raises(Conflict):
        ring.revoke("server")
    for named in ("nothing", "", "0" * 12):
        with pytest.raises(NotFound):
            ring.revoke(named)

    first, second = ring.list()
    assert (first.revoked_at, second.revoked_at) == (None, None)
    ring.revoke(first.key_id)
    # A name that was used again means the key that still works.
    assert ring.revoke("server").key_id == second.key_id
    assert ring.revoke("server").key_id == first.key_id


@pytest.mark.parametrize(
    ("trouble", "is_done"),
    [(Trouble.APPLIED, True), (Trouble.NOT_APPLIED, False), (Trouble.LOST_RACE, False)],
)
def test_a_change_not_known_to_be_stored_is_an_error(
    ring: KeyRing, keys: FakeKeys, trouble: Trouble, is_done: bool
) -> None:
    """Else a key might be shown that doesn't work, or called revoked while it works."""
    key, expected = make(ring), nullcontext() if is_done else pytest.raises(Unreachable)
    keys.troubles = [trouble]
    with expected, capture_logs() as logs:
        made, secret = ring.create("server", "ann")
        assert keys.find(sha256_of(secret)) == made
    assert len(logs) == is_done

    keys.troubles = [trouble]
    with expected, capture_logs() as logs:
        assert ring.revoke(key.key_id).revoked_at == NOON
    assert len(logs) == is_done

"""Webhook signatures, verified by the library that receivers use."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import standardwebhooks

from shared.domain.webhook import RETRY_DELAYS, signed_headers, webhook_secret

SIGNING_SECRET = "a signing secret that nobody can guess"
BODY = '{"prompt": "고양이"}'.encode()


def headers(*, key_id: str = "0123456789ab", body: bytes = BODY) -> dict[str, str]:
    made = signed_headers(
        body,
        message_id="msg_1",
        at=datetime.now(UTC),
        signing_secret=SIGNING_SECRET,
        key_id=key_id,
    )
    return dict(made)


def test_the_public_library_verifies_a_message() -> None:
    verifier = standardwebhooks.Webhook(webhook_secret(SIGNING_SECRET, "0123456789ab"))

    assert verifier.verify(BODY, headers()) == {"prompt": "고양이"}


@pytest.mark.parametrize(
    "wrong",
    [
        headers(key_id="another key0"),
        headers(body=BODY + b" "),
        headers() | {"webhook-id": "msg_2"},
        headers() | {"webhook-timestamp": "1764000000"},
    ],
    ids=["another key", "another body", "another id", "another time"],
)
def test_the_public_library_refuses_a_changed_message(wrong: dict[str, str]) -> None:
    verifier = standardwebhooks.Webhook(webhook_secret(SIGNING_SECRET, "0123456789ab"))

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verifier.verify(BODY, wrong)


def test_each_key_has_its_own_secret_of_32_bytes() -> None:
    secrets = {webhook_secret(SIGNING_SECRET, key_id) for key_id in ("a", "b")}
    secrets.add(webhook_secret(f"{SIGNING_SECRET}!", "a"))

    assert len(secrets) == 3
    assert {len(b64decode(s.removeprefix("whsec_"))) for s in secrets} == {32}


def test_the_pauses_grow_and_add_up_to_at_most_a_day() -> None:
    assert all(earlier <= later for earlier, later in pairwise(RETRY_DELAYS))
    assert timedelta(hours=23) < sum(RETRY_DELAYS, timedelta(0)) <= timedelta(hours=24)

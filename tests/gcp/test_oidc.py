"""Which OIDC tokens a private function accepts."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from inspect import unwrap
from itertools import product
from typing import Any

import pytest

from local.identity import LocalIdentity
from shared.domain.errors import Forbidden, Unauthenticated, Unreachable
from shared.gcp import oidc
from shared.gcp.oidc import SIGNATURE_REMOVED, OidcCheck
from shared.settings import Settings
from shared.wiring import process
from tests.gcp.firebase_signing import (
    FORGERIES,
    HOUR,
    Forge,
    Forger,
    changed,
    segment,
    signed,
)

AUDIENCE = "https://worker.example"
INVOKER = "tasks-invoker@demo-reelay.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def stranger() -> LocalIdentity:
    return LocalIdentity.generate("demo-reelay")


def check_at(certs_url: str, *, signature_removed: bool = False) -> OidcCheck:
    return OidcCheck(
        audience=AUDIENCE,
        invoker_email=INVOKER,
        certs_url=certs_url,
        signature_removed=signature_removed,
    )


def claims(**other: object) -> dict[str, Any]:
    """Valid claims with `other`: a timedelta is relative to now, "-" leaves one out."""
    now = int(time.time())
    good = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": INVOKER,
        "email_verified": True,
        "iat": now,
        "exp": HOUR,
    }
    return changed(good, other, now)


def stripped(content: object) -> str:
    header = segment({"alg": "RS256", "kid": "any", "typ": "JWT"})
    return f"{header}.{segment(content)}.{SIGNATURE_REMOVED}"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({}, id="as it should be"),
        pytest.param({"iss": "accounts.google.com"}, id="the other issuer"),
        pytest.param({"exp": timedelta(seconds=-4), "iat": -HOUR}, id="just expired"),
        pytest.param({"iat": timedelta(seconds=6)}, id="a clock that runs ahead"),
    ],
)
@pytest.mark.parametrize("is_stripped", [False, True])
def test_a_valid_token_is_accepted(
    identity: LocalIdentity,
    certs_url: str,
    other: Any,
    is_stripped: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oidc, "_CLOCK_SKEW_SECONDS", 600)
    content = claims(**other)
    token = stripped(content) if is_stripped else signed(identity, content)

    check_at(certs_url, signature_removed=True).check(f"bearer {token}")


BAD_CLAIMS = [
    pytest.param({"iss": "https://evil.example"}, Unauthenticated, id="wrong issuer"),
    pytest.param({"iss": "-"}, Unauthenticated, id="no issuer"),
    pytest.param({"aud": "https://api.example"}, Unauthenticated, id="wrong audience"),
    pytest.param({"aud": [AUDIENCE]}, Unauthenticated, id="list of audiences"),
    pytest.param({"aud": "-"}, Unauthenticated, id="no audience"),
    pytest.param({"exp": timedelta(seconds=-60)}, Unauthenticated, id="expired"),
    pytest.param({"exp": "-"}, Unauthenticated, id="never expires"),
    pytest.param({"exp": "tomorrow"}, Unauthenticated, id="expires in words"),
    pytest.param({"iat": HOUR}, Unauthenticated, id="not yet valid"),
    pytest.param({"iat": "-"}, Unauthenticated, id="no time of issue"),
    pytest.param({"email": "a@b.example"}, Forbidden, id="other e-mail"),
    pytest.param({"email": INVOKER.upper()}, Forbidden, id="e-mail in capitals"),
    pytest.param({"email": "-"}, Forbidden, id="no e-mail"),
    pytest.param({"email_verified": False}, Forbidden, id="unverified e-mail"),
    pytest.param({"email_verified": "true"}, Forbidden, id="verified in words"),
    pytest.param({"email_verified": "-"}, Forbidden, id="not known to be verified"),
]


@pytest.mark.parametrize(("other", "refusal"), BAD_CLAIMS)
@pytest.mark.parametrize("is_stripped", [False, True])
def test_a_wrong_oidc_claim_is_refused(
    identity: LocalIdentity,
    certs_url: str,
    other: Any,
    refusal: type[Exception],
    is_stripped: bool,
) -> None:
    content = claims(**other)
    token = stripped(content) if is_stripped else signed(identity, content)

    with pytest.raises(refusal):
        check_at(certs_url, signature_removed=True).check(f"Bearer {token}")


ALL_FORGERIES: Mapping[str, Forge] = {
    **FORGERIES,
    "the mark in small letters": lambda f: stripped(claims()).lower(),
    "the mark and more": lambda f: stripped(claims()) + "=",
    "stripped, no claims": lambda f: stripped("text"),
    "stripped, two parts": lambda f: f"x.{SIGNATURE_REMOVED}",
}


@pytest.mark.parametrize("forge", ALL_FORGERIES.values(), ids=ALL_FORGERIES)
@pytest.mark.parametrize("signature_removed", [False, True])
def test_a_forged_token_is_refused(
    identity: LocalIdentity,
    stranger: LocalIdentity,
    certs_url: str,
    forge: Forge,
    signature_removed: bool,
) -> None:
    check = check_at(certs_url, signature_removed=signature_removed)
    token = forge(Forger(google=identity, stranger=stranger, claims=claims))

    with pytest.raises(Unauthenticated) as caught:
        check.check(f"Bearer {token}")

    assert token not in f"{caught.value!r}"
    assert caught.value.__cause__ is None


def test_a_stripped_signature_is_accepted_only_if_allowed(certs_url: str) -> None:
    token = stripped(claims())

    with pytest.raises(Unauthenticated):
        check_at(certs_url).check(f"Bearer {token}")


def test_nothing_is_admitted_without_a_token_or_certificates(
    identity: LocalIdentity, certs_url: str
) -> None:
    good = signed(identity, claims())
    for header in (None, "", "Bearer", "Bearer ", good, f"Basic {good}"):
        with pytest.raises(Unauthenticated):
            check_at(certs_url, signature_removed=True).check(header)

    with pytest.raises(Unreachable):
        check_at("http://127.0.0.1:1/certs").check(f"Bearer {good}")


FUNCTIONS = {"WORKER": "TASKS", "SWEEP": "SCHEDULER", "BUDGET_ALERT": "PUBSUB"}


@pytest.mark.parametrize("in_cloud", [True, False])
def test_each_function_admits_its_own_invoker_for_itself_and_no_other(
    certs_url: str, monkeypatch: pytest.MonkeyPatch, in_cloud: bool
) -> None:
    environ = {"GOOGLE_CLOUD_PROJECT": "demo-reelay", "BUCKET": "videos"}
    # Only on Cloud Run, which has checked and removed it, may the signature be missing.
    environ |= {"K_SERVICE": "any"} if in_cloud else {"OIDC_CERTS_URL": certs_url}
    for function, invoker in FUNCTIONS.items():
        environ[f"{function}_AUDIENCE"] = f"https://{function}.example"
        environ[f"{invoker}_INVOKER"] = f"{invoker}@example.com"
    settings = Settings.from_env(environ)
    monkeypatch.setattr(process, "settings", lambda: settings)
    monkeypatch.setattr(process, "_callers", unwrap(process._callers))
    checks = {
        "WORKER": process.worker_callers(),
        "SWEEP": process.sweep_callers(),
        "BUDGET_ALERT": process.budget_callers(),
    }

    admitted = set()
    for function, audience, invoker in product(FUNCTIONS, FUNCTIONS, FUNCTIONS):
        email = f"{FUNCTIONS[invoker]}@example.com"
        token = stripped(claims(aud=f"https://{audience}.example", email=email))
        with suppress(Unauthenticated, Forbidden):
            checks[function].check(f"Bearer {token}")
            admitted.add((function, audience, invoker))

    assert admitted == ({(name,) * 3 for name in FUNCTIONS} if in_cloud else set())

"""Which tokens open a private function, and which do not."""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import google.auth.crypt
import google.auth.jwt
import pytest
from werkzeug import Request, Response

from local.http_server import HttpServer, as_json, routed
from local.identity import LocalIdentity
from shared.domain.errors import Forbidden, Unauthenticated, Unreachable
from shared.gcp.oidc import SIGNATURE_REMOVED, OidcCheck

AUDIENCE = "https://worker.example"
INVOKER = "tasks-invoker@demo-reelay.iam.gserviceaccount.com"
# google-auth is typed in part only.
CRYPT: Any = google.auth.crypt
JWT: Any = google.auth.jwt
HOUR = 3600


@pytest.fixture(scope="module")
def identity() -> LocalIdentity:
    return LocalIdentity.generate("demo-reelay")


@pytest.fixture(scope="module")
def stranger() -> LocalIdentity:
    return LocalIdentity.generate("demo-reelay")


class Certs:
    """Certificates at an address; counts how often they were fetched."""

    def __init__(self, identity: LocalIdentity) -> None:
        self.reply = as_json(identity.certificates())
        self.fetched = 0

    def answer(self, _: Request) -> Response:
        self.fetched += 1
        return self.reply


@pytest.fixture
def certs(identity: LocalIdentity) -> Certs:
    return Certs(identity)


@pytest.fixture
def certs_url(certs: Certs) -> Iterator[str]:
    with HttpServer(routed({("GET", "/certs"): certs.answer})) as server:
        yield f"{server.url}/certs"


def check_at(certs_url: str, *, signature_removed: bool = False) -> OidcCheck:
    return OidcCheck(
        audience=AUDIENCE,
        invoker_email=INVOKER,
        certs_url=certs_url,
        signature_removed=signature_removed,
    )


def claims(**other: object) -> dict[str, object]:
    """Good ones, but for `other`: a timedelta is from now, "-" is left out."""
    now = int(datetime.now(UTC).timestamp())
    good = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": INVOKER,
        "email_verified": True,
        "iat": now,
        "exp": now + HOUR,
    }
    changed = {**good, **other}
    return {
        key: now + value.total_seconds() if isinstance(value, timedelta) else value
        for key, value in changed.items()
        if value != "-"
    }


def signed(identity: LocalIdentity, content: Mapping[str, object]) -> str:
    signer = CRYPT.RSASigner.from_string(identity.pem, identity.key_id)
    return str(JWT.encode(signer, content).decode())


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def stripped(content: object) -> str:
    header = segment({"alg": "RS256", "kid": "any", "typ": "JWT"})
    return f"{header}.{segment(content)}.{SIGNATURE_REMOVED}"


def test_a_token_of_the_local_identity_is_taken(
    identity: LocalIdentity, certs_url: str
) -> None:
    token = identity.id_token(email=INVOKER, audience=AUDIENCE, now=datetime.now(UTC))

    check_at(certs_url).check(f"Bearer {token}")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({}, id="as it should be"),
        pytest.param({"iss": "accounts.google.com"}, id="the other issuer"),
        pytest.param(
            {"exp": timedelta(seconds=-4), "iat": timedelta(seconds=-HOUR)},
            id="just expired",
        ),
        pytest.param({"iat": timedelta(seconds=6)}, id="a clock that runs ahead"),
    ],
)
@pytest.mark.parametrize("is_stripped", [False, True])
def test_a_good_token_is_taken(
    identity: LocalIdentity, certs_url: str, other: Any, is_stripped: bool
) -> None:
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
    pytest.param({"iat": timedelta(seconds=60)}, Unauthenticated, id="not yet valid"),
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
def test_a_claim_that_is_wrong_is_refused(
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


def no_algorithm(_: LocalIdentity, __: LocalIdentity) -> str:
    return f"{segment({'alg': 'none', 'typ': 'JWT'})}.{segment(claims())}."


def without_key_id(identity: LocalIdentity, _: LocalIdentity) -> str:
    signer = CRYPT.RSASigner.from_string(identity.pem, None)
    return str(JWT.encode(signer, claims()).decode())


def symmetric(identity: LocalIdentity, _: LocalIdentity) -> str:
    header = segment({"alg": "HS256", "kid": identity.key_id})
    return f"{header}.{segment(claims())}.{segment('x')}"


def other_claims(identity: LocalIdentity, _: LocalIdentity) -> str:
    header, _content, signature = signed(identity, claims(email="a@b")).split(".")
    return f"{header}.{segment(claims())}.{signature}"


def known_key_id(identity: LocalIdentity, stranger: LocalIdentity) -> str:
    signer = CRYPT.RSASigner.from_string(stranger.pem, identity.key_id)
    return str(JWT.encode(signer, claims()).decode())


NESTED = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
FORGERIES = [
    pytest.param(lambda i, s: signed(s, claims()), id="another key"),
    pytest.param(known_key_id, id="another key under a known name"),
    pytest.param(other_claims, id="a signature of other claims"),
    pytest.param(no_algorithm, id="alg none"),
    pytest.param(without_key_id, id="no key named"),
    pytest.param(symmetric, id="alg HS256"),
    pytest.param(lambda i, s: "garbage", id="garbage"),
    pytest.param(lambda i, s: "a.b.c", id="three times garbage"),
    pytest.param(lambda i, s: f"a.{NESTED}.c", id="nested without end"),
    pytest.param(lambda i, s: f"{NESTED}.{NESTED}.c", id="all nested"),
    pytest.param(lambda i, s: "ä.ö.ü", id="not ASCII"),
    pytest.param(lambda i, s: f"{segment([])}.{segment([])}.x", id="lists"),
    pytest.param(lambda i, s: signed(i, claims()) + ".x", id="four parts"),
    pytest.param(
        lambda i, s: stripped(claims()).lower(), id="the mark in small letters"
    ),
    pytest.param(lambda i, s: stripped(claims()) + "=", id="the mark and more"),
    pytest.param(lambda i, s: stripped("text"), id="stripped, no claims"),
    pytest.param(lambda i, s: f"x.{SIGNATURE_REMOVED}", id="stripped, two parts"),
]


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.parametrize("signature_removed", [False, True])
def test_a_forged_token_is_refused(
    identity: LocalIdentity,
    stranger: LocalIdentity,
    certs_url: str,
    forge: Any,
    signature_removed: bool,
) -> None:
    check = check_at(certs_url, signature_removed=signature_removed)
    token = forge(identity, stranger)

    with pytest.raises(Unauthenticated) as caught:
        check.check(f"Bearer {token}")

    assert token not in f"{caught.value!r}"
    assert caught.value.__cause__ is None


def test_a_stripped_signature_counts_only_where_it_is_allowed(certs_url: str) -> None:
    token = stripped(claims())

    with pytest.raises(Unauthenticated):
        check_at(certs_url).check(f"Bearer {token}")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("Bearer", id="no token"),
        pytest.param("Bearer ", id="an empty token"),
        pytest.param("Basic dXNlcjpwYXNz", id="another scheme"),
    ],
)
def test_without_a_token_nobody_is_let_in(certs_url: str, header: str | None) -> None:
    with pytest.raises(Unauthenticated):
        check_at(certs_url, signature_removed=True).check(header)


def test_certificates_are_fetched_once_in_a_while(
    identity: LocalIdentity, certs: Certs, certs_url: str
) -> None:
    check, token = check_at(certs_url), signed(identity, claims())

    for _ in range(3):
        check.check(f"Bearer {token}")

    assert certs.fetched == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(as_json({}, status=503), id="out of order"),
        pytest.param(as_json(["no", "object"]), id="something else"),
    ],
)
def test_without_certificates_nobody_is_judged(
    identity: LocalIdentity, certs: Certs, certs_url: str, reply: Response
) -> None:
    good, certs.reply = certs.reply, reply
    check, token = check_at(certs_url), signed(identity, claims())
    with pytest.raises(Unreachable):
        check.check(f"Bearer {token}")

    certs.reply = good
    check.check(f"Bearer {token}")


def test_nobody_at_the_address_of_the_certificates_is_unreachable(
    identity: LocalIdentity,
) -> None:
    check = check_at("http://127.0.0.1:1/certs")

    with pytest.raises(Unreachable):
        check.check(f"Bearer {signed(identity, claims())}")


def test_a_token_is_good_for_its_hour_only(
    identity: LocalIdentity, certs_url: str
) -> None:
    then = datetime.now(UTC) - timedelta(hours=1, seconds=30)
    token = identity.id_token(email=INVOKER, audience=AUDIENCE, now=then)

    with pytest.raises(Unauthenticated):
        check_at(certs_url).check(f"Bearer {token}")

"""What google-auth says of the tokens and keys that one machine makes."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import id_token, service_account

from local.identity import LocalIdentity, user_token
from local.identity_server import IdentityServer

AUDIENCE = "https://worker.example"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture(scope="module")
def identity() -> LocalIdentity:
    return LocalIdentity.generate("demo-reelay")


@pytest.fixture(scope="module")
def server(identity: LocalIdentity) -> Iterator[IdentityServer]:
    with IdentityServer(identity) as running:
        yield running


@pytest.fixture
def google() -> Iterator[Request]:
    with requests.Session() as session:
        session.trust_env = False
        yield Request(session=session)


def credentials_of(
    identity: LocalIdentity, server: IdentityServer, folder: Path
) -> Any:  # google-auth ships without types
    path = folder / "key.json"
    identity.write_service_account_file(
        path, account="worker", token_uri=server.token_uri
    )
    return service_account.Credentials.from_service_account_file(
        str(path), scopes=SCOPES
    )


def test_google_auth_takes_our_id_token(
    identity: LocalIdentity, server: IdentityServer, google: Request
) -> None:
    email, now = identity.email("tasks-invoker"), datetime.now(UTC)
    token = identity.id_token(email=email, audience=AUDIENCE, now=now)

    claims = id_token.verify_token(
        token, google, audience=AUDIENCE, certs_url=server.certs_url
    )

    assert claims["iss"] == "https://accounts.google.com"
    assert claims["email"] == "tasks-invoker@demo-reelay.iam.gserviceaccount.com"
    assert claims["email_verified"] is True
    assert claims["exp"] - claims["iat"] == 3600


def test_service_account_credentials_get_an_access_token(
    identity: LocalIdentity, server: IdentityServer, google: Request, tmp_path: Path
) -> None:
    credentials = credentials_of(identity, server, tmp_path)

    credentials.refresh(google)

    assert credentials.service_account_email == identity.email("worker")
    assert credentials.valid


@pytest.mark.parametrize("project", ["demo-reelay", "another"])
def test_another_key_or_project_gets_invalid_grant(
    identity: LocalIdentity,
    server: IdentityServer,
    google: Request,
    tmp_path: Path,
    project: str,
) -> None:
    key = identity.key if project == "another" else LocalIdentity.generate("p").key
    foreign = LocalIdentity(project=project, key=key)

    with pytest.raises(RefreshError, match="invalid_grant"):
        credentials_of(foreign, server, tmp_path).refresh(google)


def test_nonsense_gets_400(server: IdentityServer) -> None:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    fields = {"grant_type": grant, "assertion": "not.a.token"}

    answer = requests.post(server.token_uri, data=fields, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("admin", [False, True])
def test_a_user_token_is_as_firebase_makes_it(admin: bool) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    header, claims, _ = user_token("p", "ann", admin=admin, now=now).split(".")

    key_id = LocalIdentity.of_checkout("p").key_id
    assert _content(header) == {"alg": "RS256", "kid": key_id, "typ": "JWT"}
    assert _content(claims) == {
        "iss": "https://securetoken.google.com/p",
        "aud": "p",
        "auth_time": 1795305600,
        "user_id": "ann",
        "sub": "ann",
        "iat": 1795305600,
        "exp": 1795309200,
        "firebase": {"identities": {}, "sign_in_provider": "custom"},
        **({"admin": True} if admin else {}),
    }


def _content(segment: str) -> object:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))

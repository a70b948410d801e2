"""The local identity's tokens and keys, used with google-auth."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from local.identity import LocalIdentity
from local.identity_server import IdentityServer
from shared.gcp.firebase_tokens import FirebaseTokens, decode_signed

PROJECT = "demo-reelay"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.fixture(scope="module")
def identity() -> LocalIdentity:
    return LocalIdentity.generate(PROJECT)


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


@pytest.mark.parametrize("project", [PROJECT, "another"])
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


def test_a_malformed_request_gets_400(server: IdentityServer) -> None:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    fields = {"grant_type": grant, "assertion": "not.a.token"}

    answer = requests.post(server.token_uri, data=fields, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("admin", [False, True])
def test_the_api_accepts_a_users_token(
    identity: LocalIdentity, server: IdentityServer, admin: bool
) -> None:
    token = identity.user_token("ann", admin=admin)
    tokens = FirebaseTokens(PROJECT, decode_signed(PROJECT, server.certs_url))

    caller = tokens.caller(f"Bearer {token}")

    assert (caller.user_id, caller.is_admin) == ("ann", admin)

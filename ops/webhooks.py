"""The webhook secret of an API key, derived from the project's signing secret.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import requests
from google.auth.transport.requests import AuthorizedSession

from ops.deploy.keys import SECRETS
from ops.operating import EMULATOR
from shared.domain.webhook import webhook_secret
from shared.setting_values import UNSET

BASE_URL = "https://secretmanager.googleapis.com"
SIGNING_SECRET = "WEBHOOK_SIGNING_SECRET"  # noqa: S105 - a name
TIMEOUT_SECONDS = 30.0


def webhook_secret_notice(
    key_id: str,
    project: str,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any],
    base_url: str = BASE_URL,
) -> str:
    """A sentence for the holder of a new key: its webhook secret, or why there is none.

    A signing secret in `environ` overrides the project's. May raise GoogleAuthError.
    """
    signing_secret = environ.get(SIGNING_SECRET, "")
    if not signing_secret and not environ.get(EMULATOR):
        signing_secret = _stored_secret(project, credentials(project), base_url)
    if signing_secret in ("", UNSET):
        return (
            f"Its webhook secret can't be shown: {SIGNING_SECRET} is not in the "
            "environment, nor in a secret that this account may read."
        )
    return f"Its webhooks are signed with {webhook_secret(signing_secret, key_id)}"


def _stored_secret(project: str, credentials: Any, base_url: str) -> str:
    """The project's signing secret; empty if there is none or it can't be read."""
    name = f"projects/{project}/secrets/{SECRETS[SIGNING_SECRET]}/versions/latest"
    try:
        with AuthorizedSession(credentials) as session:
            response = session.get(
                f"{base_url}/v1/{name}:access",
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
    except requests.RequestException:
        return ""
    if response.status_code != requests.codes.ok:
        return ""
    return b64decode(response.json()["payload"]["data"]).decode().strip()

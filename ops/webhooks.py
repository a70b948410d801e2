"""The webhook secret of an API key, derived from the project's signing secret.

https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import requests
from google.auth.transport.requests import AuthorizedSession

from ops.deploy.keys import SECRETS, UNSET
from ops.operating import EMULATOR
from shared.domain.webhook import webhook_secret

BASE_URL = "https://secretmanager.googleapis.com"
SIGNING_SECRET = "WEBHOOK_SIGNING_SECRET"  # noqa: S105 - a name
TIMEOUT_SECONDS = 30.0


def sentence(
    key_id: str,
    project: str,
    environ: Mapping[str, str],
    *,
    credentials: Callable[[str], Any],
    base_url: str = BASE_URL,
) -> str:
    """What the holder of a new key is told of its webhooks.

    The environment's signing secret wins over the project's. May raise GoogleAuthError.
    """
    signing_secret = environ.get(SIGNING_SECRET, "")
    if not signing_secret and not environ.get(EMULATOR):
        signing_secret = _kept(project, credentials(project), base_url)
    if signing_secret in ("", UNSET):
        return (
            f"Its webhook secret can't be shown: {SIGNING_SECRET} is not in the "
            "environment, nor in a secret that this account may read."
        )
    return f"Its webhooks are signed with {webhook_secret(signing_secret, key_id)}"


def _kept(project: str, credentials: Any, base_url: str) -> str:
    """Empty where there is none, or it may not be read."""
    name = f"projects/{project}/secrets/{SECRETS[SIGNING_SECRET]}/versions/latest"
    try:
        with AuthorizedSession(credentials) as session:
            answer = session.get(
                f"{base_url}/v1/{name}:access",
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
    except requests.RequestException:
        return ""
    if answer.status_code != requests.codes.ok:
        return ""
    return b64decode(answer.json()["payload"]["data"]).decode().strip()

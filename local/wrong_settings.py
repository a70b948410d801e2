"""Finds settings that the functions would refuse, before any part of the stack starts.

Each function validates them itself, so a wrong one would otherwise appear only in logs.
"""

from collections.abc import Mapping

from local.money import PAID_POSTS_LIMIT
from shared.domain.errors import NotConfigured
from shared.settings import Settings

# The stack sets these itself, whatever the environment says.
_OWN = {
    "GOOGLE_CLOUD_PROJECT": "local",
    "BUCKET": "local",
    "K_SERVICE": "",
    "STORAGE_EMULATOR_HOST": "",
    "CLOUD_TASKS_EMULATOR_HOST": "",
    "FIREBASE_AUTH_EMULATOR_HOST": "",
    "OIDC_CERTS_URL": "",
}


def wrong_settings(environ: Mapping[str, str]) -> str:
    """One sentence that names all of them; empty if the stack can start."""
    wrong = []
    try:
        Settings.from_env({**environ, **_OWN})
    except NotConfigured as problems:
        wrong.append(str(problems))
    posts = environ.get(PAID_POSTS_LIMIT, "").strip()
    if posts and not posts.isdecimal():
        wrong.append(f"{PAID_POSTS_LIMIT}: must be a whole number, not below 0")
    return f"Wrong in the environment or in .env: {'; '.join(wrong)}." if wrong else ""

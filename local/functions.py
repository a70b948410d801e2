"""How functions are started locally, with the settings that Terraform makes."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.identity import LocalIdentity
from local.identity_server import IdentityServer

FUNCTIONS = ("api", "worker", "sweep", "budget_alert")
BUCKET = "reelay-videos"
LOCATION = "us-central1"


def environment(
    *,
    addresses: Mapping[str, str],
    firestore: str,
    origins: Sequence[str],
    identity: LocalIdentity,
    identity_server: IdentityServer,
    account: Path,
) -> dict[str, str]:
    """A function's environment variables. `account`: the key file that signs URLs."""
    return {
        "GOOGLE_CLOUD_PROJECT": identity.project,
        "BUCKET": BUCKET,
        "ALLOWED_ORIGINS": ",".join(origins),
        "TASKS_LOCATION": LOCATION,
        "WORKER_URL": addresses["worker"],
        "WORKER_AUDIENCE": addresses["worker"],
        "SWEEP_AUDIENCE": addresses["sweep"],
        "BUDGET_ALERT_AUDIENCE": addresses["budget_alert"],
        "TASKS_INVOKER": identity.email("tasks-invoker"),
        "SCHEDULER_INVOKER": identity.email("scheduler-invoker"),
        "PUBSUB_INVOKER": identity.email("pubsub-invoker"),
        "FIRESTORE_EMULATOR_HOST": firestore,
        "STORAGE_EMULATOR_HOST": addresses["storage"],
        "CLOUD_TASKS_EMULATOR_HOST": addresses["tasks"],
        "FIREBASE_AUTH_EMULATOR_HOST": identity_server.host,
        "SIGNING_CREDENTIALS_FILE": str(account),
        "OIDC_CERTS_URL": identity_server.certs_url,
        "THREADS": "16",
    }


def origins(web: str, environ: Mapping[str, str]) -> list[str]:
    """Origins whose pages may use the stack: our own, and those in the environment."""
    given = environ.get("ALLOWED_ORIGINS", "").split(",")
    own = [web, web.replace("127.0.0.1", "localhost")]
    return [*own, *(each.strip() for each in given if each.strip())]


def command(
    target: str, port: int, root: Path, python: Path = Path(sys.executable)
) -> list[str]:
    """The command that starts a function, as the buildpack does, with `python`."""
    framework = str(python.with_name("functions-framework"))
    where = ("--host", "127.0.0.1", "--port", str(port))
    return [framework, "--target", target, "--source", str(root), *where]

"""The running stack answers a browser as the cloud does: by the rules, over REST."""

from datetime import UTC, datetime

import requests

from local.identity import user_token
from local.stack import Stack
from tests.e2e.client import Frontend


def seen_by(stack: Stack, user: str, document: str) -> requests.Response:
    now = datetime.now(UTC)
    token = user_token(stack.project, user, admin=False, now=now)
    root = f"http://{stack.addresses['firestore']}/v1/projects/{stack.project}"
    return requests.get(
        f"{root}/databases/(default)/documents/{document}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


def test_a_job_is_followed_by_its_owner_alone(stack: Stack, frontend: Frontend) -> None:
    video = frontend.wait(frontend.create(duration=3))
    job = f"videos/{video['job_id']}"

    owners = seen_by(stack, "min-ji", job)

    assert owners.json()["fields"]["status"] == {"stringValue": "completed"}
    assert seen_by(stack, "somebody", job).status_code == 403
    assert seen_by(stack, "min-ji", f"{job}/internal/run").status_code == 403
    assert seen_by(stack, "min-ji", "users/min-ji").status_code == 403

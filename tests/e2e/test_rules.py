"""The running stack applies the Firestore rules to browsers, as the cloud does."""

import requests

from local.identity import user_token
from local.stack import Stack
from tests.e2e.client import Frontend


def seen_by(stack: Stack, user: str, document: str) -> requests.Response:
    token = user_token(stack.project, user)
    root = f"http://{stack.addresses['firestore']}/v1/projects/{stack.project}"
    return requests.get(
        f"{root}/databases/(default)/documents/{document}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )


def test_only_its_owner_can_follow_a_job(stack: Stack, frontend: Frontend) -> None:
    video = frontend.wait(frontend.create(duration=3))
    job = f"videos/{video['job_id']}"

    owners = seen_by(stack, "min-ji", job)

    assert owners.json()["fields"]["status"] == {"stringValue": "completed"}
    assert seen_by(stack, "somebody", job).status_code == 403
    assert seen_by(stack, "min-ji", f"{job}/internal/run").status_code == 403
    assert seen_by(stack, "min-ji", "users/min-ji").status_code == 403

"""The log of the running functions: lines for Cloud Logging, without secrets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.functions import FUNCTIONS
from local.stack import Stack
from tests.e2e.client import Frontend, set_faults

PROMPT = "a raccoon whose secret name is Bartholomew"
FORBIDDEN = ("Bartholomew", "X-Goog-Signature", "Bearer ", "eyJ")


def said(stack: Stack) -> Iterator[str]:
    for name in FUNCTIONS:
        yield from (stack.folder / f"{name}.log").read_text().splitlines()


def is_gunicorns(line: str) -> bool:
    """A line that gunicorn prints when a test kills its process: `[time] [pid] …`."""
    return line.startswith("[") and line.count("]") >= 3


def ours(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(stack) if not is_gunicorns(line)]


@pytest.fixture(scope="module")
def ended(running_stack: Stack) -> dict[str, Any]:
    """A job for which two providers fail and Veo delivers."""
    frontend = Frontend(running_stack)
    kinds = {"runway": "400", "runway-http": "503"}
    set_faults(
        running_stack, [{"provider": name, "kind": k} for name, k in kinds.items()]
    )
    metadata = {"Bartholomew": "Bartholomew"}
    return frontend.wait(frontend.create(prompt=PROMPT, duration=4, metadata=metadata))


def test_no_line_contains_a_prompt_a_token_a_key_or_a_signature(
    stack: Stack, frontend: Frontend, ended: dict[str, Any]
) -> None:
    secrets = (
        *FORBIDDEN,
        frontend.headers["Authorization"].split()[1],
        (stack.folder / "key.pem").read_text().splitlines()[1],
    )

    told = "\n".join(said(stack))

    assert ended["job_id"] in told
    assert [secret for secret in secrets if secret in told] == []


def test_every_line_is_in_cloud_loggings_format(
    stack: Stack, ended: dict[str, Any]
) -> None:
    for line in ours(stack):
        assert {"severity", "message", "time"} <= set(line)

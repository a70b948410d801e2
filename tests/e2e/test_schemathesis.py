"""Requests made of our own OpenAPI, right and wrong ones, against a running api."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from local.stack import Stack, StackOptions
from tests.e2e.client import Frontend
from tests.e2e.conftest import bare_environment

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "accepted_as_described",
    "unsupported_method",
    "allow_header_conformance",
)
REQUESTS = int(os.environ.get("REELAY_SCHEMATHESIS_REQUESTS", "600"))
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
MOST_RUNS = 40
# What right requests are answered must have been among it.
RIGHT = {
    ("POST", "/v1/videos", 202),
    ("GET", "/v1/videos", 200),
    ("GET", "/v1/videos/<job_id>", 200),
    ("DELETE", "/v1/videos/<job_id>", 204),
    ("POST", "/v1/videos/<job_id>/cancel", 409),
    ("POST", "/openai/v1/videos", 200),
    ("GET", "/openai/v1/videos", 200),
}


@pytest.fixture(scope="module")
def free() -> Iterator[Stack]:
    """Its user may have any number of jobs, and make some each minute.

    None of them costs anything: their images are not there.
    """
    environ = bare_environment() | {"USER_MAX_JOBS": "100000"}
    with Stack(StackOptions(environ=environ)) as stack:
        yield stack


@pytest.mark.timeout(1800)
def test_no_request_gets_an_answer_that_is_not_described(
    free: Stack, tmp_path: Path
) -> None:
    frontend, made = Frontend(free), 0
    jobs = [frontend.create(image="missing") for _ in range(12)]
    ended = [frontend.wait(job)["job_id"] for job in jobs]
    for seed in range(1, MOST_RUNS):
        made += run(frontend, tmp_path, "--seed", str(seed), jobs=ended)
        if made >= REQUESTS:
            break

    assert made >= REQUESTS
    assert answered(free) >= RIGHT


def test_what_an_admin_is_answered_is_described(free: Stack, tmp_path: Path) -> None:
    """After all others: whoever sets the kill switch at random pauses the rest."""
    frontend = Frontend(free, "owner", admin=True)
    path = "/v1/(admin|usage)"

    assert run(frontend, tmp_path, "--include-path-regex", path) > 0


def answered(stack: Stack) -> set[tuple[str, str, int]]:
    lines = (stack.folder / "api.log").read_text().splitlines()
    served = [json.loads(line) for line in lines if "request_served" in line]
    return {(s["method"], s.get("route", ""), s["status"]) for s in served}


def run(
    frontend: Frontend, folder: Path, *options: str, jobs: Sequence[str] = ()
) -> int:
    """How many requests were made; fails with all that schemathesis found."""
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        frontend.stack.addresses["api"] + "/v1/openapi.json",
        *("--header", f"Authorization:{frontend.headers['Authorization']}"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "3", "--continue-on-failure", "--no-color"),
        *("--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report), *options),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": str(HOOKS), "REELAY_JOBS": ",".join(jobs)}
    environ = bare_environment() | hooks
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(json.loads(report.read_text())["test_cases"]["generated"])

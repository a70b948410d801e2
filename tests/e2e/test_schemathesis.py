"""Requests made of our own OpenAPI, right and wrong ones, against a running api."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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
    "unsupported_method",
    "allow_header_conformance",
)
REQUESTS = int(os.environ.get("REELAY_SCHEMATHESIS_REQUESTS", "600"))
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
MOST_RUNS = 40


@pytest.fixture(scope="module")
def busy() -> Iterator[Stack]:
    """Its one user has all the jobs they may have: what it is asked for costs nothing.

    Their job runs on: the vendors of this stack take longer than any test.
    """
    environ = bare_environment() | {"USER_MAX_JOBS": "1"}
    with Stack(StackOptions(environ=environ, seconds=3600.0)) as stack:
        Frontend(stack).create()
        yield stack


@pytest.mark.timeout(1800)
def test_no_request_gets_an_answer_that_is_not_described(
    busy: Stack, tmp_path: Path
) -> None:
    made = 0
    for seed in range(1, MOST_RUNS):
        made += run(Frontend(busy), tmp_path, "--seed", str(seed))
        if made >= REQUESTS:
            break

    assert made >= REQUESTS


def test_what_an_admin_is_answered_is_described(busy: Stack, tmp_path: Path) -> None:
    """After all others: whoever sets the kill switch at random pauses the rest."""
    frontend = Frontend(busy, "owner", admin=True)
    path = "/v1/(admin|usage)"

    assert run(frontend, tmp_path, "--include-path-regex", path) > 0


def run(frontend: Frontend, folder: Path, *options: str) -> int:
    """How many requests were made; fails with all that schemathesis found."""
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        frontend.stack.addresses["api"] + "/v1/openapi.json",
        *("--header", f"Authorization:{frontend.headers['Authorization']}"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "5", "--continue-on-failure", "--no-color"),
        *("--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report), *options),
    ]
    environ = bare_environment() | {"SCHEMATHESIS_HOOKS": str(HOOKS)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(json.loads(report.read_text())["test_cases"]["generated"])

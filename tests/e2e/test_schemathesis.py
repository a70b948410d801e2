"""Valid and invalid requests generated from our OpenAPI document, on a running api."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.stack import ROOT, Stack
from tests.e2e.client import Frontend, wait_for
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
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
EXAMPLES = os.environ.get("REELAY_SCHEMATHESIS_EXAMPLES", "30")  # for each operation
MIN_REQUESTS = 600
# Answers that valid requests must have got among all of them.
RIGHT = {
    ("POST", "/v1/videos", 202),
    ("GET", "/v1/videos", 200),
    ("GET", "/v1/videos/<job_id>", 200),
    ("DELETE", "/v1/videos/<job_id>", 204),
    ("POST", "/v1/videos/<job_id>/cancel", 409),
    ("POST", "/openai/v1/videos", 200),
    ("GET", "/openai/v1/videos", 200),
}


def test_every_answer_is_described(
    stack: Stack, frontend: Frontend, tmp_path: Path
) -> None:
    jobs = [frontend.create(image="missing") for _ in range(12)]
    ended = [frontend.wait(job)["job_id"] for job in jobs]

    made = run(frontend, tmp_path, "--max-examples", EXAMPLES, jobs=ended)

    assert made >= MIN_REQUESTS
    assert answered(stack) >= RIGHT


def test_every_answer_to_an_administrator_is_described(
    stack: Stack, tmp_path: Path
) -> None:
    """These requests set the kill switch at random; it is reset at the end."""
    admin = Frontend(stack, "owner", admin=True)
    path = ("--include-path-regex", "/v1/(admin|usage)")

    assert run(admin, tmp_path, "--max-examples", "10", *path) > 0

    normal = {"level": "normal", "reason": "the tests go on"}
    assert admin.call("POST", "/v1/admin/generation", normal).status_code == 200
    asked = {"prompt": "a raccoon", "image": "missing"}
    wait_for(lambda: admin.call("POST", "/v1/videos", asked).status_code == 202)


def answered(stack: Stack) -> set[tuple[str, str, int]]:
    lines = (stack.folder / "api.log").read_text().splitlines()
    served = [json.loads(line) for line in lines if "request_served" in line]
    return {(s["method"], s.get("route", ""), s["status"]) for s in served}


def run(
    frontend: Frontend, folder: Path, *options: str, jobs: Sequence[str] = ()
) -> int:
    """Run schemathesis; returns the number of requests, or fails with its findings."""
    report = folder / "report.json"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        frontend.stack.addresses["api"] + "/v1/openapi.json",
        *("--header", f"Authorization:{frontend.headers['Authorization']}"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"),
        *("--seed", "1", "--continue-on-failure", "--no-color"),
        *("--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report), *options),
    ]
    hooks = {"SCHEMATHESIS_HOOKS": str(HOOKS), "REELAY_JOBS": ",".join(jobs)}
    environ = bare_environment() | hooks | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return int(json.loads(report.read_text())["test_cases"]["generated"])

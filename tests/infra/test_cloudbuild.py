"""cloudbuild.yaml: valid, applies the saved plan on main alone, holds no secret."""

import re
import subprocess
from pathlib import Path
from typing import Any

import hcl2
import pytest
from ruamel.yaml import YAML

from ops.deploy.choices import OBJECT
from ops.deploy.terraform import STATE_PREFIX

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "cloudbuild.yaml"
DOCKERFILE = (ROOT / "ci" / "Dockerfile").read_text()
BUILD: dict[str, Any] = YAML(typ="safe").load(FILE.read_text())
STEPS = {step["id"]: step for step in BUILD["steps"]}


def script(step: str) -> str:
    return str(STEPS[step]["args"][-1])


def as_bash_sees_it(step: str) -> str:
    return script(step).replace("$$", "$")


def test_everything_is_checked_before_it_is_planned() -> None:
    assert list(STEPS) == ["image", "check", "settings", "plan", "apply"]
    assert STEPS["check"]["args"] == ["make", "check"]
    # Without waitFor each step waits for all before it.
    assert not [step for step in BUILD["steps"] if "waitFor" in step]


@pytest.mark.parametrize(
    ("branch", "applies"),
    [("main", True), ("feature", False), ("main2", False), ("", False)],
)
def test_only_the_main_branch_is_applied(
    branch: str, *, applies: bool, tmp_path: Path
) -> None:
    ran = apply_step(tmp_path, branch=branch, terraform_exits=0)

    assert ran.returncode == 0
    assert ("ran apply" in ran.stdout) is applies


def test_a_plan_that_failed_is_not_applied_again(tmp_path: Path) -> None:
    """Nor another one, that nobody saw: a retried build plans anew."""
    ran = apply_step(tmp_path, branch="main", terraform_exits=1)

    assert ran.returncode == 1
    assert ran.stdout.count("ran ") == 1
    assert "retry this build" in ran.stdout


def apply_step(
    place: Path, *, branch: str, terraform_exits: int
) -> subprocess.CompletedProcess[str]:
    terraform = place / "terraform"
    terraform.write_text(f'#!/bin/sh\necho ran "$@"\nexit {terraform_exits}\n')
    terraform.chmod(0o755)
    return subprocess.run(
        ["bash", "-ceu", as_bash_sees_it("apply")],
        env={"BRANCH": branch, "PATH": f"{place}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_applied_is_the_plan_that_was_saved() -> None:
    assert "-out=/workspace/plan" in script("plan")
    applied = [line for line in script("apply").splitlines() if "apply" in line]

    assert [line.split()[-1] for line in applied] == ["/workspace/plan"]
    assert "-var" not in script("apply")


def test_it_plans_with_the_settings_and_the_state_of_make_deploy() -> None:
    assert STEPS["settings"]["args"][-2] == f"gs://${{_STATE_BUCKET}}/{OBJECT}"
    assert f"-var-file=/workspace/{OBJECT}" in script("plan")
    assert f"prefix={STATE_PREFIX}" in script("plan")


@pytest.mark.parametrize("step", ["image", "plan", "apply"])
def test_no_substitution_is_pasted_into_a_script(step: str) -> None:
    """A branch may be named as a command; shell variables are written $$NAME."""
    assert not re.search(r"(?<!\$)\$(?!\$)[{A-Z_]", script(step).replace("$$", "%%"))


def test_it_runs_as_the_account_that_terraform_makes() -> None:
    ci = hcl2.loads((ROOT / "infra" / "ci.tf").read_text())
    made = {kind: named for each in ci["resource"] for kind, named in each.items()}
    account = made['"google_service_account"']['"deployer"']["account_id"].strip('"')

    assert f"/{account}@" in BUILD["serviceAccount"]
    assert BUILD["options"]["logging"] == "CLOUD_LOGGING_ONLY"


def test_its_image_is_kept_where_terraform_makes_a_place() -> None:
    buckets = hcl2.loads((ROOT / "infra" / "buckets.tf").read_text())
    made = {kind: named for each in buckets["resource"] for kind, named in each.items()}
    images = made['"google_artifact_registry_repository"']['"images"']
    repository = images["repository_id"].strip('"')

    assert f"/{repository}/" in BUILD["substitutions"]["_IMAGE"]


def test_it_names_no_secret() -> None:
    text = FILE.read_text()

    assert "availableSecrets" not in BUILD
    assert not re.search(r"(?i)(api_key|password|token|secret)", text)


def test_every_step_ends_in_time_for_the_whole() -> None:
    seconds = [int(step["timeout"].removesuffix("s")) for step in STEPS.values()]

    assert min(seconds) > 0
    assert max(seconds) < int(BUILD["timeout"].removesuffix("s"))


def test_the_image_pins_terraform_by_its_checksum() -> None:
    assert re.search(r"TERRAFORM_SHA256=[0-9a-f]{64}\n", DOCKERFILE)
    assert "sha256sum --check --strict" in DOCKERFILE


def test_the_image_has_what_make_check_needs() -> None:
    packages = (
        "openjdk-21-jre-headless",
        "nodejs",
        "npm",
        "chromium",
        "ffmpeg",
        "make",
    )

    assert not [name for name in packages if name not in DOCKERFILE.split()]
    assert "FROM python:3.13-" in DOCKERFILE

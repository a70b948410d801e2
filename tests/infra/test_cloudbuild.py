"""Cloud Build: a branch's code runs without rights; main is deployed in fixed steps."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops.deploy.choices import OBJECT
from ops.deploy.terraform import STATE_PREFIX
from tests.infra.terraform_files import INFRA, resources

ROOT = INFRA.parent
DOCKERFILE = (ROOT / "ci" / "Dockerfile").read_text()
CHECK_FILE, DEPLOY_FILE = ROOT / "cloudbuild.yaml", INFRA / "cloudbuild-deploy.yaml"


def build(file: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(file.read_text()))


DEPLOY = {step["id"]: step for step in build(DEPLOY_FILE)["steps"]}


def script(step: str) -> str:
    """As the shell of the step sees it."""
    return str(DEPLOY[step]["args"][-1]).replace("$$", "$")


def run(
    step: str, place: Path, programs: dict[str, str], **environ: str
) -> "subprocess.CompletedProcess[str]":
    """The step's script, with these programs on its PATH."""
    for name, text in programs.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    return subprocess.run(
        [DEPLOY[step]["entrypoint"], "-ceu", script(step)],
        env={"PATH": f"{place}:/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


# The check ----------------------------------------------------------------------------


def test_the_check_is_make_check_in_an_image_of_its_own() -> None:
    image, check = build(CHECK_FILE)["steps"]

    assert check["args"] == ["make", "check"]
    # Pushed nowhere: what a branch built can't be used to deploy.
    assert check["name"] == image["args"][image["args"].index("--tag") + 1]
    assert "push" not in CHECK_FILE.read_text().split()
    assert "serviceAccount" not in build(CHECK_FILE)


def test_the_image_pins_terraform_by_its_checksum() -> None:
    assert re.search(r"TERRAFORM_SHA256=[0-9a-f]{64}\n", DOCKERFILE)
    assert "sha256sum --check --strict" in DOCKERFILE


# The deploy ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "goes_on"),
    [(["SUCCESS"], True), (["", "WORKING", "SUCCESS"], True), (["FAILURE"], False),
     (["WORKING", "CANCELLED"], False)],
    ids=["passed", "still running", "failed", "cancelled"],
)  # fmt: skip
def test_only_a_commit_that_passed_its_check_is_deployed(
    answers: list[str], *, goes_on: bool, tmp_path: Path
) -> None:
    (tmp_path / "answers").write_text("\n".join(answers) + "\n")
    gcloud = f"cd {tmp_path}; head -n 1 answers; sed -i 1d answers"

    ran = run(
        "checked",
        tmp_path,
        {"gcloud": gcloud, "sleep": ""},
        LOCATION="us-central1",
        COMMIT_SHA="abc",
    )

    assert (ran.returncode == 0) is goes_on


def test_it_waits_for_the_check_of_main_and_never_longer_than_its_step() -> None:
    name = resources()["google_cloudbuild_trigger.check"]["name"]
    tries, pause = re.findall(r"seq (\d+)|sleep (\d+)", script("checked"))

    assert f"TRIGGER_NAME={name.replace('${each.key}', 'main')}" in script("checked")
    seconds = int(tries[0]) * int(pause[1])
    assert seconds <= int(DEPLOY["checked"]["timeout"].removesuffix("s"))


@pytest.mark.parametrize(("owner", "is_read"), [("123", True), ("666", False)])
def test_settings_are_read_from_the_projects_own_bucket_alone(
    owner: str, *, is_read: bool, tmp_path: Path
) -> None:
    gcloud = f'case "$*" in *describe*) echo {owner} ;; *) echo "$*" ;; esac'

    ran = run(
        "settings",
        tmp_path,
        {"gcloud": gcloud},
        STATE_BUCKET="b",
        PROJECT_NUMBER="123",
    )

    assert (ran.returncode == 0) is is_read
    assert (f"storage cp gs://b/{OBJECT}" in ran.stdout) is is_read


def test_an_apply_that_failed_is_not_repeated(tmp_path: Path) -> None:
    """Nor is a new plan, which no one has seen, applied: a retried build makes one."""
    ran = run("apply", tmp_path, {"terraform": 'echo ran "$@"\nexit 1'})

    assert ran.returncode == 1
    assert ran.stdout.count("ran ") == 1
    assert "retry this build" in ran.stdout


def test_what_is_applied_is_the_plan_that_was_saved() -> None:
    assert "-out=/workspace/plan" in script("plan")
    applied = [line for line in script("apply").splitlines() if "terraform" in line]

    assert [line.split("; ")[0].split()[-1] for line in applied] == ["/workspace/plan"]
    assert "-var" not in script("apply")


def test_it_plans_with_the_settings_and_the_state_of_make_deploy() -> None:
    assert f"-var-file=/workspace/{OBJECT}" in script("plan")
    assert f"prefix={STATE_PREFIX}" in script("plan")


@pytest.mark.parametrize("step", DEPLOY)
def test_no_substitution_is_pasted_into_a_script(step: str) -> None:
    """A branch may be named like a command; shell variables are written $$NAME."""
    raw = str(DEPLOY[step]["args"][-1])

    assert not re.search(r"\$", raw.replace("$$", "%%"))


# Both ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [CHECK_FILE, DEPLOY_FILE], ids=lambda f: f.name)
def test_every_image_has_an_exact_version(file: Path) -> None:
    names = [step["name"] for step in build(file)["steps"]]
    base = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    foreign = [name for name in [*names, *base] if name != "reelay-ci"]
    assert not [name for name in foreign if not re.search(r":\d+\.\d+\.\d+", name)]


@pytest.mark.parametrize("file", [CHECK_FILE, DEPLOY_FILE], ids=lambda f: f.name)
def test_a_build_names_no_secret_and_ends_in_time(file: Path) -> None:
    text, whole = file.read_text(), build(file)

    assert not re.search(r"(?i)(api_key|password|token|secret)", text)
    seconds = [int(step["timeout"].removesuffix("s")) for step in whole["steps"]]
    assert min(seconds) > 0
    assert max(seconds) < int(whole["timeout"].removesuffix("s"))

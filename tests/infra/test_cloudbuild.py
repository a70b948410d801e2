"""A branch's code is checked without rights; main is deployed in fixed steps."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops.deploy.choices import OBJECT
from ops.deploy.terraform import STATE_PREFIX
from tests.infra.terraform_files import INFRA, local_values, resources

ROOT = INFRA.parent
DOCKERFILE = (ROOT / "ci" / "Dockerfile").read_text()
CHECK_FILE = ROOT / "cloudbuild.yaml"
GITHUB = ROOT / ".github" / "workflows" / "deploy.yml"
LOCALS = local_values()
DEPLOY = {step["id"]: step for step in LOCALS["deploy_steps"]}
# What a step reads: of Cloud Build's options, and of the workflow's environment.
ENVIRON = re.compile(r"\$\{?([A-Z_]{3,})")


def build(file: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(file.read_text()))


def script(step: str) -> str:
    return (INFRA / "deploy" / f"{step}.sh").read_text()


def run(
    step: str, place: Path, programs: dict[str, str], **environ: str
) -> "subprocess.CompletedProcess[str]":
    """The step's script, with these programs on its PATH."""
    for name, text in programs.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    (place / "infra").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", "-ceu", script(step)],
        cwd=place,
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
    assert seconds <= DEPLOY["checked"]["timeout"]


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


@pytest.mark.parametrize(("has_lock", "is_readonly"), [(True, True), (False, False)])
def test_a_lock_of_the_providers_is_held_to_once_it_is_there(
    has_lock: bool, is_readonly: bool, tmp_path: Path
) -> None:
    if has_lock:
        (tmp_path / "infra").mkdir()
        (tmp_path / "infra" / ".terraform.lock.hcl").write_text("")

    ran = run("plan", tmp_path, {"terraform": 'echo "$@"'}, STATE_BUCKET="b")

    assert ("init -input=false" in ran.stdout) and ran.returncode == 0
    assert ("-lockfile=readonly" in ran.stdout) is is_readonly


@pytest.mark.parametrize(
    ("settings", "is_let_in"), [('"api_public": false', True), ('"region": "x"', False)]
)
def test_callers_are_let_in_again_where_all_users_are_forbidden(
    settings: str, is_let_in: bool, tmp_path: Path
) -> None:
    """`/workspace` is the same folder in each step; here it is made up by grep."""
    (tmp_path / "settings").write_text(settings)
    found = f'#!/bin/sh\n/bin/grep -q "$2" {tmp_path}/settings'

    ran = run(
        "callers",
        tmp_path,
        {"grep": found, "gcloud": 'echo "$@"'},
        REGION="r",
        PROJECT="p",
    )

    assert ran.returncode == 0
    assert ("run services update api --no-invoker-iam-check" in ran.stdout) is is_let_in


@pytest.mark.parametrize(
    ("health", "models", "passes"),
    [("200", "401", True), ("403", "401", False), ("200", "200", False)],
    ids=["as it should", "lets nobody in", "lets anybody in"],
)
def test_a_deploy_is_done_only_when_the_api_answers(
    health: str, models: str, passes: bool, tmp_path: Path
) -> None:
    curl = f'case "$*" in */health) printf {health} ;; *) printf {models} ;; esac'

    ran = run("smoke", tmp_path, {"curl": curl, "sleep": ""}, REGION="r", PROJECT="p")

    assert (ran.returncode == 0) is passes
    assert ("update-traffic" in ran.stdout) is not passes


def test_a_branch_cannot_change_what_cloud_build_runs() -> None:
    """The trigger holds the scripts themselves; none reads a substitution."""
    trigger = resources()["google_cloudbuild_trigger.deploy"]
    step = trigger["build"][0]["dynamic"][0]["step"]["content"][0]

    assert "filename" not in trigger
    assert "file(" in step["args"][1] and '"$", "$$"' in step["args"][1]
    scripts = {path.stem for path in (INFRA / "deploy").glob("*.sh")}
    assert scripts == set(DEPLOY)


# GitHub -------------------------------------------------------------------------------


def test_github_takes_the_same_steps_in_the_same_order() -> None:
    steps = build(GITHUB)["jobs"]["deploy"]["steps"]
    ran = re.findall(r"infra/deploy/(\w+)\.sh", str(steps))

    # The workflow begins only once the check has passed.
    assert ["checked", *ran] == list(DEPLOY)
    job = build(GITHUB)["jobs"]["deploy"]
    assert "workflow_run.conclusion == 'success'" in job["if"]
    assert "workflow_run.event == 'push'" in job["if"]


def test_each_step_finds_its_environment_in_both() -> None:
    options = resources()["google_cloudbuild_trigger.deploy"]["build"][0]["options"]
    built = {each.partition("=")[0] for each in options[0]["env"]}
    github = set(build(GITHUB)["jobs"]["deploy"]["env"])

    for step in DEPLOY:
        read = set(ENVIRON.findall(script(step)))
        assert read <= built
        assert step == "checked" or read <= github


def test_the_workflow_reads_the_variables_that_terraform_gives() -> None:
    text = GITHUB.read_text()
    given = set(re.findall(r"(GCP_[A-Z_]+)", (INFRA / "outputs.tf").read_text()))

    assert set(re.findall(r"vars\.(\w+)", text)) == given
    assert "secrets." not in text


# Both ---------------------------------------------------------------------------------


def test_every_image_has_an_exact_version() -> None:
    names = [step["name"] for step in build(CHECK_FILE)["steps"]]
    names += [LOCALS["gcloud"], LOCALS["terraform"]]
    base = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    foreign = [name for name in [*names, *base] if name != "reelay-ci"]
    assert not [name for name in foreign if not re.search(r":\d+\.\d+\.\d+", name)]


def test_a_check_names_no_secret_and_ends_in_time() -> None:
    text, whole = CHECK_FILE.read_text(), build(CHECK_FILE)

    assert not re.search(r"(?i)(api_key|password|token|secret)", text)
    seconds = [int(step["timeout"].removesuffix("s")) for step in whole["steps"]]
    assert min(seconds) > 0
    assert max(seconds) < int(whole["timeout"].removesuffix("s"))

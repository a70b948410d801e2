"""A branch's code is checked without rights; main is deployed in fixed steps."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ops.deploy.failures import LOGS
from ops.deploy.terraform import STATE_PREFIX
from ops.deploy.variables import OBJECT
from tests.infra.terraform_files import INFRA, local_values, resources
from tests.programs import put_programs

ROOT = INFRA.parent
DOCKERFILE = (ROOT / "ci" / "Dockerfile").read_text()
CHECK_FILE = ROOT / "cloudbuild.yaml"
GITHUB = ROOT / ".github" / "workflows" / "deploy.yml"
LOCALS = local_values()
DEPLOY = {step["id"]: step for step in LOCALS["deploy_steps"]}
# Variables in a step, from Cloud Build's options or the workflow's environment.
ENVIRON = re.compile(r"\$\{?([A-Z_]{3,})")


def build(file: Path) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(file.read_text()))


def script(step: str) -> str:
    return (INFRA / "deploy" / f"{step}.sh").read_text()


def run(
    step: str, place: Path, programs: dict[str, str], **environ: str
) -> "subprocess.CompletedProcess[str]":
    return run_script(script(step), place, programs, **environ)


def run_script(
    text: str, place: Path, programs: dict[str, str], **environ: str
) -> "subprocess.CompletedProcess[str]":
    """Run it with these programs on its PATH."""
    put_programs(place, programs)
    (place / "infra").mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", "-ceu", text],
        cwd=place,
        env={"PATH": f"{place}:/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def a_clock(place: Path) -> dict[str, str]:
    """A `date` whose time only a `sleep` moves, which takes no time."""
    now = place / "now"
    now.write_text("0")
    return {"date": f"cat {now}", "sleep": f"echo $(($(cat {now}) + $1)) > {now}"}


# The check ----------------------------------------------------------------------------


def test_the_check_is_make_check_in_its_own_image() -> None:
    image, check = build(CHECK_FILE)["steps"]

    assert check["args"] == ["make", "check"]
    # It isn't pushed, so an image that a branch built can't be used to deploy.
    assert check["name"] == image["args"][image["args"].index("--tag") + 1]
    assert "push" not in CHECK_FILE.read_text().split()
    assert "serviceAccount" not in build(CHECK_FILE)
    # An account of our own has no bucket for logs: the build would be refused.
    assert build(CHECK_FILE)["options"]["logging"] == "CLOUD_LOGGING_ONLY"


@pytest.mark.parametrize("name", ["AUDIT=required", "REELAY_REQUIRE_TERRAFORM=1"])
def test_both_cis_fail_if_a_look_up_is_impossible(name: str) -> None:
    """Vulnerabilities that could not be looked up must not count as none."""
    setting, _, value = name.partition("=")
    *_, github = build(ROOT / ".github/workflows/check.yml")["jobs"]["check"]["steps"]
    _, cloud_build = build(CHECK_FILE)["steps"]

    assert github["env"][setting] == value
    assert name in cloud_build["env"]


def test_the_image_pins_terraform_by_its_checksum() -> None:
    assert re.search(r"TERRAFORM_SHA256=[0-9a-f]{64}\n", DOCKERFILE)
    assert "sha256sum --check --strict" in DOCKERFILE


# The deploy ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "newest", "goes_on"),
    [(["SUCCESS"], "abc", True), (["", "WORKING", "SUCCESS"], "abc", True),
     (["FAILURE"], "abc", False), (["WORKING", "CANCELLED"], "abc", False),
     (["SUCCESS"], "def", False)],
    ids=["passed", "still running", "failed", "cancelled", "overtaken"],
)  # fmt: skip
def test_only_the_newest_commit_that_passed_its_check_is_deployed(
    answers: list[str], newest: str, *, goes_on: bool, tmp_path: Path
) -> None:
    """A check that takes longer than a later one must not deploy older code."""
    (tmp_path / "answers").write_text("\n".join(answers) + "\n")
    gcloud = (
        f'case "$*" in *"--project=p "*TRIGGER_NAME=reelay-deploy*) echo {newest} ;; '
        '*"--project=p "*COMMIT_SHA=abc*TRIGGER_NAME=reelay-check-main*) '
        f"cd {tmp_path}; head -n 1 answers; sed -i 1d answers ;; esac"
    )

    ran = run(
        "checked",
        tmp_path,
        {"gcloud": gcloud, **a_clock(tmp_path)},
        PROJECT="p",
        LOCATION="us-central1",
        COMMIT_SHA="abc",
    )

    assert (ran.returncode == 0) is goes_on


def test_the_deploy_waits_for_mains_check() -> None:
    name = resources()["google_cloudbuild_trigger.check"]["name"]

    assert f"TRIGGER_NAME={name.replace('${each.key}', 'main')}" in script("checked")


@pytest.mark.parametrize(
    ("step", "program", "wanted_seconds"),
    [
        ("checked", "gcloud", int(build(CHECK_FILE)["timeout"].removesuffix("s"))),
        ("smoke", "curl", 120),
        ("worker", "gcloud", 120),
    ],
)
def test_a_step_that_waits_in_vain_says_so_before_its_time_is_over(
    step: str, program: str, wanted_seconds: int, tmp_path: Path
) -> None:
    """Cloud Build ends a step at its timeout, and with it what the step would say."""
    clock = a_clock(tmp_path)
    waits = {
        "checked": "sleep 20; echo WORKING",
        "smoke": "sleep 20",
        "worker": 'case "$*" in *list*) echo steps-1 ;; *describe*) sleep 20 ;; esac',
    }
    environ = dict.fromkeys(("PROJECT", "LOCATION", "COMMIT_SHA", "REGION"), "x")

    ran = run(step, tmp_path, {program: waits[step], **clock}, **environ)

    assert ran.returncode == 1 and ran.stdout
    took = int((tmp_path / "now").read_text())
    assert wanted_seconds <= took < DEPLOY[step]["timeout"]


@pytest.mark.parametrize(("owner", "is_read"), [("123", True), ("666", False)])
def test_settings_are_read_only_from_the_projects_own_bucket(
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
    """Nor does a retried build apply a new plan that nobody has seen."""
    ran = run("apply", tmp_path, {"terraform": 'echo ran "$@"\nexit 1'})

    assert ran.returncode == 1
    assert ran.stdout.count("ran ") == 1
    assert "-lock-timeout=600s" in ran.stdout
    assert "retry this build" in ran.stdout


def test_the_saved_plan_is_applied() -> None:
    assert "-out=/workspace/plan" in script("plan")
    applied = [line for line in script("apply").splitlines() if "terraform" in line]

    assert [line.split("; ")[0].split()[-1] for line in applied] == ["/workspace/plan"]
    assert "-var" not in script("apply")


SECRET = '  # google_secret_manager_secret.keys["K"] will be created'
VERSION = '  # google_secret_manager_secret_version.unset["K"] will be created'


@pytest.mark.parametrize(
    ("planned", "goes_on"),
    [
        (["  # a.b will be created"], True),
        ([SECRET, VERSION], True),
        ([VERSION], False),
    ],
    ids=["neither", "a new secret", "a destroyed version"],
)
def test_no_key_is_replaced_by_a_new_first_version(
    planned: list[str], *, goes_on: bool, tmp_path: Path
) -> None:
    (tmp_path / "shown").write_text("\n".join(planned) + "\n")
    terraform = f'[ "$1" != show ] || cat {tmp_path}/shown'

    ran = run("plan", tmp_path, {"terraform": terraform}, STATE_BUCKET="b")

    assert (ran.returncode == 0) is goes_on
    assert ("make deploy" in ran.stdout) is not goes_on


def test_the_plan_uses_the_settings_and_the_state_of_make_deploy() -> None:
    assert f"-var-file=/workspace/{OBJECT}" in script("plan")
    assert f"prefix={STATE_PREFIX}" in script("plan")


@pytest.mark.parametrize(("has_lock", "is_readonly"), [(True, True), (False, False)])
def test_an_existing_lock_of_providers_is_enforced(
    has_lock: bool, is_readonly: bool, tmp_path: Path
) -> None:
    if has_lock:
        (tmp_path / "infra").mkdir()
        (tmp_path / "infra" / ".terraform.lock.hcl").write_text("")

    ran = run("plan", tmp_path, {"terraform": 'echo "$@"'}, STATE_BUCKET="b")

    assert ("init -input=false" in ran.stdout) and ran.returncode == 0
    assert "-backend-config=bucket=b -backend-config=prefix=reelay" in ran.stdout
    assert ("-lockfile=readonly" in ran.stdout) is is_readonly


@pytest.mark.parametrize(
    ("settings", "is_let_in"), [('"api_public": false', True), ('"region": "x"', False)]
)
def test_access_is_restored_where_all_users_is_forbidden(
    settings: str, is_let_in: bool, tmp_path: Path
) -> None:
    """All steps share `/workspace`; here grep is replaced to read `tmp_path`."""
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
    update = "run services update api --no-invoker-iam-check --region=r --project=p"
    assert (update in ran.stdout) is is_let_in


@pytest.mark.parametrize(
    ("health", "models", "passes"),
    [("200", "401", True), ("403", "401", False), ("200", "200", False)],
    ids=["as it should", "lets nobody in", "lets anybody in"],
)
def test_a_deploy_succeeds_only_if_the_api_answers(
    health: str, models: str, passes: bool, tmp_path: Path
) -> None:
    api = "*https://r-p.cloudfunctions.net/api"
    curl = (
        f'case "$*" in {api}/health) printf {health} ;; '
        f"{api}/v1/models) printf {models} ;; esac"
    )

    programs = {"curl": curl, **a_clock(tmp_path)}
    ran = run("smoke", tmp_path, programs, REGION="r", PROJECT="p")

    assert (ran.returncode == 0) is passes
    assert ("update-traffic" in ran.stdout) is not passes


DONE = "echo NOT_FOUND: The task no longer exists >&2; exit 1"


@pytest.mark.parametrize(
    ("queue", "described", "code", "said"),
    [
        ("steps-1", [DONE], 0, "as it should"),
        ("steps-1", ["echo 403", "", DONE], 0, "as it should"),
        ("", ["exit 1"], 0, "was not checked"),
        ("; exit 1", ["exit 1"], 1, ""),
        ("steps-1", ["echo HTTP status code 500"], 1, "can't decode"),
        ("steps-1", ["echo HTTP status code 403"], 1, "code 403. A grant takes"),
        ("steps-1", ["echo no network >&2; exit 1"], 1, "no network. A grant takes"),
        ("steps-1", [""], 1, "has not tried yet. A grant takes"),
    ],
    ids=[
        "done",
        "late",
        "paused",
        "no rights",
        "500",
        "refused",
        "unseen",
        "not tried",
    ],
)
def test_a_deploy_succeeds_only_if_the_worker_decodes(
    queue: str, described: list[str], code: int, said: str, tmp_path: Path
) -> None:
    for nth, answer in enumerate(described):
        (tmp_path / f"answer{nth}").write_text(answer)
    gcloud = (
        f'cd {tmp_path}; echo "$*" >> asked\n'
        f'case "$*" in *"queues list"*) echo {queue} ;; *describe*)\n'
        "mv answer0 last; for n in 1 2; do\n"
        "if [ -f answer$n ]; then mv answer$n answer$((n - 1)); fi; done\n"
        "[ -f answer0 ] || cp last answer0; . ./last ;; esac"
    )

    ran = run(
        "worker",
        tmp_path,
        {"gcloud": gcloud, **a_clock(tmp_path)},
        REGION="r",
        PROJECT="p",
    )

    assert ran.returncode == code, ran.stderr
    assert said in ran.stdout
    asked = (tmp_path / "asked").read_text().splitlines()
    assert all("--location=r --project=p" in each for each in asked)
    made = [each for each in asked if "create-http-task" in each]
    url = "https://r-p.cloudfunctions.net/worker"
    for each in made:
        assert f"--url={url} " in each and f"--oidc-token-audience={url} " in each
        assert "=reelay-tasks-invoker@p.iam.gserviceaccount.com" in each
    assert len(made) == (queue == "steps-1")
    logs = LOGS.format(function="worker", project="p")
    assert (logs in ran.stdout) is (code == 1 and queue == "steps-1")


@pytest.mark.parametrize("look_seconds", [1, 30], ids=["fast", "slow"])
def test_a_deploy_does_not_take_a_task_that_was_given_up_for_one_that_succeeded(
    look_seconds: int, tmp_path: Path
) -> None:
    """Cloud Tasks deletes both. gcloud repeats a look for half a minute on a 503."""
    steps = json.loads((INFRA / "queues.json").read_text())["steps"]
    pauses = [
        min(steps["min_backoff_seconds"] * 2**nth, steps["max_backoff_seconds"])
        for nth in range(steps["max_attempts"] - 1)
    ]
    clock = a_clock(tmp_path)
    gcloud = (
        'case "$*" in *"queues list"*) echo steps-1 ;; '
        f"*describe*) sleep {look_seconds}; echo 503 >&2; exit 1 ;; esac"
    )

    ran = run("worker", tmp_path, {"gcloud": gcloud, **clock}, REGION="r", PROJECT="p")

    assert ran.returncode == 1
    assert 120 < int((tmp_path / "now").read_text()) < sum(pauses)


def test_a_branch_cannot_change_what_cloud_build_runs() -> None:
    """The trigger contains the scripts themselves, and none reads a substitution."""
    trigger = resources()["google_cloudbuild_trigger.deploy"]
    step = trigger["build"][0]["dynamic"][0]["step"]["content"][0]

    assert "filename" not in trigger
    assert "file(" in step["args"][1] and '"$", "$$"' in step["args"][1]
    scripts = {path.stem for path in (INFRA / "deploy").glob("*.sh")}
    assert scripts == set(DEPLOY)


# GitHub -------------------------------------------------------------------------------


def test_github_runs_the_same_steps_in_the_same_order() -> None:
    steps = build(GITHUB)["jobs"]["deploy"]["steps"]
    ran = re.findall(r"infra/deploy/(\w+)\.sh", str(steps))

    # The workflow starts only after the check has passed.
    assert ["checked", *ran] == list(DEPLOY)
    job = build(GITHUB)["jobs"]["deploy"]
    assert "workflow_run.conclusion == 'success'" in job["if"]
    assert "workflow_run.event == 'push'" in job["if"]


@pytest.mark.parametrize(("newest", "goes_on"), [("abc", True), ("def", False)])
def test_github_does_not_deploy_a_commit_after_a_later_one(
    newest: str, *, goes_on: bool, tmp_path: Path
) -> None:
    """For example, if the check of an old commit is run again, or if a tag is named
    main: whoever may not push to the branch may still be allowed to push that.
    """
    checkout, asked, *_ = build(GITHUB)["jobs"]["deploy"]["steps"]
    branch = "repos/me/reelay/git/ref/heads/main"
    programs = {"gh": f'[ "$2" = {branch} ] && echo {newest} || echo abc'}
    environ = {"GITHUB_REPOSITORY": "me/reelay", "SHA": "abc"}

    ran = run_script(asked["run"], tmp_path, programs, **environ)

    assert (ran.returncode == 0) is goes_on
    # What was checked is what is compared, and what is deployed.
    checked = "${{ github.event.workflow_run.head_sha }}"
    assert asked["env"]["SHA"] == checkout["with"]["ref"] == checked


def test_github_deploys_main_one_at_a_time_with_approval_and_stops_at_an_error() -> (
    None
):
    workflow = build(GITHUB)
    job = workflow["jobs"]["deploy"]

    assert workflow["on"]["workflow_run"]["branches"] == ["main"]
    # A new run takes the place of the one that waits. The check of a fork's branch that
    # is named main starts one as well, which deploys nothing: it has its own place.
    event = "${{ github.event.workflow_run.event }}"
    assert workflow["concurrency"] == f"deploy-{event}"
    assert job["environment"] == "production"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    steps = [s["run"] for s in job["steps"] if "infra/deploy" in s.get("run", "")]
    assert all(step.startswith("sh -eu ") for step in steps)


def test_each_step_has_its_variables_in_both() -> None:
    options = resources()["google_cloudbuild_trigger.deploy"]["build"][0]["options"]
    built = {each.partition("=")[0] for each in options[0]["env"]}
    github = set(build(GITHUB)["jobs"]["deploy"]["env"])

    for step in DEPLOY:
        read = set(ENVIRON.findall(script(step)))
        assert read <= built
        assert step == "checked" or read <= github


def test_the_workflow_reads_the_variables_that_terraform_outputs() -> None:
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

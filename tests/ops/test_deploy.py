"""The whole of `make deploy` and `make destroy`, against a gcloud of our own.

Terraform is a stub here, except in the last test: that runs the real one with stand-in
providers, where TERRAFORM_STANDIN names the folder of their `setup`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.deploy.__main__ import ROOT, main
from ops.deploy.checks import BOOTSTRAP_APIS, Target
from ops.deploy.place import FOR_EVER
from ops.deploy.world import Programs, Stopped
from shared.domain.webhook import SHORTEST_SIGNING_SECRET
from tests.ops.deploying import (
    KEYS,
    MAKES,
    PAGE,
    STATE_BUCKET,
    TARGET,
    Desk,
    FakePerson,
    failed,
)
from tests.ops.fake_gcloud import BILLING, PROJECT, FakeGcloud

STANDIN = os.environ.get("TERRAFORM_STANDIN", "")
NO_GRANT = failed("Error: googleapi: Error 403: Permission 'iam.x' denied on resource")
NO_REGION = Target(project=PROJECT, region="")
SOMEBODY_ELSES = {STATE_BUCKET: {"owner": "666"}}


def stopped(desk: Desk, target: Target = TARGET, **settings: object) -> str:
    with pytest.raises(Stopped) as reason:
        desk.up(target, **settings)
    return str(reason.value)


# What a deploy needs ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"account": ""}, "You are not logged in to gcloud.\n  run: gcloud auth login"),
        ({"adc": None}, "not set.\n  run: gcloud auth application-default login"),
        ({"projects": {}}, f"gcloud projects create {PROJECT}"),
        ({"projects": {PROJECT: {"lifecycleState": "DELETE_REQUESTED"}}},
         f"is being deleted.\n  run: gcloud projects undelete {PROJECT}"),
        ({"billing": {}},
         f"gcloud billing projects link {PROJECT} --billing-account={BILLING}"),
        ({"database": {"type": "DATASTORE_MODE", "locationId": "nam5"}},
         "is in Datastore mode"),
        ({"regions": ["us-east4"]}, "don't run in us-central1; they do in us-east4"),
        ({"terraform": None}, "Terraform is not installed.\n  run: open https://"),
        ({"terraform": "1.10.5"}, "Terraform 1.10.5 is too old: 1.11 or newer"),
        ({"gcloud": False}, "(gcloud) is not installed.\n  run: open https://"),
    ],
    ids=["login", "adc", "project", "deleted", "billing", "datastore", "region",
         "terraform", "old terraform", "gcloud"],
)  # fmt: skip
def test_each_thing_that_is_missing_is_named_with_what_to_do(
    missing: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    [(name, value)] = missing.items()
    is_program = name in ("terraform", "gcloud")
    desk = Desk(tmp_path, **({} if is_program else missing))
    if is_program:
        setattr(desk.installed, name, value)

    assert sentence in stopped(desk)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, account="", adc=None)
    desk.installed.terraform = None

    assert stopped(desk).count("run: ") == 3


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Enable these APIs", "gcloud services enable"),
        ("cannot be changed later", "choose another REGION="),
        ("Apply this plan", "Nothing was applied"),
    ],
)
def test_nothing_happens_that_was_not_agreed_to(
    question: str, sentence: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.person.refuses = question

    assert sentence in stopped(desk)
    assert desk.installed.count("terraform apply") == 0


# The place ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "is_told"),
    [("me@example.com", False), ("you@example.com", True), (None, False)],
)
def test_two_logins_are_pointed_out(
    account: str | None, is_told: bool, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.terraform_account = account

    for work in (desk.plan, desk.up):
        desk.person = FakePerson()
        work()

        said = "gcloud acts as me@example.com, Terraform as you@example.com."
        assert (said in desk.person.heard) is is_told


def test_the_place_is_the_first_question_and_is_asked_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.environ = {**KEYS, "LANG": "ko_KR.UTF-8"}

    desk.up(NO_REGION)

    assert desk.person.asked[0].startswith("Where should Reelay run")
    assert desk.settings["region"] == "asia-northeast3"
    desk.person = FakePerson()
    desk.up(NO_REGION)
    assert desk.person.asked == ["Apply this plan?"]
    assert desk.settings["region"] == "asia-northeast3"


def test_nothing_is_enabled_or_made_in_a_place_that_was_not_agreed_to(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.person.refuses = "cannot be changed later"

    stopped(desk)

    assert desk.person.asked == [FOR_EVER.format(place="us-central1")]
    assert desk.installed.count("gcloud services enable") == 0
    assert desk.gcloud.read()["buckets"] == {}


# The plan alone -----------------------------------------------------------------------


@pytest.mark.parametrize("has", ["nothing", "its APIs", "been deployed"])
def test_a_plan_shows_what_would_happen_and_changes_nothing(
    has: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    if has != "nothing":
        desk.gcloud.change(apis=BOOTSTRAP_APIS)
    if has == "been deployed":
        desk.up()
    before, desk.person, desk.installed.commands = (
        desk.gcloud.read(),
        FakePerson(),
        [],
    )

    desk.plan(NO_REGION, daily_limit_usd=5)

    assert desk.gcloud.read() == before
    assert desk.person.asked == []
    assert desk.installed.count("terraform apply") == 0
    assert ("It would ask: Where should Reelay run" in desk.person.heard) is (
        has != "been deployed"
    )
    assert ("gcloud services enable" in desk.person.heard) is (has == "nothing")
    asks_for_money = "What all users together may spend on videos a month"
    assert (asks_for_money in desk.person.heard) is (has != "been deployed")
    assert desk.installed.count("terraform plan") == (has != "nothing")
    inits = [c for c in desk.installed.commands if "terraform init" in c]
    assert ["bucket=" in c for c in inits] == {
        "nothing": [],
        "its APIs": [False],
        "been deployed": [True],
    }[has]


# The bucket of the state --------------------------------------------------------------


def test_the_state_bucket_is_private_and_versioned(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    flags = desk.gcloud.read()["buckets"][STATE_BUCKET]
    assert flags.keys() >= {
        "versioning",
        "uniform-bucket-level-access",
        "public-access-prevention",
    }


@pytest.mark.parametrize("command", ["up", "down"])
def test_nothing_is_believed_of_a_state_bucket_that_somebody_else_made(
    command: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, buckets=SOMEBODY_ELSES)
    settings = f"{STATE_BUCKET}/settings.tfvars.json"
    desk.gcloud.change(objects={settings: "{}"})

    with pytest.raises(Stopped, match="belongs to project number 666"):
        getattr(desk, command)()
    assert desk.installed.count("gcloud storage c") == 0
    assert desk.installed.count("terraform init") == 0


def test_a_bucket_of_videos_that_somebody_else_made_is_not_imported(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, buckets={f"gs://{PROJECT}-reelay-videos": {"owner": "666"}})

    desk.up(existing=["videos_bucket"])

    assert desk.settings["existing"] == []


# Settings -----------------------------------------------------------------------------


def test_the_first_plan_holds_to_the_locked_providers_and_leaves_their_lock(
    tmp_path: Path,
) -> None:
    infra = tmp_path / "infra"
    infra.mkdir()
    (infra / ".terraform.lock.hcl").write_text("checksums")
    desk = Desk(infra)
    desk.gcloud.change(apis=BOOTSTRAP_APIS)

    desk.plan()

    copy = desk.work / "first" / "infra" / ".terraform.lock.hcl"
    assert copy.read_text() == "checksums"
    assert not copy.is_symlink()


@pytest.mark.parametrize(
    ("first", "budgets", "enabled", "heard"),
    [
        ({}, [[], []], [False, False], "roles/billing.costsManager"),
        ({}, [[], [BILLING]], [False, True], "roles/billing.costsManager"),
        ({}, [[BILLING], []], [True, True], "Nothing of a budget"),
        ({"enable_budget": False}, [[BILLING], [BILLING]], [False, False],
         "No budget, as before"),
    ],
    ids=["not seen", "seen by now", "seen no more", "not wanted"],
)  # fmt: skip
def test_a_budget_is_set_unless_it_is_not_wanted_or_may_never_be_seen(
    first: dict[str, Any],
    budgets: list[list[str]],
    enabled: list[bool],
    heard: str,
    tmp_path: Path,
) -> None:
    """By two deploys: whose budgets each may see, and whether there is one after it."""
    desk = Desk(tmp_path)

    for settings, seen, is_enabled in zip([first, {}], budgets, enabled, strict=True):
        desk.gcloud.change(budgets=seen)
        desk.up(**settings)

        assert desk.variables["enable_budget"] is is_enabled
        assert (desk.variables.get("gcp_budget_amount") == 50) is is_enabled
    assert (heard in desk.person.heard) is (heard != "Nothing of a budget")


def test_cloud_build_is_not_left_without_a_decision_on_the_budget(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, budgets=[])

    assert "ARGS=--no-budget" in stopped(desk, ci_repository="projects/p")


@pytest.mark.parametrize(
    ("name", "value"),
    [("veo_model", "veo-9"), ("limits_time_zone", "Asia/Soul"),
     ("provider_chain", ["sora"])],
)  # fmt: skip
def test_what_a_function_would_not_start_with_stops_before_it_is_kept(
    name: str, value: Any, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)

    reason = stopped(desk, **{name: value})

    assert name.upper() in reason
    assert "--set name=value" in reason
    assert not desk.gcloud.read()["objects"]


def test_settings_that_cannot_be_read_are_not_asked_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.broken = "gcloud storage cat"

    assert "can't be read" in stopped(desk)
    assert not desk.gcloud.read()["objects"]


def test_the_command_line_wins_over_what_was_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up(daily_limit_usd=5)

    desk.up(daily_limit_usd=7, api_public=False)

    assert desk.settings["daily_limit_usd"] == 7
    assert desk.settings["api_public"] is False


def test_a_database_that_is_there_keeps_its_place(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()

    desk.up(Target(project=PROJECT, region="us-east4"))

    assert desk.settings["region"] == "us-east4"
    # Which has a quota of its own.
    assert desk.settings["region_cpus"] == 40
    assert desk.settings["bucket_location"] == "us-central1"
    assert desk.settings["firestore_location"] == "us-central1"
    assert desk.settings["existing"] == ["firestore_database", "videos_bucket"]


@pytest.mark.parametrize(
    ("cpus", "asked", "kept"),
    [(12000, {}, (12, 2)), (12000, {"region_cpus": 40}, (40, None)),
     (12000, {"worker_instances": 3}, (12, 3)), (200000, {}, (200, None)),
     (None, {}, (None, None))],
    ids=["small", "not believed", "chosen", "large", "not to be read"],
)  # fmt: skip
def test_the_quota_is_read_before_anything_is_planned(
    cpus: int | None,
    asked: dict[str, Any],
    kept: tuple[int | None, int | None],
    tmp_path: Path,
) -> None:
    quotas = {"CpuAllocPerProjectRegion": cpus, "MemAllocPerProjectRegion": 80 << 30}
    desk = Desk(tmp_path, quotas=quotas if cpus else {})

    desk.up(**asked)

    found = [desk.variables.get(name) for name in ("region_cpus", "worker_instances")]
    assert tuple(found) == kept


# A whole deploy -----------------------------------------------------------------------


def test_a_deploy_goes_through_all_its_steps(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    steps = [line for line in desk.person.said if line.startswith("*")]
    assert [step.split()[1] for step in steps] == [
        "Looking", "This", "The", "APIs", "The", "The", "Settings", "Terraform's",
        "Plan", "Keys", "New", "Google's", "Asking", "The",
    ]  # fmt: skip
    assert desk.installed.count("terraform apply") == 2
    assert desk.waited == [20, 20]
    assert "python -m ops key make me --project my-project" in desk.person.heard
    assert "at most $2.40" in desk.person.heard
    assert f"web_url: {PAGE}" in desk.person.heard


def test_keys_are_asked_for_under_their_heading_in_each_deploy(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.environ = {}
    desk.up()
    desk.person = FakePerson()

    desk.up()

    headings = [line for line in desk.person.said if line.startswith("* ")]
    keys = headings.index("* Keys of Runway and Gemini")
    assert headings[keys + 1].startswith("* Plan and apply")
    assert sum("RUNWAY_API_KEY" in asked for asked in desk.person.asked) == 1


def test_keys_are_stored_and_seen_nowhere_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    state = desk.gcloud.read()
    assert state["secrets"]["runway-api-key"] == ["unset", "key_very_secret"]
    seen = desk.gcloud.calls() + desk.person.heard + json.dumps(state["objects"])
    assert not [key for key in KEYS.values() if key in seen]
    # Three secrets, one further version each: running instances get a new revision.
    assert desk.settings["keys_revision"] == 4


def test_a_signing_secret_is_made_once_and_seen_nowhere_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()
    desk.up()

    _, made = desk.gcloud.read()["secrets"]["webhook-signing-secret"]
    assert len(made) >= SHORTEST_SIGNING_SECRET
    assert made not in desk.gcloud.calls() + desk.person.heard


def test_a_key_that_is_nowhere_is_asked_for_and_may_be_left_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.environ = {}
    desk.person.secrets = {"GEMINI_API_KEY": "typed"}

    desk.up()

    secrets = desk.gcloud.read()["secrets"]
    assert len(secrets.pop("webhook-signing-secret")) == 2
    assert secrets == {
        "runway-api-key": ["unset"],
        "gemini-api-key": ["unset", "typed"],
    }


def test_a_key_that_is_left_out_is_asked_for_once_a_deploy(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.environ = {}

    for _ in range(2):
        desk.person = FakePerson()
        desk.up()

        asked = [each for each in desk.person.asked if "_KEY" in each]
        assert asked == [f"{key} (Enter to go without)" for key in KEYS]
        # It is made, not asked for.
        assert "WEBHOOK_SIGNING_SECRET, unless" not in desk.person.heard


def test_a_second_deploy_from_another_machine_asks_for_the_plan_alone(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.up()
    before, desk.person = desk.settings, FakePerson()
    shutil.rmtree(desk.work)

    desk.up()

    assert desk.person.asked == ["Apply this plan?"]
    assert len(desk.gcloud.read()["secrets"]["runway-api-key"]) == 2
    assert {**desk.settings, **before} == {
        **before,
        "firestore_location": "us-central1",
    }


@pytest.mark.parametrize(
    "at",
    [
        "gcloud services enable",
        "gcloud storage buckets update",
        "gcloud storage cp",
        "terraform init",
        "terraform apply",
        "gcloud secrets versions add",
        "terraform output",
    ],
)
def test_a_deploy_that_was_cut_off_continues(at: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.broken = at
    stopped(desk)

    desk.installed.broken = "-"
    desk.up()

    assert desk.settings["keys_revision"] == 4
    assert "Reelay runs." in desk.person.heard


def test_callers_are_let_in_after_every_apply_where_all_users_are_forbidden(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)

    for _ in range(2):
        desk.up(api_public=False)
        assert desk.gcloud.read()["is_let_in"]


def test_a_sweep_that_nothing_reaches_is_reported(tmp_path: Path) -> None:
    refused = {"lastAttemptTime": "2026-11-22T10:00:00Z", "status": {"code": 7}}

    assert "has not got through to sweep" in stopped(Desk(tmp_path, sweep=refused))


# Google's own spend cap ---------------------------------------------------------------


def test_a_spend_cap_is_offered_and_by_default_not_set(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    assert any(
        asked.startswith("Google's own spend cap") for asked in desk.person.asked
    )
    assert desk.budgets.caps == []


def test_a_spend_cap_is_set_once_and_changed_with_its_amount(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    amounts = []
    chosen: list[dict[str, Any]] = [
        {"spend_cap_amount": 50}, {}, {"spend_cap_amount": 80}, {},
    ]  # fmt: skip
    for settings in chosen:
        desk.up(**settings)
        (cap,) = desk.budgets.caps
        amounts.append(cap["amount"]["specifiedAmount"]["units"])

    assert amounts == ["50", "50", "80", "80"]
    desk.up(spend_cap_amount=0)
    assert "To delete it" in desk.person.heard


def test_a_refused_spend_cap_is_explained_and_stops_no_deploy(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.budgets.refuses = True

    desk.up(spend_cap_amount=50)

    assert "was not set: not for this account" in desk.person.heard
    assert "Reelay runs." in desk.person.heard


# Applying -----------------------------------------------------------------------------


def test_an_apply_that_failed_for_what_passes_is_repeated_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.applies = [NO_GRANT]

    desk.up()

    assert desk.waited[0] == 60
    assert desk.person.asked.count("Apply this plan?") == 1


@pytest.mark.parametrize(
    ("answers", "applies", "sentence"),
    [
        ([NO_GRANT, NO_GRANT], 2, "usually passes within ten minutes"),
        ([failed("Error: unforeseen")], 1, "continues where it stopped"),
        ([failed("Error 429: Quota exceeded")], 1, "iam-admin/quotas"),
    ],
    ids=["stays", "unforeseen", "explained"],
)
def test_an_apply_that_goes_on_failing_stops(
    answers: list[Any], applies: int, sentence: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.installed.applies = answers

    assert sentence in stopped(desk)
    assert desk.installed.count("terraform apply") == applies


def test_a_second_plan_that_deletes_is_asked_about_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.applies = [NO_GRANT]
    desk.installed.plans = [MAKES, {"a.b": "delete+create"}, {}]

    desk.up()

    assert desk.person.asked.count("Apply this plan?") == 2


def test_what_is_as_it_should_be_is_not_applied(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.plans = [{}]

    desk.up()

    assert desk.installed.count("terraform apply") == 0


# Destroying ---------------------------------------------------------------------------


def test_nothing_is_destroyed_that_was_never_deployed(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="Nothing was deployed from here"):
        Desk(tmp_path).down()


def test_destroying_lets_go_of_data_and_the_next_deploy_takes_it_in(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    desk.installed.state = (
        "google_firestore_database.default\ngoogle_pubsub_topic.budget\n"
        "google_identity_platform_config.users[0]\n"
    )
    desk.up(spend_cap_amount=50)

    desk.down()

    [let_go] = [c for c in desk.installed.commands if "terraform state rm" in c]
    assert let_go.endswith(
        "google_firestore_database.default google_identity_platform_config.users[0]"
    )
    for word in ("no-delete-protection", "spend cap", "signs webhooks"):
        assert word in desk.person.heard
    assert desk.settings["existing"] == ["firestore_database", "identity_platform"]


# The command --------------------------------------------------------------------------


def test_the_command_says_what_is_missing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "terraform", '#!/bin/sh\necho \'{"terraform_version": "1.11.0"}\'\n')
    for name, value in FakeGcloud(tmp_path, account="").environment.items():
        monkeypatch.setenv(name, value)

    place = ["--project", PROJECT, "--region", "us-central1"]
    code = main(["up", *place, "--yes", "--set", "enable_web=false"])

    assert code == 1
    assert capsys.readouterr().err == (
        "You are not logged in to gcloud.\n  run: gcloud auth login\n"
        "Running the same command again is always safe: it continues from here.\n"
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [("retention_days=long", "is a number"), ("veo_model=veo-9", "VEO_MODEL"),
     ("limits_time_zone=Asia/Soul", "LIMITS_TIME_ZONE")],
)  # fmt: skip
def test_a_setting_that_cannot_be_one_is_refused_before_anything_is_looked_at(
    setting: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", "")

    assert main(["up", "--project", PROJECT, "--yes", "--set", setting]) == 1

    assert sentence in capsys.readouterr().err


# The real Terraform -------------------------------------------------------------------

# It has no cloud for its state: init gets no bucket, an override keeps it in a file.
WRAPPER = """#!/bin/sh
[ "$1" = init ] && set -- init -input=false -no-color
"{terraform}" "$@" || exit
[ "$1" != apply ] || gcloud applied
"""
OVERRIDE = 'terraform {\n  backend "local" {}\n}\n'


def put(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def providers() -> Iterator[dict[str, str]]:
    """The environment in which Terraform finds the stand-in providers, all running."""
    if not STANDIN:
        pytest.skip("TERRAFORM_STANDIN names no folder: Terraform runs as a stub only")
    place = ROOT / ".local" / "terraform-standin"
    subprocess.run(["bash", f"{STANDIN}/setup", str(place)], check=True)
    say = 'printf "%s\\n%s\\n" "$TF_REATTACH_PROVIDERS" "$TF_CLI_CONFIG_FILE"; read end'
    with subprocess.Popen(
        [str(place / "run"), "sh", "-c", say],
        env=os.environ | {"TF_STANDIN_APPLY": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        names = ("TF_REATTACH_PROVIDERS", "TF_CLI_CONFIG_FILE")
        yield {name: running.stdout.readline().strip() for name in names}
        running.communicate("\n")


@pytest.fixture
def real_desk(providers: dict[str, str], tmp_path: Path) -> Desk:
    """Programs that really run, on a copy of what is deployed."""
    hidden = shutil.ignore_patterns("__pycache__", ".terraform*")
    for name in ("infra", "docs", "functions", "shared"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=hidden)
    for name in ("main.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "infra" / "backend_override.tf").write_text(OVERRIDE)
    desk = Desk(tmp_path / "infra")
    text = WRAPPER.format(terraform=shutil.which("terraform"))
    put(tmp_path / "infra" / "bin" / "terraform", text)
    path = {"PATH": f"{desk.gcloud.folder}:{os.environ['PATH']}"}
    desk.shell = Programs(desk.gcloud.environment | providers | path)
    return desk


@pytest.mark.timeout(600)
def test_the_real_terraform_deploys_and_destroys(
    real_desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    real_desk.gcloud.change(apis=BOOTSTRAP_APIS)
    real_desk.plan()
    planned = capfd.readouterr().out
    assert "google_firestore_database.default will be created" in planned
    assert real_desk.gcloud.read()["buckets"] == {}
    real_desk.up()
    # Another machine has none of the working files.
    shutil.rmtree(real_desk.work)
    real_desk.down()

    assert "Reelay runs." in real_desk.person.heard
    # The keys come after their secrets: then the two functions that read them change.
    assert "0 added, 2 changed, 0 destroyed" in capfd.readouterr().out
    assert "Stays: the database" in real_desk.person.heard
    assert real_desk.person.asked.count("Apply this plan?") == 1
    assert real_desk.person.asked[-1] == "Destroy these?"

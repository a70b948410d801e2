"""`make deploy` and `make destroy` as a whole, against a fake gcloud.

Terraform is a stub here, except in the last test, which runs the real one with stand-in
providers if TERRAFORM_STANDIN names the folder of their `setup`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.deploy.__main__ import ROOT, main
from ops.deploy.checks import BOOTSTRAP_APIS, Target
from ops.deploy.context import Command, CommandResult, DeployError, Programs
from ops.deploy.down import KEPT_RESOURCES
from ops.deploy.region import REGION_IS_PERMANENT
from ops.deploy.terraform import LOCAL_STATE
from ops.deploy.up import SAFE_TO_REPEAT
from shared.domain.webhook import MIN_SIGNING_SECRET_LENGTH
from tests.ops.deploying import (
    KEYS,
    MAKES,
    OK,
    PAGE,
    SETTINGS,
    STATE_BUCKET,
    TARGET,
    Desk,
    FakeConsole,
    failed,
)
from tests.ops.fake_gcloud import BILLING, PROJECT, WHOLE, FakeGcloud
from tests.programs import put_programs

STANDIN = os.environ.get("TERRAFORM_STANDIN", "")
# https://github.com/hashicorp/terraform-provider-google/issues/22533
NOT_RECORDED = failed(
    "Error: Provider produced inconsistent result after apply\n\nWhen applying changes "
    'to google_firestore_database.default, provider "registry.terraform.io/hashicorp/'
    'google" produced an unexpected new value: Root object was present, but now absent.'
)
NO_GRANT = failed("Error: googleapi: Error 403: Permission 'iam.x' denied on resource")
NO_REGION = Target(project=PROJECT, region="")
SOMEBODY_ELSES = {STATE_BUCKET: {"owner": "666"}}


def stopped(desk: Desk, target: Target = TARGET, **settings: object) -> str:
    with pytest.raises(DeployError) as reason:
        desk.up(target, **settings)
    return str(reason.value)


# What a deploy needs ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"account": ""}, "You are not logged in to gcloud.\n  run: gcloud auth login"),
        ({"adc": None}, "\n  run: gcloud auth application-default login"),
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
        ({"has_gcloud": False}, "(gcloud) is not installed.\n  run: open https://"),
    ],
    ids=["login", "adc", "project", "deleted", "billing", "datastore", "region",
         "terraform", "old terraform", "gcloud"],
)  # fmt: skip
def test_each_missing_requirement_is_reported_with_what_to_do(
    missing: dict[str, Any], sentence: str, desk: Desk
) -> None:
    [(name, value)] = missing.items()
    if name in ("terraform", "has_gcloud"):
        setattr(desk.installed, name, value)
    else:
        desk.cloud[name] = value

    said = stopped(desk)
    assert sentence in said
    assert said.count("run: ") <= 1  # what depends on it is not reported, too


EXPIRED = failed(
    "ERROR: (gcloud) There was a problem refreshing your current auth tokens: "
    "Reauthentication failed.\nPlease run:\n\n  $ gcloud auth login\n"
)
DISABLED = failed(
    "ERROR: (gcloud) [me@example.com] does not have permission to access projects "
    "instance [p] (or it may not exist): The API has not been used in project 1 "
    "before or it is disabled.\n  reason: SERVICE_DISABLED\n"
)


@pytest.mark.parametrize(
    ("answer", "why", "fix"),
    [
        (EXPIRED, "Reauthentication failed.", "gcloud auth login"),
        (DISABLED, "or it is disabled.", "gcloud {what} describe my-project"),
        (failed("ERROR: 503"), "ERROR: 503", "gcloud {what} describe my-project"),
    ],
    ids=["expired login", "its API is off", "an outage"],
)
@pytest.mark.parametrize("what", ["projects", "billing projects"])
def test_what_cannot_be_looked_up_is_not_called_missing(
    what: str, answer: CommandResult, why: str, fix: str, desk: Desk
) -> None:
    desk.installed.broken = f"gcloud {what} describe"
    desk.installed.breaks_with = answer

    said = stopped(desk)

    assert f"{why}\n  run: {fix.format(what=what)}" in said
    assert "create" not in said and "link" not in said


def test_a_login_of_terraform_that_has_expired_is_not_called_missing(
    desk: Desk,
) -> None:
    desk.installed.broken = "gcloud auth application-default"
    desk.installed.breaks_with = EXPIRED

    said = stopped(desk)

    login = "Reauthentication failed.\n  run: gcloud auth application-default login"
    assert login in said and "not set" not in said


def test_a_region_that_cannot_be_looked_up_is_left_to_terraform(desk: Desk) -> None:
    """The API that lists regions was just enabled, and may not answer yet."""
    desk.installed.broken = "gcloud functions regions"

    desk.up()

    assert "Reelay runs." in desk.console.output


def test_all_missing_requirements_are_reported_at_once(desk: Desk) -> None:
    desk.cloud.update(account="", adc=None)
    desk.installed.terraform = None
    desk.installed.python = failed("Install Node.js.")

    assert stopped(desk).count("run: ") == 4


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Enable these APIs", "gcloud services enable"),
        ("Apply this plan", f"Nothing was applied.\n{SAFE_TO_REPEAT}"),
    ],
)
def test_nothing_is_done_without_agreement(
    question: str, sentence: str, desk: Desk
) -> None:
    desk.console.refuses = question

    assert sentence in stopped(desk)
    assert desk.installed.count("terraform apply") == 0


# The region ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "is_reported"),
    [("me@example.com", False), ("you@example.com", True), (None, False)],
)
def test_two_logins_are_pointed_out(
    account: str | None, is_reported: bool, desk: Desk
) -> None:
    desk.terraform_account = account

    for work in (desk.plan, desk.up):
        desk.console = FakeConsole()
        work()

        said = "gcloud acts as me@example.com, Terraform as you@example.com."
        assert (said in desk.console.output) is is_reported
        assert ("gcloud acts as" in desk.console.output) is is_reported


def test_the_region_is_the_first_question_and_is_asked_once(desk: Desk) -> None:
    desk.environ = {**KEYS, "LANG": "ko_KR.UTF-8"}

    desk.up(NO_REGION)

    assert desk.console.questions[0].startswith("Where should Reelay run")
    assert desk.settings["region"] == "asia-northeast3"
    desk.console = FakeConsole()
    desk.up(NO_REGION)
    assert desk.console.questions == ["Apply this plan?"]
    assert desk.settings["region"] == "asia-northeast3"


def test_an_existing_database_is_taken_over_only_with_agreement(desk: Desk) -> None:
    """Its rules would be replaced, and documents with `expires_at` deleted."""
    desk.cloud["database"] = {"type": "FIRESTORE_NATIVE", "locationId": "nam5"}
    desk.console.refuses = "has a Firestore database already"

    assert "project of its own" in stopped(desk)
    assert desk.installed.count("terraform plan") == 0

    desk.console = FakeConsole()
    desk.up()
    desk.up()
    # Its place is not asked about: it can't be changed.
    assert "cannot be changed later" not in "\n".join(desk.console.questions)
    asked = [each for each in desk.console.questions if "already" in each]
    assert len(asked) == 1 and "expires_at" in asked[0]


@pytest.mark.parametrize("enable_web", [True, False])
def test_the_users_of_something_else_are_let_in_only_with_agreement(
    enable_web: bool, desk: Desk
) -> None:
    """The API takes the token of anyone who can sign in to the project."""
    desk.hosting.has_users = True
    desk.console.refuses = "users of"

    assert "project of its own" in stopped(desk, enable_web=enable_web)
    assert desk.installed.count("terraform plan") == 0

    desk.console = FakeConsole()
    desk.up(enable_web=enable_web)
    desk.up(enable_web=enable_web)
    asked = [each for each in desk.console.questions if "users of" in each]
    assert len(asked) == 1 and "make videos" in asked[0]


@pytest.mark.parametrize("place", ["us-central1", "nam5"])
def test_nothing_is_enabled_or_created_without_agreement_on_the_region(
    place: str, desk: Desk
) -> None:
    desk.console.refuses = "cannot be changed later"
    chosen = {} if place == "us-central1" else {"firestore_location": place}

    assert "choose another REGION=" in stopped(desk, TARGET, **chosen)
    assert desk.console.questions == [REGION_IS_PERMANENT.format(place=place)]
    assert desk.installed.count("gcloud services enable") == 0
    assert desk.cloud["buckets"] == {}


@pytest.mark.parametrize("ended", ["the plan was declined", "all was deleted"])
def test_data_that_is_yet_to_be_made_follows_another_region(
    ended: str, desk: Desk
) -> None:
    """It could never be moved from the region of a deploy that left nothing behind."""
    if ended == "all was deleted":
        desk.up()
        desk.down()
        desk.cloud.update(database=None, buckets={STATE_BUCKET: {}})
    else:
        desk.console.refuses = "Apply this plan"
        stopped(desk)
    desk.console = FakeConsole()

    desk.up(Target(project=PROJECT, region="us-east4"))

    assert REGION_IS_PERMANENT.format(place="us-east4") in desk.console.questions
    assert desk.variables["bucket_location"] == "us-east4"
    assert desk.variables["firestore_location"] == "us-east4"


def test_a_place_that_was_chosen_for_data_stays_in_another_region(desk: Desk) -> None:
    desk.console.refuses = "Apply this plan"
    stopped(desk, bucket_location="EU", firestore_location="eur3")
    desk.console = FakeConsole()

    desk.up(Target(project=PROJECT, region="us-east4"))

    assert REGION_IS_PERMANENT.format(place="eur3") in desk.console.questions
    assert desk.settings["bucket_location"] == "EU"
    assert desk.variables["firestore_location"] == "eur3"


# The plan alone -----------------------------------------------------------------------


@pytest.mark.parametrize("has", ["nothing", "its APIs", "been deployed"])
def test_a_plan_shows_what_would_happen_and_changes_nothing(
    has: str, desk: Desk
) -> None:
    if has != "nothing":
        desk.cloud["apis"] = BOOTSTRAP_APIS
    if has == "been deployed":
        desk.up()
    before = deepcopy(desk.cloud)
    desk.console, desk.installed.commands = FakeConsole(), []

    desk.plan(NO_REGION, daily_limit_usd=5)

    assert desk.cloud == before
    assert desk.console.questions == []
    assert desk.installed.count("terraform apply") == 0
    assert ("It would ask: Where should Reelay run" in desk.console.output) is (
        has != "been deployed"
    )
    assert ("gcloud services enable" in desk.console.output) is (has == "nothing")
    asks_for_money = "What all users together may spend on videos a month"
    assert (asks_for_money in desk.console.output) is (has != "been deployed")
    assert desk.installed.count("terraform plan") == (has != "nothing")
    inits = [c for c in desk.installed.commands if "terraform init" in c]
    assert ["bucket=" in c for c in inits] == {
        "nothing": [],
        "its APIs": [False],
        "been deployed": [True],
    }[has]


def test_a_plan_that_fails_is_reported_and_none_holds_up_a_deploy(desk: Desk) -> None:
    desk.up()
    desk.installed.commands = []
    desk.plan()
    (ran,) = [c for c in desk.installed.commands if c.startswith("terraform plan")]
    assert "-lock=false" in ran and "-destroy" not in ran

    desk.installed.broken = "terraform plan"
    with pytest.raises(DeployError, match="its error is above"):
        desk.plan()


# The bucket of the state --------------------------------------------------------------


def test_the_state_bucket_is_private_and_versioned(desk: Desk) -> None:
    desk.up()

    flags = desk.cloud["buckets"][STATE_BUCKET]
    assert flags.keys() >= {
        "versioning",
        "uniform-bucket-level-access",
        "public-access-prevention",
    }


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_state_bucket_of_another_owner_is_not_trusted(
    command: str, desk: Desk
) -> None:
    desk.cloud["buckets"] = SOMEBODY_ELSES
    desk.cloud["objects"] = {SETTINGS: "{}"}

    with pytest.raises(DeployError, match="belongs to project number 666"):
        getattr(desk, command)()
    assert desk.installed.count("gcloud storage c") == 0
    assert desk.installed.count("terraform init") == 0


def test_a_bucket_for_videos_of_another_owner_is_not_imported(desk: Desk) -> None:
    desk.cloud["buckets"] = {f"gs://{PROJECT}-reelay-videos": {"owner": "666"}}

    desk.up(existing=["videos_bucket"])

    assert desk.variables["existing"] == []


# Settings -----------------------------------------------------------------------------


def test_the_first_plan_uses_the_locked_providers_and_keeps_their_lock(
    desk: Desk,
) -> None:
    (desk.folder / ".terraform.lock.hcl").write_text("checksums")
    desk.cloud["apis"] = BOOTSTRAP_APIS

    desk.plan()

    copy = desk.work / "first" / "infra" / ".terraform.lock.hcl"
    assert copy.read_text() == "checksums"
    assert not copy.is_symlink()


@pytest.mark.parametrize(
    ("first", "budgets", "enabled", "output"),
    [
        ({}, [[], []], [False, False], "roles/billing.costsManager"),
        ({}, [[], [BILLING]], [False, True], "roles/billing.costsManager"),
        ({}, [[BILLING], []], [True, True], "Nothing of a budget"),
        ({"enable_budget": False}, [[BILLING], [BILLING]], [False, False],
         "No budget, as before"),
    ],
    ids=["not seen", "seen by now", "seen no more", "not wanted"],
)  # fmt: skip
def test_a_budget_is_set_unless_it_is_unwanted_or_invisible(
    first: dict[str, Any],
    budgets: list[list[str]],
    enabled: list[bool],
    output: str,
    desk: Desk,
) -> None:
    """Two deploys: which budgets each may see, and whether there is one afterwards."""
    for settings, seen, is_enabled in zip([first, {}], budgets, enabled, strict=True):
        desk.cloud["budgets"] = seen
        desk.up(**settings)

        assert desk.variables["enable_budget"] is is_enabled
        assert (desk.variables.get("gcp_budget_amount") == 50) is is_enabled
    needs_role = "roles/billing.costsManager"
    assert (needs_role in desk.console.output) is (output == needs_role)
    assert (output in desk.console.output) is (output != "Nothing of a budget")


@pytest.mark.parametrize("variable", ["ci_repository", "github_repository"])
def test_setting_up_ci_requires_a_decision_on_the_budget(
    variable: str, desk: Desk
) -> None:
    desk.cloud["budgets"] = []

    assert "ARGS=--no-budget" in stopped(desk, TARGET, **{variable: "projects/p"})


def test_a_setting_that_a_function_would_refuse_is_not_saved(desk: Desk) -> None:
    reason = stopped(desk, provider_chain=["sora"])

    assert "PROVIDER_CHAIN" in reason and "--set name=value" in reason
    assert not desk.cloud["objects"]


def test_a_deploy_stops_if_the_settings_cannot_be_written(desk: Desk) -> None:
    desk.installed.broken = "gcloud storage cp"

    assert "could not be written" in stopped(desk)


def test_a_deploy_stops_if_the_settings_cannot_be_read(desk: Desk) -> None:
    desk.installed.broken = "gcloud storage cat"

    assert "can't be read" in stopped(desk)
    assert not desk.cloud["objects"]


def test_no_second_spend_cap_is_created_if_the_first_cannot_be_read(desk: Desk) -> None:
    desk.up(spend_cap_amount=50)
    desk.installed.broken = f"gcloud storage cat {STATE_BUCKET}/spend-cap.json"

    assert "can't be read" in stopped(desk)
    assert len(desk.budgets.caps) == 1


def test_the_command_line_overrides_saved_settings(desk: Desk) -> None:
    desk.up(daily_limit_usd=5)

    desk.up(daily_limit_usd=7, api_public=False)

    assert desk.settings["daily_limit_usd"] == 7
    assert desk.settings["api_public"] is False


@pytest.mark.parametrize("refused", ["by the person", "by Terraform"])
def test_a_setting_whose_plan_was_refused_is_not_saved(
    refused: str, desk: Desk
) -> None:
    """Else a colleague's deploy, or CI's, would silently apply it."""
    desk.up()
    if refused == "by the person":
        desk.console.refuses = "Apply this plan"
    else:
        desk.installed.broken = "terraform plan"

    stopped(desk, daily_limit_usd=5000)

    assert desk.settings["daily_limit_usd"] == 20


def test_a_first_deploy_that_stops_does_not_ask_everything_again(desk: Desk) -> None:
    desk.installed.broken = "terraform plan"
    stopped(desk, daily_limit_usd=5)
    desk.installed.broken, desk.console = "-", FakeConsole()

    desk.up()

    assert "spend" not in " ".join(desk.console.questions)
    assert desk.settings["daily_limit_usd"] == 5


def test_a_deploy_saves_what_a_colleague_and_ci_need_to_repeat_it(desk: Desk) -> None:
    desk.up()

    assert desk.settings["billing_account"] == BILLING
    assert f"gs://{desk.settings['state_bucket']}" == STATE_BUCKET
    assert desk.settings["project_id"] == PROJECT


def test_the_saved_plan_is_applied_with_the_state_of_the_bucket(desk: Desk) -> None:
    desk.up()

    ran = [c for c in desk.installed.commands if c.startswith("terraform")]
    (init,) = [c for c in ran if c.startswith("terraform init")]
    assert f"-reconfigure -backend-config=bucket={STATE_BUCKET[5:]} " in init
    assert init.endswith("-backend-config=prefix=reelay")
    plan = next(c for c in ran if c.startswith("terraform plan"))
    file = str(desk.work / "plan")
    assert f"-var-file={desk.work}/settings.tfvars.json -out={file}" in plan
    assert "-destroy" not in plan
    applied = next(c for c in ran if c.startswith("terraform apply"))
    assert applied.endswith(file) and "-auto-approve" not in applied
    # Otherwise a deploy of a colleague's would end this one at once.
    assert all("-lock-timeout=60s" in each for each in (plan, applied))


def test_a_setting_that_changes_nothing_in_terraform_is_saved(desk: Desk) -> None:
    desk.installed.plans = [MAKES, {}]
    desk.up()

    desk.up(spend_cap_amount=50)

    assert desk.settings["spend_cap_amount"] == 50


def test_settings_that_a_colleague_changed_meanwhile_are_kept(desk: Desk) -> None:
    desk.up()

    class Slow(FakeConsole):
        def confirm(self, question: str) -> bool:
            theirs = json.dumps({**desk.settings, "daily_limit_usd": 3})
            desk.cloud["objects"][SETTINGS] = theirs
            return super().confirm(question)

    desk.console, desk.installed.commands = Slow(), []

    assert "changed meanwhile" in stopped(desk, user_max_jobs=5)
    assert desk.settings["daily_limit_usd"] == 3
    assert desk.installed.count("terraform apply") == 0


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("firebase.googleapis.com", "firebase_project"),
        ("firebaserules.googleapis.com", "firestore_rules"),
    ],
)
def test_what_firebase_has_set_up_already_is_imported(
    host: str, name: str, desk: Desk
) -> None:
    """For example, in its console. Terraform can't create either a second time."""
    for has_at in ({host}, set[str]()):
        desk.has_at = has_at
        desk.up()

        assert (name in desk.imported) is bool(has_at)


def test_an_existing_database_keeps_its_location(desk: Desk) -> None:
    desk.up()

    desk.up(Target(project=PROJECT, region="us-east4"))

    assert desk.settings["region"] == "us-east4"
    # That region has its own quota.
    assert desk.settings["region_cpus"] == 40
    assert desk.settings["bucket_location"] == "us-central1"
    assert desk.settings["firestore_location"] == "us-central1"
    assert desk.imported == ["firestore_database", "videos_bucket"]


def test_what_each_deploy_finds_by_itself_is_not_saved(desk: Desk) -> None:
    """An earlier release, after a roll-back, may refuse a name that it doesn't know."""
    desk.up(existing=["identity_platform"])

    desk.up()

    assert "videos_bucket" in desk.imported
    assert desk.settings["existing"] == ["identity_platform"]


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
    desk: Desk,
) -> None:
    quotas = {"CpuAllocPerProjectRegion": cpus, "MemAllocPerProjectRegion": 80 << 30}
    desk.cloud["quotas"] = quotas if cpus else {}

    desk.up(**asked)

    found = [desk.variables.get(name) for name in ("region_cpus", "worker_instances")]
    assert tuple(found) == kept


# A whole deploy -----------------------------------------------------------------------


def test_a_deploy_runs_all_its_steps(desk: Desk) -> None:
    desk.up()

    steps = [line for line in desk.console.lines if line.startswith("*")]
    assert [step.split()[1] for step in steps] == [
        "Looking", "This", "The", "APIs", "The", "The", "Settings", "Terraform's",
        "Plan", "Keys", "New", "Google's", "Checking", "The",
    ]  # fmt: skip
    assert desk.installed.count("terraform apply") == 2
    assert desk.waited == [20, 20]
    assert "python -m ops key make me --project my-project" in desk.console.output
    assert "at most $2.40" in desk.console.output
    assert f"web_url: {PAGE}" in desk.console.output


def test_keys_are_stored_or_generated_and_never_shown(desk: Desk) -> None:
    desk.up()

    secrets = desk.cloud["secrets"]
    assert secrets["runway-api-key"] == ["unset", "key_very_secret"]
    _, signing_secret = secrets["webhook-signing-secret"]
    assert len(signing_secret) >= MIN_SIGNING_SECRET_LENGTH
    seen = str([desk.installed.commands, desk.console.lines, desk.cloud["objects"]])
    assert not [key for key in (*KEYS.values(), signing_secret) if key in seen]
    # Three secrets got one new version each, so running instances get a new revision.
    assert desk.settings["keys_revision"] == 4
    secrets["webhook-signing-secret"] = ["unset"]
    desk.up()
    assert secrets["webhook-signing-secret"][-1] not in ("unset", signing_secret)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_projects_key_is_replaced_only_with_agreement(
    agrees: bool, desk: Desk
) -> None:
    """For example, by the one in a developer's .env. It can't fetch what the vendor's
    other account was charged for.
    """
    desk.up()
    desk.environ = {**KEYS, "RUNWAY_API_KEY": "key_of_the_developer"}
    desk.console = FakeConsole(refuses="-" if agrees else "RUNWAY_API_KEY")

    desk.up()

    kept = desk.cloud["secrets"]["runway-api-key"]
    assert (kept[-1] == "key_of_the_developer") is agrees
    asked = [each for each in desk.console.questions if "RUNWAY_API_KEY" in each]
    assert len(asked) == 1 and "key_" not in asked[0]


@pytest.mark.parametrize("is_typed", [True, False])
def test_a_key_that_no_function_would_start_with_is_not_stored(
    desk: Desk, *, is_typed: bool
) -> None:
    wrong = {"RUNWAY_API_KEY": "'key_very_secret'"}
    desk.environ, desk.console.secrets = ({}, wrong) if is_typed else (wrong, {})

    said = stopped(desk)

    assert "RUNWAY_API_KEY: must have no spaces, quotes" in said
    assert "key_very_secret" not in said
    assert desk.cloud["secrets"]["runway-api-key"] == ["unset"]


FIRST_VERSION = 'google_secret_manager_secret_version.unset["RUNWAY_API_KEY"]'
ITS_SECRET = 'google_secret_manager_secret.keys["RUNWAY_API_KEY"]'


def test_a_destroyed_first_version_of_a_key_is_not_made_again_as_the_newest(
    desk: Desk,
) -> None:
    """Terraform would make it, with `unset` in place of the key."""
    desk.up()
    applied = desk.installed.count("terraform apply")
    desk.installed.plans = [{FIRST_VERSION: "create"}]

    said = stopped(desk)

    assert desk.installed.count("terraform apply") == applied
    assert (
        f"'{FIRST_VERSION}' projects/my-project/secrets/runway-api-key/versions/2"
        in said
    )


def test_a_key_whose_versions_cannot_be_listed_is_not_taken_for_missing(
    desk: Desk,
) -> None:
    """Else the first version would be made again, or an older revision deployed."""
    desk.up()
    applied = desk.installed.count("terraform apply")
    desk.installed.broken = "gcloud secrets versions list"

    assert "can't be read" in stopped(desk)
    assert desk.installed.count("terraform apply") == applied


@pytest.mark.parametrize(
    ("plan", "secrets"),
    [({FIRST_VERSION, ITS_SECRET}, {}), ({FIRST_VERSION}, {"runway-api-key": []})],
)
def test_a_secret_without_a_version_gets_its_first_one(
    plan: set[str], secrets: dict[str, list[str]], desk: Desk
) -> None:
    """In a first deploy, or after one that stopped between the two."""
    desk.cloud["secrets"] = secrets
    desk.environ = {}
    desk.installed.plans = [dict.fromkeys(plan, "create")]

    desk.up()

    assert desk.installed.count("terraform apply") > 0


def test_a_local_signing_secret_never_replaces_the_projects(desk: Desk) -> None:
    desk.up()
    before = list(desk.cloud["secrets"]["webhook-signing-secret"])
    desk.environ = {**KEYS, "WEBHOOK_SIGNING_SECRET": "l" * 43}
    desk.console = FakeConsole()

    desk.up()

    assert desk.cloud["secrets"]["webhook-signing-secret"] == before
    assert "WEBHOOK_SIGNING_SECRET" in desk.console.output


def test_a_given_signing_secret_is_the_first_one_of_a_project(desk: Desk) -> None:
    """As after a move from another project, whose receivers know theirs."""
    desk.environ = {**KEYS, "WEBHOOK_SIGNING_SECRET": "l" * 43}

    desk.up()

    assert desk.cloud["secrets"]["webhook-signing-secret"] == ["unset", "l" * 43]


@pytest.mark.parametrize("given", ["unset", " key_very_secret\n"])
def test_a_key_that_says_nothing_new_is_not_stored(given: str, desk: Desk) -> None:
    desk.up()
    desk.environ, desk.console = {"RUNWAY_API_KEY": given}, FakeConsole()

    desk.up()

    assert desk.cloud["secrets"]["runway-api-key"] == ["unset", "key_very_secret"]
    assert not [each for each in desk.console.questions if "RUNWAY" in each]


def test_a_missing_key_is_asked_for_and_may_be_left_out(desk: Desk) -> None:
    desk.environ = {}
    desk.console.secrets = {"GEMINI_API_KEY": "typed"}

    desk.up()

    secrets = desk.cloud["secrets"]
    assert len(secrets.pop("webhook-signing-secret")) == 2
    assert secrets == {
        "runway-api-key": ["unset"],
        "gemini-api-key": ["unset", "typed"],
    }
    assert desk.settings["keys_revision"] == 3


def test_a_key_that_is_left_out_is_asked_for_once_per_deploy(desk: Desk) -> None:
    desk.environ = {}

    for _ in range(2):
        desk.console = FakeConsole()
        desk.up()

        asked = [each for each in desk.console.questions if "_KEY" in each]
        assert asked == [f"{key} (Enter to go without)" for key in KEYS]
        # It is generated, not asked for.
        assert "WEBHOOK_SIGNING_SECRET, unless" not in desk.console.output
        assert desk.settings["keys_revision"] == 2
    assert "New revisions" not in desk.console.output
    headings = [line for line in desk.console.lines if line.startswith("* ")]
    keys = headings.index("* Keys of Runway and Gemini")
    assert headings[keys + 1].startswith("* Plan and apply")


def test_a_second_deploy_from_another_machine_asks_only_about_the_plan(
    desk: Desk,
) -> None:
    desk.up()
    before, desk.console = desk.settings, FakeConsole()
    shutil.rmtree(desk.work)

    desk.up()

    assert desk.console.questions == ["Apply this plan?"]
    for known in ("spend on videos a day", "RUNWAY_API_KEY, unless"):
        assert known not in desk.console.output  # nor announced
    assert {len(kept) for kept in desk.cloud["secrets"].values()} == {2}
    assert "is another one" not in desk.console.output
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
def test_an_interrupted_deploy_continues(at: str, desk: Desk) -> None:
    desk.installed.broken = at
    # Terraform prints its errors itself.
    assert "cut off" in stopped(desk) or at.startswith("terraform")

    desk.installed.broken = "-"
    desk.up()

    assert desk.settings["keys_revision"] == 4
    assert "Reelay runs." in desk.console.output


def test_access_is_restored_after_every_apply_where_all_users_is_forbidden(
    desk: Desk,
) -> None:
    for _ in range(2):
        desk.up(api_public=False)
        assert desk.cloud["is_let_in"]


def test_a_deploy_does_not_say_that_it_runs_before_it_was_seen_to(desk: Desk) -> None:
    """The api, its callers where allUsers is forbidden, the sweep and the worker."""
    desk.not_shown = "https://api"
    assert "/health answers 404" in stopped(desk)
    desk.not_shown = "-"

    desk.installed.broken = "gcloud run services update"
    assert "No caller can reach the api" in stopped(desk, api_public=False)
    desk.installed.broken = "-"

    desk.cloud["sweep"] = {"status": {"code": 7}}
    assert "has not reached sweep" in stopped(desk)
    desk.cloud["sweep"] = WHOLE["sweep"]

    no_decoder = CommandResult(code=1, stdout="worker can't decode\n")
    desk.installed.worker_check = no_decoder
    assert "worker can't decode" in stopped(desk)

    assert "Reelay runs." not in desk.console.output
    assert desk.hosting.live == {}


@pytest.mark.parametrize(("budgets", "is_told"), [(1, False), (2, True)])
def test_a_second_budget_of_the_same_name_is_mentioned(
    budgets: int, desk: Desk, *, is_told: bool
) -> None:
    """Terraform makes one if the answer to the first one's creation was lost."""
    made = {"displayName": f"Reelay {PROJECT}"}
    desk.budgets.caps = [
        made | {"name": f"billingAccounts/{BILLING}/budgets/b{number}"}
        for number in range(budgets)
    ]

    desk.up()

    assert ("budgets called" in desk.console.output) is is_told
    assert "Reelay runs." in desk.console.output


# Google's own spend cap ---------------------------------------------------------------


def test_a_spend_cap_is_offered_even_if_the_budget_is_given(desk: Desk) -> None:
    desk.up(gcp_budget_amount=30)

    assert "Google's own spend cap" in "\n".join(desk.console.questions)


def test_a_spend_cap_is_offered_then_set_once_and_changed_with_its_amount(
    desk: Desk,
) -> None:
    desk.up()
    assert "Google's own spend cap" in "\n".join(desk.console.questions)
    assert desk.budgets.caps == []

    for amount in (50, 80):
        desk.up(spend_cap_amount=amount)
        assert desk.spend_caps == [amount]
        desk.up()
        assert desk.spend_caps == [amount]

    desk.up(spend_cap_amount=0)
    assert "To delete it" in desk.console.output


@pytest.mark.parametrize("amount", [50, 80])
def test_a_spend_cap_that_was_deleted_at_google_is_created_again(
    amount: int, desk: Desk
) -> None:
    desk.up(spend_cap_amount=50)
    desk.budgets.caps.clear()

    desk.up(spend_cap_amount=amount)

    assert desk.spend_caps == [amount]


def test_a_spend_cap_that_google_does_not_show_is_not_created_again(
    desk: Desk,
) -> None:
    desk.up(spend_cap_amount=50)
    desk.budgets.hides = True

    desk.up()

    assert len(desk.budgets.caps) == 1
    assert "It stays at 50 a month" in desk.console.output


def test_another_budget_is_not_taken_for_the_spend_cap(desk: Desk) -> None:
    amount = {"specifiedAmount": {"units": "70"}}
    name = f"billingAccounts/{BILLING}/budgets/b"
    budget = {"displayName": f"Reelay {PROJECT}", "name": name, "amount": amount}
    desk.budgets.caps = [budget]

    desk.up(spend_cap_amount=50)

    assert budget["amount"] == amount
    assert len(desk.budgets.caps) == 2


@pytest.mark.parametrize(("amount", "lost_as"), [(50, 0), (80, 500)])
def test_a_spend_cap_whose_creation_was_not_answered_is_found_again(
    amount: int, lost_as: int, desk: Desk
) -> None:
    desk.budgets.loses_answers, desk.budgets.lost_as = True, lost_as
    desk.up(spend_cap_amount=50)
    assert "not known whether Google's spend cap was set" in desk.console.output
    assert "Reelay runs." in desk.console.output
    desk.budgets.loses_answers = False

    desk.up(spend_cap_amount=amount)

    assert desk.spend_caps == [amount]
    desk.up()
    assert f"It stays at {amount} a month" in desk.console.output


def test_a_spend_cap_that_was_changed_at_google_stays_until_another_is_chosen(
    desk: Desk,
) -> None:
    """For example, one that was raised because it had stopped the models."""
    desk.up(spend_cap_amount=50)
    (cap,) = desk.budgets.caps
    cap["amount"] = {"specifiedAmount": {"units": "500", "currencyCode": "USD"}}

    desk.up()
    assert desk.spend_caps == [500]
    assert "at 500 a month, not at 50: it was changed there" in desk.console.output

    desk.up(spend_cap_amount=80)
    assert desk.spend_caps == [80]


def test_another_billing_account_gets_its_own_spend_cap(desk: Desk) -> None:
    desk.up(spend_cap_amount=50)
    another = "AAAAAA-6789AB-CDEF01"
    desk.cloud["billing"] = {PROJECT: another}

    desk.up()

    accounts = [cap["name"].split("/")[1] for cap in desk.budgets.caps]
    assert accounts == [BILLING, another]


def test_a_refused_spend_cap_is_explained_and_does_not_stop_the_deploy(
    desk: Desk,
) -> None:
    desk.budgets.refuses = True

    desk.up(spend_cap_amount=50)

    assert "was not set: not for this account" in desk.console.output
    assert "Reelay runs." in desk.console.output


# Applying -----------------------------------------------------------------------------


def test_an_apply_with_a_temporary_failure_is_repeated_once(desk: Desk) -> None:
    desk.installed.applies = [NO_GRANT]

    desk.up()

    ran = [c.split()[1] for c in desk.installed.commands if c.startswith("terraform")]
    # The failed apply changed the state, so the plan that was agreed to is stale.
    assert " ".join(ran).count("plan show apply plan show apply") == 1
    assert desk.waited[0] == 60
    assert desk.console.questions.count("Apply this plan?") == 1


def test_a_database_that_terraform_has_made_but_not_recorded_is_imported(
    desk: Desk,
) -> None:
    class Lagging:
        def run(self, command: Command) -> CommandResult:
            result = desk.installed.run(command)
            if not result.ok and command.argv[:2] == ("terraform", "apply"):
                desk.gcloud.applied()
            return result

    desk.installed.applies, desk.shell = [NOT_RECORDED], Lagging()

    desk.up()

    assert desk.imported == ["firestore_database", "videos_bucket"]
    assert "Reelay alone" not in " ".join(desk.console.questions)


@pytest.mark.parametrize(
    ("answers", "applies", "sentence"),
    [
        ([NO_GRANT, NO_GRANT], 2, "usually passes within ten minutes"),
        ([failed("Error: unforeseen")], 1, "continues where it stopped"),
        ([failed("Error 429: Quota exceeded")], 1, "iam-admin/quotas"),
    ],
    ids=["stays", "unforeseen", "explained"],
)
def test_an_apply_that_keeps_failing_stops_the_deploy(
    answers: list[Any], applies: int, sentence: str, desk: Desk
) -> None:
    desk.installed.applies = answers

    assert sentence in stopped(desk)
    assert desk.installed.count("terraform apply") == applies


def test_a_failed_apply_that_left_nothing_to_do_does_not_stop_the_deploy(
    desk: Desk,
) -> None:
    """Such as one that gave up waiting for an update that Google has finished since."""
    desk.installed.applies = [NO_GRANT]
    desk.installed.plans = [MAKES, {}]

    desk.up()

    assert desk.installed.count("terraform apply") == 1
    assert "Reelay runs." in desk.console.output


def test_a_second_plan_that_deletes_needs_agreement_again(desk: Desk) -> None:
    desk.installed.applies = [NO_GRANT]
    desk.installed.plans = [MAKES, {"a.b": "delete+create"}, {}]

    desk.up()

    assert desk.console.questions.count("Apply this plan?") == 2


def test_a_plan_without_changes_is_not_applied(desk: Desk) -> None:
    desk.installed.plans = [{}]

    desk.up()

    assert desk.installed.count("terraform apply") == 0


# Destroying ---------------------------------------------------------------------------


def test_destroying_before_any_deploy_does_nothing(desk: Desk) -> None:
    with pytest.raises(DeployError, match="Nothing was deployed from here"):
        desk.down()


def test_destroying_keeps_the_data_and_the_next_deploy_imports_it(desk: Desk) -> None:
    desk.installed.state = (
        "google_firestore_database.default\ngoogle_pubsub_topic.budget\n"
        "google_identity_platform_config.users[0]\n"
    )
    desk.up(spend_cap_amount=50)
    desk.console = FakeConsole()

    desk.down()

    [forgotten] = [c for c in desk.installed.commands if "terraform state rm" in c]
    assert forgotten.endswith(
        "google_firestore_database.default google_identity_platform_config.users[0]"
    )
    for word in ("no-delete-protection", "spend cap", "signs webhooks", "within a day"):
        assert word in desk.console.output
    desk.up()
    assert desk.imported == ["firestore_database", "identity_platform", "videos_bucket"]


DATABASE = "google_firestore_database.default"


def deployed(desk: Desk) -> None:
    """After a deploy whose state has the database, and with a new console."""
    desk.up()
    desk.installed.state = f"{DATABASE}\na.b\n"
    desk.console, desk.installed.commands = FakeConsole(), []


def test_destroying_applies_a_plan_to_destroy_of_this_projects_state(
    desk: Desk,
) -> None:
    deployed(desk)
    shutil.rmtree(desk.work)  # as on another machine
    desk.installed.plans = [{"a.b": "delete"}]

    desk.down()

    ran = [c for c in desk.installed.commands if c.startswith("terraform")]
    verbs = [command.split()[1] for command in ran]
    assert verbs[1:] == ["init", "state", "state", "plan", "show", "apply"]
    assert f"-backend-config=bucket={PROJECT}-reelay-terraform" in ran[1]
    assert "-destroy" in ran[4] and ran[6].endswith(str(desk.work / "plan"))
    assert desk.variables["project_id"] == PROJECT
    assert "to delete: a.b" in desk.console.output


@pytest.mark.parametrize(
    ("question", "forgets"), [("Take everything else down", 0), ("Destroy these", 1)]
)
def test_nothing_is_destroyed_without_agreement(
    question: str, forgets: int, desk: Desk
) -> None:
    deployed(desk)
    desk.console.refuses = question

    with pytest.raises(DeployError, match=r"Nothing was (taken down|destroyed)"):
        desk.down()
    assert desk.installed.count("terraform apply") == 0
    assert desk.installed.count("terraform state rm") == forgets


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(failed("Error: unforeseen"), "its error is above"), (NO_GRANT, "passes within")],
)
def test_a_destroy_that_fails_is_explained(
    error: CommandResult, sentence: str, desk: Desk
) -> None:
    deployed(desk)
    desk.installed.applies = [error]

    with pytest.raises(DeployError, match=sentence):
        desk.down()
    assert "Done." not in desk.console.output


def test_destroying_says_and_does_nothing_about_what_was_not_there(desk: Desk) -> None:
    deployed(desk)
    releases = len(desk.hosting.releases)

    desk.down()

    assert "identity_platform" not in desk.settings["existing"]
    assert "spend cap" not in desk.console.output
    assert len(desk.hosting.releases) == releases


def test_destroying_what_is_gone_asks_nothing(desk: Desk) -> None:
    deployed(desk)
    desk.installed.state, desk.installed.plans = "", [{}]

    desk.down()

    assert desk.console.questions == []


def test_destroying_twice_keeps_what_was_chosen_and_kept_before(desk: Desk) -> None:
    desk.up(existing=["identity_platform"])
    desk.installed.state = f"{DATABASE}\n"

    desk.down()

    assert desk.settings["existing"] == ["identity_platform"]


def test_destroying_stops_if_the_login_or_the_settings_are_missing(desk: Desk) -> None:
    deployed(desk)
    settings = desk.cloud["objects"].pop(SETTINGS)
    with pytest.raises(DeployError, match="holds no settings"):
        desk.down()

    desk.cloud["objects"][SETTINGS] = settings
    desk.cloud["adc"] = None
    with pytest.raises(DeployError, match="application-default login"):
        desk.down()
    assert desk.installed.count("terraform apply") == 0


def test_what_stays_is_deleted_by_commands_that_name_the_project() -> None:
    for kept in KEPT_RESOURCES.values():
        for command in kept.delete.split(" && "):
            assert "{project}" in command


def test_destroying_needs_no_billing_account(desk: Desk) -> None:
    desk.up()
    desk.cloud["billing"] = {}

    desk.down()

    assert "Done." in desk.console.output


# The command --------------------------------------------------------------------------


def test_the_command_reports_what_is_missing_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = {"terraform": 'echo \'{"terraform_version": "1.11.0"}\'', "gcloud": ""}
    put_programs(tmp_path, programs)
    monkeypatch.setenv("PATH", str(tmp_path))

    place = ["--project", PROJECT, "--region", "us-central1"]
    code = main(["up", *place, "--yes", "--set", "enable_web=false"])

    assert code == 1
    assert capsys.readouterr().err == (
        "You are not logged in to gcloud.\n  run: gcloud auth login\n"
        "Then run this again; it goes on with: project, billing.\n"
    )


# The real Terraform -------------------------------------------------------------------


class WithRealTerraform:
    """A Shell with the fake gcloud and the real Terraform.

    Terraform has no bucket for its state here, so an override keeps it in a file.
    """

    def __init__(self, gcloud: FakeGcloud, environ: Mapping[str, str]) -> None:
        self._gcloud, self._programs = gcloud, Programs(environ)

    def run(self, command: Command) -> CommandResult:
        if command.argv[0] == "gcloud":
            return self._gcloud.run(command)
        if command.argv[0] == "sh":
            return OK
        verb = command.argv[1]
        if verb == "init":
            words = ("terraform", "init", "-input=false", "-no-color")
            command = replace(command, argv=words)
        result = self._programs.run(command)
        if verb == "apply" and result.ok:
            self._gcloud.applied()
        return result


@pytest.fixture
def providers() -> Iterator[dict[str, str]]:
    """The environment in which Terraform finds the running stand-in providers."""
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
    """A machine whose programs really run, on a copy of what is deployed."""
    hidden = shutil.ignore_patterns("__pycache__", ".terraform*")
    for name in ("infra", "docs", "functions", "shared"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=hidden)
    for name in ("main.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "infra" / "backend_override.tf").write_text(LOCAL_STATE)
    desk = Desk(tmp_path)
    desk.shell = WithRealTerraform(desk.gcloud, os.environ | providers)
    return desk


def test_the_real_terraform_deploys_and_destroys(
    real_desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    real_desk.cloud["apis"] = BOOTSTRAP_APIS
    real_desk.plan()
    planned = capfd.readouterr().out
    assert "google_firestore_database.default will be created" in planned
    assert real_desk.cloud["buckets"] == {}
    real_desk.up()
    # As on another machine, which has none of the working files.
    shutil.rmtree(real_desk.work)
    real_desk.down()

    assert "Reelay runs." in real_desk.console.output
    # Keys are stored after their secrets exist, so the functions that read them change.
    assert "0 added, 2 changed, 0 destroyed" in capfd.readouterr().out
    assert "Stays: the database" in real_desk.console.output
    assert real_desk.console.questions.count("Apply this plan?") == 1
    assert real_desk.console.questions[-1] == "Destroy these?"

"""The whole of `make deploy` and `make destroy`, against a gcloud of our own.

Terraform is a stub here, but for the last test: that runs the real one with stand-in
providers, where TERRAFORM_STANDIN names the folder of their `setup`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.deploy.__main__ import (
    ROOT,
    main,
)
from ops.deploy.checks import Target
from ops.deploy.down import down
from ops.deploy.terraform import Terraform
from ops.deploy.up import (
    Asked,
    up,
)
from ops.deploy.world import (
    NOT_FOUND,
    Command,
    Programs,
    Ran,
    Shell,
    Stopped,
    World,
)
from tests.infra.deploying import TARGET, Somebody, a_world
from tests.infra.fake_gcloud import BILLING, PROJECT, REFUSED, FakeGcloud, answer

STANDIN = os.environ.get("TERRAFORM_STANDIN", "")
KEYS = {"RUNWAY_API_KEY": "key_very_secret", "GEMINI_API_KEY": "another_secret"}
BUCKET = f"gs://{PROJECT}-reelay-terraform"
CHANGES = [
    {
        "address": "google_pubsub_topic.budget",
        "type": "google_pubsub_topic",
        "change": {"actions": ["create"], "after": {}},
    }
]


@dataclass
class Installed:
    """A Shell with our gcloud and a stub of Terraform, without starting either.

    `broken`: how a command begins that fails, as it does for who is cut off there.
    """

    folder: Path
    terraform: str | None = "1.11.4"
    gcloud: bool = True
    broken: str = "-"
    applied: int = 0

    def run(self, command: Command) -> Ran:
        line = " ".join(command.words)
        if line.startswith(self.broken):
            return Ran(code=1, stderr="cut off")
        if command.words[0] == "terraform":
            return self._terraform(command.words[1])
        return self._gcloud(list(command.words[1:]), command.stdin)

    def _gcloud(self, words: list[str], stdin: str) -> Ran:
        if not self.gcloud:
            return Ran(code=NOT_FOUND)
        code, said = answer(self.folder, words, stdin)
        return Ran(code=code, stdout=said, stderr=REFUSED if code else "")

    def _terraform(self, verb: str) -> Ran:
        if self.terraform is None:
            return Ran(code=NOT_FOUND)
        if verb == "apply":
            self.applied += 1
            answer(self.folder, ["applied"], "")
        if verb == "state":
            return Ran(code=0, stdout="a.b\n" if self.applied else "")
        said: dict[str, object] = {
            "version": {"terraform_version": self.terraform},
            "show": {"resource_changes": CHANGES},
            "output": {
                "api_url": {"value": "https://api"},
                "web_url": {"value": "https://my-project.web.app"},
            },
        }
        return Ran(code=0, stdout=json.dumps(said.get(verb, {})))


class Desk:
    """Somebody's machine: the programs on it, and who sits before it."""

    def __init__(self, folder: Path, **cloud: object) -> None:
        self.folder = folder
        self.gcloud = FakeGcloud(folder / "bin", **cloud)
        self.installed = Installed(folder / "bin")
        self.shell: Shell = self.installed
        self.person = Somebody()
        self.waited: list[float] = []

    def up(self, target: Target = TARGET, **settings: object) -> None:
        asked = Asked(target=target, settings=settings)
        up(self._world(), self._terraform(), asked)

    def down(self) -> None:
        down(self._world(), self._terraform(), TARGET)

    def _world(self) -> World:
        return a_world(self.shell, self.person, self.waited, KEYS)

    def _terraform(self) -> Terraform:
        return Terraform(world=self._world(), folder=self.folder, work=self.work)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def told(self) -> Mapping[str, object]:
        """What Terraform is told."""
        return dict(json.loads((self.work / "settings.tfvars.json").read_text()))

    @property
    def settings(self) -> Mapping[str, object]:
        kept = self.gcloud.read()["objects"][f"{BUCKET}/settings.tfvars.json"]
        return dict(json.loads(kept))


def stopped(desk: Desk, target: Target = TARGET, **settings: object) -> str:
    with pytest.raises(Stopped) as told:
        desk.up(target, **settings)
    return str(told.value)


@pytest.mark.parametrize(
    ("cloud", "sentence"),
    [
        ({"account": ""}, "Nobody is logged in to gcloud. gcloud auth login"),
        ({"adc": False}, "not set. gcloud auth application-default login"),
        ({"projects": {}}, f"gcloud projects create {PROJECT}"),
        (
            {"projects": {PROJECT: {"lifecycleState": "DELETE_REQUESTED"}}},
            f"is being deleted. gcloud projects undelete {PROJECT}",
        ),
        (
            {"billing": {}},
            f"gcloud billing projects link {PROJECT} --billing-account={BILLING}",
        ),
        (
            {"database": {"type": "DATASTORE_MODE", "locationId": "nam5"}},
            "is in Datastore mode",
        ),
    ],
    ids=["login", "adc", "project", "deleted", "billing", "datastore"],
)
def test_each_thing_that_is_missing_is_named_with_what_mends_it(
    cloud: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    assert sentence in stopped(Desk(tmp_path, **cloud))


def test_a_missing_terraform_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.terraform = None

    assert "Terraform is not installed. open https://" in stopped(desk)


def test_an_old_terraform_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.terraform = "1.10.5"

    assert "Terraform 1.10.5 is too old: 1.11 or newer" in stopped(desk)


def test_a_missing_gcloud_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.gcloud = False

    assert "(gcloud) is not installed. open https://" in stopped(desk)


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, account="", adc=False)
    desk.installed.terraform = None

    assert len(stopped(desk).splitlines()) == 3


def test_a_region_without_functions_is_named(tmp_path: Path) -> None:
    told = stopped(Desk(tmp_path), Target(project=PROJECT, region="us-middle9"))

    assert "don't run in us-middle9; they do in us-central1, us-east4" in told


def test_apis_are_enabled_only_after_asking(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.person.refuses = "Enable"

    assert "gcloud services enable" in stopped(desk)
    assert desk.gcloud.read()["apis"] == ["serviceusage.googleapis.com"]


def test_a_budget_that_may_not_be_set_is_left_out_with_a_warning(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, budgets=[])

    desk.up()

    assert desk.told["enable_budget"] is False
    assert "gcp_budget_amount" not in desk.told
    assert "roles/billing.costsManager" in desk.person.heard


def test_a_budget_that_may_be_set_by_now_is_set(tmp_path: Path) -> None:
    desk = Desk(tmp_path, budgets=[])
    desk.up()
    desk.gcloud.write(desk.gcloud.read() | {"budgets": [BILLING]})

    desk.up()

    assert desk.settings["enable_budget"] is True
    assert desk.settings["gcp_budget_amount"] == 50


def test_who_wants_no_budget_is_not_given_one_later(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up(enable_budget=False)

    desk.up()

    assert desk.settings["enable_budget"] is False
    assert desk.person.heard.count("No budget, as before") == 2


def test_a_budget_is_not_taken_away_by_who_may_not_see_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()
    desk.gcloud.write(desk.gcloud.read() | {"budgets": []})

    desk.up()

    assert desk.told["enable_budget"] is True
    assert "Warning" not in desk.person.heard


def test_cloud_build_is_not_left_without_a_word_on_the_budget(tmp_path: Path) -> None:
    desk = Desk(tmp_path, budgets=[])

    assert "ARGS=--no-budget" in stopped(desk, ci_repository="projects/p")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"veo_model": "veo-9"}, "VEO_MODEL: no model veo-9 here; one of veo-3.1"),
        ({"limits_time_zone": "Asia/Soul"}, "no time zone is named Asia/Soul"),
        ({"provider_chain": ["sora"]}, "no link is named sora"),
    ],
    ids=["model", "zone", "chain"],
)
def test_what_a_function_would_not_start_with_stops_before_it_is_kept(
    settings: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)

    assert sentence in stopped(desk, **settings)
    assert not desk.gcloud.read()["objects"]


def test_a_second_machine_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()
    told, desk.person = desk.told, Somebody()
    shutil.rmtree(desk.work)

    desk.up()

    assert desk.person.asked == ["Apply this plan?"]
    assert told.items() <= desk.told.items()
    shutil.rmtree(desk.work)
    desk.down()


def test_a_sweep_that_nobody_reaches_is_told(tmp_path: Path) -> None:
    refused = {"lastAttemptTime": "2026-11-22T10:00:00Z", "status": {"code": 7}}

    assert "has not got through to sweep" in stopped(Desk(tmp_path, sweep=refused))


def test_no_page_is_promised(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    assert "web.app" not in desk.person.heard


def test_a_deploy_walks_through_all_its_steps(tmp_path: Path) -> None:
    desk = Desk(tmp_path, looks_until_indexed=2)

    desk.up()

    steps = [line for line in desk.person.said if line.startswith("*")]
    assert [step.split()[1] for step in steps] == [
        "Looking", "APIs", "The", "The", "Settings", "Terraform's",
        "Plan", "Keys", "New", "Firestore's", "Asking",
    ]  # fmt: skip
    assert desk.installed.applied == 2
    assert desk.waited == [10, 10, 20, 20]
    assert "python -m local key make me --project my-project" in desk.person.heard
    assert "at most $2.40" in desk.person.heard


def test_the_state_bucket_is_private_and_versioned(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    flags = desk.gcloud.read()["buckets"][BUCKET]
    assert flags.keys() >= {
        "versioning",
        "uniform-bucket-level-access",
        "public-access-prevention",
    }


def test_keys_are_stored_and_seen_nowhere_else(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    desk.up()

    state = desk.gcloud.read()
    assert state["secrets"]["runway-api-key"] == ["unset", "key_very_secret"]
    seen = desk.gcloud.calls() + desk.person.heard + json.dumps(state["objects"])
    assert not [key for key in KEYS.values() if key in seen]
    # Two keys, one further version each: running instances get a new revision.
    assert desk.settings["keys_revision"] == 3


def test_settings_that_cannot_be_read_are_not_asked_anew(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.broken = "gcloud storage cat"

    assert "can't be read" in stopped(desk)
    assert not desk.gcloud.read()["objects"]


def test_a_second_deploy_asks_no_settings_and_stores_no_keys(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()
    before, desk.person = desk.settings, Somebody()

    desk.up()

    assert desk.person.asked == ["Apply this plan?"]
    assert len(desk.gcloud.read()["secrets"]["runway-api-key"]) == 2
    # By then there is a database, and its place is known.
    assert before.items() <= desk.settings.items()


@pytest.mark.parametrize(
    "at",
    [
        "gcloud services enable",
        "gcloud storage buckets update",
        "gcloud storage cp",
        "terraform init",
        "terraform apply",
        "gcloud secrets versions add",
        "gcloud firestore indexes",
        "terraform output",
    ],
)
def test_a_deploy_that_was_cut_off_goes_on(at: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.installed.broken = at
    stopped(desk)

    desk.installed.broken = "-"
    desk.up()

    assert desk.settings["keys_revision"] == 3
    assert "Reelay runs." in desk.person.heard


def test_a_database_that_is_there_keeps_its_place(tmp_path: Path) -> None:
    there = {"type": "FIRESTORE_NATIVE", "locationId": "nam5"}
    desk = Desk(tmp_path, database=there)

    desk.up()

    assert desk.settings["firestore_location"] == "nam5"
    assert desk.settings["existing"] == ["firestore_database"]


def test_another_region_leaves_data_where_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up()

    desk.up(Target(project=PROJECT, region="us-east4"))

    assert desk.settings["region"] == "us-east4"
    assert desk.settings["bucket_location"] == "us-central1"
    assert desk.settings["firestore_location"] == "us-central1"


def test_the_command_line_wins_over_what_was_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.up(daily_limit_usd=5)

    desk.up(daily_limit_usd=7, api_public=False)

    assert desk.settings["daily_limit_usd"] == 7
    assert desk.settings["api_public"] is False


def test_nothing_is_destroyed_that_was_never_deployed(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="Nothing is deployed from here"):
        Desk(tmp_path).down()


def a_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **cloud: object) -> None:
    """This process's programs are ours."""
    put(tmp_path / "terraform", '#!/bin/sh\necho \'{"terraform_version": "1.11.0"}\'\n')
    gcloud = FakeGcloud(tmp_path, **cloud)
    for name, value in gcloud.environment.items():
        monkeypatch.setenv(name, value)


def test_the_command_says_in_one_line_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_machine(monkeypatch, tmp_path, account="")

    code = main(["up", "--project", PROJECT, "--region", "us-central1", "--yes"])

    assert code == 1
    assert capsys.readouterr().err == (
        "Nobody is logged in to gcloud. gcloud auth login\n"
    )


# The real Terraform -------------------------------------------------------------------

# It has no cloud for its state: init gets no bucket, an override keeps it in a file.
WRAPPER = """#!/bin/sh
[ "$1" = version ] && exec "{terraform}" "$@"
[ "$1" = init ] && set -- init -input=false -no-color
PATH="{path}" TF_STANDIN_APPLY=1 "{run}" "{terraform}" "$@" || exit
[ "$1" != apply ] || gcloud applied
"""
OVERRIDE = 'terraform {\n  backend "local" {}\n}\n'


def put(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture(scope="module")
def standin() -> Path:
    """The stand-in providers, laid out once and kept."""
    place = ROOT / ".local" / "terraform-standin"
    if not STANDIN:
        pytest.skip("TERRAFORM_STANDIN names no folder: Terraform runs as a stub only")
    subprocess.run(["bash", f"{STANDIN}/setup", str(place)], check=True)
    return place


@pytest.fixture
def real_desk(standin: Path, tmp_path: Path) -> Desk:
    """Programs that really run, on a copy of what is deployed."""
    hidden = shutil.ignore_patterns("__pycache__", ".terraform*")
    for name in ("infra", "functions", "shared"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=hidden)
    for name in ("main.py", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "infra" / "backend_override.tf").write_text(OVERRIDE)
    desk = Desk(tmp_path / "infra")
    terraform, run = shutil.which("terraform"), standin / "run"
    text = WRAPPER.format(terraform=terraform, run=run, path=os.environ["PATH"])
    put(tmp_path / "infra" / "bin" / "terraform", text)
    desk.shell = Programs(desk.gcloud.environment, desk.person.say)
    return desk


@pytest.mark.timeout(600)
def test_the_real_terraform_deploys_and_destroys(real_desk: Desk) -> None:
    real_desk.up()
    deployed = real_desk.person.heard
    # Another machine has none of the working files.
    shutil.rmtree(real_desk.work)
    real_desk.down()

    assert "Reelay runs." in deployed
    # The keys come after their secrets: then the one function that reads them changes.
    assert "0 added, 1 changed, 0 destroyed" in deployed
    assert "Stays: the database" in real_desk.person.heard
    assert real_desk.person.asked.count("Apply this plan?") == 1
    assert real_desk.person.asked[-1] == "Destroy these?"

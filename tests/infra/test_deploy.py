"""What a deploy does about each thing that can go wrong, one part at a time."""

import json
from pathlib import Path

import hcl2
import pytest

from local.deploy import indexes, keys, smoke
from local.deploy.__main__ import ROOT
from local.deploy.applying import Applying
from local.deploy.choices import Question, assignment, questions
from local.deploy.down import KEPT, down
from local.deploy.plan import Plan
from local.deploy.trouble import Existing, GiveUp, TakeOver, Wait, remedy
from local.deploy.world import Command, Programs, Ran, Stopped, Terminal, World
from tests.infra.deploying import (
    TARGET,
    Scripted,
    Somebody,
    a_terraform,
    a_world,
    failed,
    shows,
)

OK = Ran(code=0)
MADE = ("google_pubsub_topic.budget", "create")
BUCKET = ("google_storage_bucket.videos", "create")
RELEASE = ("google_firebaserules_release.firestore", "create")
USERS = ("google_identity_platform_config.users[0]", "create")
NO_METRIC = 'Error: Error 404: Cannot find metric(s) that match type = "logging…".'
NO_GRANT = "Error: googleapi: Error 403: Permission 'iam.x' denied on resource"
LOCKED = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        17000\n"


def already(address: str) -> str:
    return f"Error: Error 409: already exists\n\n  with {address},\n  on x.tf line 1\n"


def plan_of(*changes: tuple[str, str], **after: object) -> Plan:
    return Plan.parse(json.loads(shows(*changes, **after).stdout))


def applying(world: World, shell: Scripted, folder: Path) -> Applying:
    return Applying(world, a_terraform(shell, folder), "my-project", world.person.say)


# A plan -------------------------------------------------------------------------------


def test_a_plan_names_what_it_deletes_and_counts_the_rest() -> None:
    plan = plan_of(MADE, BUCKET, ("a.old", "delete"), ("a.new", "delete+create"))

    assert plan.summary() == [
        "1 to delete, 2 to make, 1 to replace",
        "  to delete: a.old",
        "  to replace: a.new",
    ]


def test_a_plan_without_changes_is_empty() -> None:
    assert plan_of(("a.b", "no-op"), ("data.c.d", "read")).is_empty


def test_what_was_agreed_to_does_not_cover_another_deletion() -> None:
    agreed = plan_of(MADE, BUCKET)

    assert plan_of(MADE).is_part_of(agreed)
    assert not plan_of((MADE[0], "delete+create")).is_part_of(agreed)
    assert not plan_of(RELEASE).is_part_of(agreed)


# What an error means ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        ("Error 400: One or more users named in the policy do not belong to a "
         "permitted customer", "ARGS=--no-public"),
        ("constraints/iam.allowedPolicyMemberDomains", "--no-invoker-iam-check"),
        (LOCKED, "force-unlock 17000"),
        ("Error: Error creating Budget: googleapi: Error 403", "ARGS=--no-budget"),
        ("Cloud Build cannot run builds in this region", "REGION=us-central1"),
        ("oauth2: cannot fetch token: invalid_grant", "application-default login"),
        ("Error 429: Quota exceeded for metric", "iam-admin/quotas"),
        ("Error: something else", "run the same command again"),
    ],
    ids=["public", "domains", "locked", "budget", "region", "login", "quota", "else"],
)  # fmt: skip
def test_what_only_a_person_mends_is_told_in_one_sentence(
    stderr: str, sentence: str, tmp_path: Path
) -> None:
    found = remedy(stderr, plan_of(MADE), tmp_path, "my-project")

    assert isinstance(found, GiveUp)
    assert sentence in found.told


@pytest.mark.parametrize(
    "stderr",
    [
        NO_METRIC,
        NO_GRANT,
        "Error 403: Cloud Tasks API has not been used in project 1 before or it is "
        "disabled. Enable it",
        "Error 400: Service account service-1@gcp-sa-x does not exist.",
        "Error 409: There were concurrent policy changes.\n\n  with a.b,\n",
    ],
    ids=["metric", "grant", "api", "agent", "race"],
)
def test_what_passes_by_itself_is_waited_for(stderr: str, tmp_path: Path) -> None:
    assert isinstance(remedy(stderr, plan_of(MADE), tmp_path, "p"), Wait)


def test_what_is_there_already_is_taken_over(tmp_path: Path) -> None:
    plan = plan_of(RELEASE, name="cloud.firestore")

    found = remedy(already(RELEASE[0]), plan, tmp_path, "my-project")

    release = "projects/my-project/releases/cloud.firestore"
    assert found == TakeOver(address=RELEASE[0], import_id=release)


def test_sign_in_that_is_on_already_is_imported_by_the_configuration(
    tmp_path: Path,
) -> None:
    stderr = (
        "Error: Error creating Config: googleapi: Error 400: INVALID_PROJECT_ID : "
        "Identity Platform has already been enabled for this project.\n\n"
        f"  with {USERS[0]},\n"
    )

    found = remedy(stderr, plan_of(USERS), tmp_path, "my-project")

    assert found == Existing(name="identity_platform")


# Applying -----------------------------------------------------------------------------


def test_a_grant_that_is_not_known_yet_is_applied_once_more(tmp_path: Path) -> None:
    shell = Scripted(
        {"terraform show": [shows(MADE)], "terraform apply": [failed(NO_GRANT), OK]}
    )
    waited: list[float] = []
    world = a_world(shell, Somebody(), waited)

    applying(world, shell, tmp_path).run()

    assert (shell.count("terraform apply"), waited) == (2, [60])


def test_a_denial_that_stays_stops(tmp_path: Path) -> None:
    shell = Scripted(
        {"terraform show": [shows(MADE)], "terraform apply": [failed(NO_GRANT)]}
    )

    with pytest.raises(Stopped, match="goes on where it stopped"):
        applying(a_world(shell, Somebody()), shell, tmp_path).run()
    assert shell.count("terraform apply") == 2


def test_a_metric_is_waited_for_up_to_twelve_minutes(tmp_path: Path) -> None:
    waited: list[float] = []
    shell = Scripted(
        {"terraform show": [shows(MADE)], "terraform apply": [failed(NO_METRIC)]}
    )

    with pytest.raises(Stopped):
        applying(a_world(shell, Somebody(), waited), shell, tmp_path).run()
    assert sum(waited) == 12 * 60


def test_nothing_is_applied_that_was_not_agreed_to(tmp_path: Path) -> None:
    shell = Scripted({"terraform show": [shows(MADE)]})

    with pytest.raises(Stopped, match="Nothing was applied"):
        applying(a_world(shell, Somebody(refuses="Apply")), shell, tmp_path).run()
    assert shell.count("terraform apply") == 0


def test_what_a_second_plan_deletes_is_asked_again(tmp_path: Path) -> None:
    shell = Scripted(
        {
            "terraform show": [shows(MADE), shows((MADE[0], "delete+create"))],
            "terraform apply": [failed(NO_GRANT), OK],
        }
    )
    person = Somebody()

    applying(a_world(shell, person), shell, tmp_path).run()

    assert person.asked == ["Apply this plan?", "Apply this plan?"]


REVISED = ("google_cloudfunctions2_function.functions", "update")


@pytest.mark.parametrize(
    ("changes", "asked"),
    [([REVISED], []), ([REVISED, MADE], ["Apply this plan?"])],
    ids=["functions", "more"],
)
def test_new_revisions_alone_are_not_asked_about(
    changes: list[tuple[str, str]], asked: list[str], tmp_path: Path
) -> None:
    shell, person = Scripted({"terraform show": [shows(*changes)]}), Somebody()

    applying(a_world(shell, person), shell, tmp_path).restart()

    assert (person.asked, shell.count("terraform apply")) == (asked, 1)


def test_a_bucket_that_outlived_a_destroy_is_taken_over(tmp_path: Path) -> None:
    shell = Scripted({"terraform show": [shows(BUCKET, name="videos"), shows()]})

    applying(a_world(shell, Somebody()), shell, tmp_path).run()

    assert shell.commands[-3].startswith("terraform import")
    assert shell.commands[-3].endswith("google_storage_bucket.videos videos")


def test_what_is_as_it_should_be_is_not_applied(tmp_path: Path) -> None:
    shell = Scripted({"terraform show": [shows()]})

    applying(a_world(shell, Somebody()), shell, tmp_path).run()

    assert shell.count("terraform apply") == 0


# Keys ---------------------------------------------------------------------------------

SECRETS = Ran(code=0, stdout="runway-api-key\ngemini-api-key\n")
VERSIONS = {"gcloud secrets versions list": [Ran(code=0, stdout="3\n")]}


def keeping(kept: str) -> dict[str, list[Ran]]:
    return {
        "gcloud secrets list": [SECRETS],
        "gcloud secrets versions access": [Ran(code=0, stdout=kept)],
        **VERSIONS,
    }


def test_a_key_goes_by_stdin_and_is_never_shown() -> None:
    shell, person = Scripted(keeping("unset")), Somebody()
    world = a_world(shell, person, environ={"RUNWAY_API_KEY": "key_very_secret"})

    revision = keys.store(world, "my-project")

    assert "key_very_secret" in shell.stdin
    assert "key_very_secret" not in "".join(shell.commands) + person.heard
    assert revision == 5


def test_a_key_that_is_kept_already_is_not_stored_again() -> None:
    shell = Scripted(keeping("same"))
    environ = {"RUNWAY_API_KEY": "same", "GEMINI_API_KEY": "same"}

    keys.store(a_world(shell, Somebody(), environ=environ), "my-project")

    assert shell.count("gcloud secrets versions add") == 0


def test_a_key_that_is_nowhere_is_asked_for_and_may_be_left_out() -> None:
    shell = Scripted(keeping("unset"))
    person = Somebody(secrets={"GEMINI_API_KEY": "typed"})

    keys.store(a_world(shell, person), "my-project")

    assert [s for s in shell.stdin if s] == ["typed"]
    assert len(person.asked) == 2


def test_secrets_that_cannot_be_listed_stop() -> None:
    shell = Scripted({"gcloud secrets list": [failed("ERROR: no")]})

    with pytest.raises(Stopped, match="can't be listed: ERROR: no"):
        keys.store(a_world(shell, Somebody()), "my-project")


def test_without_secrets_there_is_no_revision() -> None:
    shell = Scripted({"gcloud secrets list": [Ran(code=0)]})

    assert keys.store(a_world(shell, Somebody()), "my-project") is None


def test_the_secrets_are_named_as_terraform_names_them() -> None:
    declared = hcl2.loads((ROOT / "infra" / "secrets.tf").read_text())

    named = {
        name.strip('"'): secret.strip('"')
        for name, secret in declared["locals"][0]["secrets"].items()
    }
    assert named == keys.SECRETS


# Indexes, the first answer, settings --------------------------------------------------


def test_indexes_are_waited_for_with_progress() -> None:
    building, ready = '[{"state": "CREATING"}]', '[{"state": "READY"}]'
    shell = Scripted(
        {
            "gcloud firestore indexes composite": [
                Ran(code=0, stdout=building),
                Ran(code=0, stdout=ready),
            ],
            "gcloud firestore indexes fields": [
                Ran(code=0, stdout='[{"ttlConfig": {"state": "ACTIVE"}}]')
            ],
        }
    )
    person, waited = Somebody(), list[float]()

    indexes.wait_until_ready(a_world(shell, person, waited), "my-project")

    assert (person.said, waited) == (["  1 of 2 are ready"], [10])


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("NEEDS_REPAIR", "needs repair"), ("CREATING", "again later")],
)
def test_an_index_that_does_not_come_stops(state: str, sentence: str) -> None:
    states = Ran(code=0, stdout=json.dumps([{"state": state}]))
    shell = Scripted(
        {
            "gcloud firestore indexes composite": [states],
            "gcloud firestore indexes fields": [Ran(code=0, stdout="[]")],
        }
    )

    with pytest.raises(Stopped, match=sentence):
        indexes.wait_until_ready(a_world(shell, Somebody()), "my-project")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(403, "--no-invoker-iam-check"), (500, "answers 500"), (0, "does not answer")],
)
def test_an_api_that_does_not_answer_as_it_should_is_told(
    status: int, sentence: str
) -> None:
    waited: list[float] = []
    world = World(
        shell=Scripted({}),
        person=Somebody(),
        wait_seconds=waited.append,
        fetch=lambda _: status,
        environ={},
    )

    with pytest.raises(Stopped, match=sentence):
        smoke.check(world, TARGET, "https://api")
    assert sum(waited) == 60


def test_the_first_video_costs_at_most_what_its_dearest_link_does() -> None:
    dearest, together = smoke.first_cost_usd({})
    runway_alone, _ = smoke.first_cost_usd({"provider_chain": ["runway"]})

    # Veo makes 6 s where 5 are asked, at 0.40; Runway 5 s at 0.05, twice; Omni at 0.10.
    assert [str(c) for c in (dearest, together, runway_alone)] == [
        "2.40",
        "3.40",
        "0.25",
    ]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("retention_days=60", ("retention_days", 60)),
        ("limits_time_zone=Asia/Seoul", ("limits_time_zone", "Asia/Seoul")),
        ('provider_chain=["runway"]', ("provider_chain", ["runway"])),
    ],
)
def test_a_variable_may_be_set(text: str, parsed: object) -> None:
    assert assignment(text) == parsed


def test_a_key_is_not_taken_as_a_setting() -> None:
    with pytest.raises(Stopped, match=r"environment or \.env"):
        assignment("RUNWAY_API_KEY=key_very_secret")


def test_an_answer_that_is_no_number_is_refused() -> None:
    question: Question = questions("me@example.com")[0]

    with pytest.raises(Stopped, match="gcp_budget_amount"):
        question.parse("much")


def test_every_question_is_a_variable_of_terraform() -> None:
    declared = hcl2.loads((ROOT / "infra" / "variables.tf").read_text())["variable"]
    names = {name.strip('"') for each in declared for name in each}

    assert {question.variable for question in questions("-")} <= names


# Destroying ---------------------------------------------------------------------------


def test_destroying_lets_go_of_data_first_and_says_how_to_delete_it(
    tmp_path: Path,
) -> None:
    state = "google_firestore_database.default\ngoogle_pubsub_topic.budget\n"
    kept = Ran(code=0, stdout='{"region": "us-central1"}')
    described = Ran(
        code=0,
        stdout=json.dumps(
            {
                "lifecycleState": "ACTIVE",
                "projectNumber": 1,
                "billingEnabled": True,
                "billingAccountName": "billingAccounts/A",
            }
        ),
    )
    version = Ran(code=0, stdout='{"terraform_version": "1.11.0"}')
    shell = Scripted(
        {
            "terraform version": [version],
            "gcloud projects describe": [described],
            "gcloud billing projects describe": [described],
            "gcloud storage cat": [kept],
            "terraform state list": [Ran(code=0, stdout=state)],
            "terraform show": [shows(("google_pubsub_topic.budget", "delete"))],
        }
    )
    person = Somebody()

    down(a_world(shell, person), a_terraform(shell, tmp_path), TARGET)

    verbs = [line.split()[1] for line in shell.commands if line.startswith("terraform")]
    assert verbs == ["version", "init", "state", "state", "plan", "show", "apply"]
    assert "state rm -lock-timeout=60s google_firestore_database.default" in (
        " ".join(shell.commands)
    )
    assert "no-delete-protection" in person.heard


def test_whatever_terraform_may_not_destroy_is_kept() -> None:
    guarded = {
        kind.strip('"')
        for file in (ROOT / "infra").glob("*.tf")
        for block in hcl2.loads(file.read_text()).get("resource", [])
        for kind, named in block.items()
        for resource in named.values()
        for lifecycle in resource.get("lifecycle", [])
        if lifecycle.get("prevent_destroy")
    }

    assert guarded and guarded <= KEPT.keys()


# Programs and people ------------------------------------------------------------------


def test_a_program_that_is_not_there_is_told_apart() -> None:
    ran = Programs({"PATH": ""}, print).run(Command(words=("no-such-program",)))

    assert ran.code == 127


def test_a_program_gets_its_input_and_is_shown_as_it_speaks() -> None:
    said: list[str] = []
    words = ("sh", "-c", "cat; echo wrong >&2; exit 3")

    shell = Programs({"PATH": "/usr/bin:/bin"}, said.append)
    ran = shell.run(Command(words=words, stdin="in\n", shown=True))

    assert ran == Ran(code=3, stdout="in\n", stderr="wrong\n")
    assert said == ["in", "wrong"]


def test_without_anybody_to_answer_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)

    with pytest.raises(Stopped, match="--yes"):
        Terminal().agrees("Go on?")

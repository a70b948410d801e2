"""What a deploy does about each thing that can go wrong, one part at a time."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import hcl2
import pytest

from ops.deploy import (
    existing,
    indexes,
    keys,
    smoke,
    trouble,
)
from ops.deploy.__main__ import ROOT
from ops.deploy.applying import Applying
from ops.deploy.checks import budget_may_be_set
from ops.deploy.choices import (
    assignment,
    budget_question,
    questions,
    refuse_what_functions_would,
)
from ops.deploy.down import (
    KEPT,
    down,
)
from ops.deploy.plan import Plan
from ops.deploy.trouble import (
    GiveUp,
    Wait,
    remedies,
)
from ops.deploy.world import (
    Command,
    Nobody,
    Programs,
    Ran,
    Stopped,
    Terminal,
    World,
)
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
NOT_ON = (
    "Error 403: Cloud Tasks API has not been used in project 1 before or it is "
    "disabled. Enable it"
)
FIREBASE = (
    "Error: Error creating Project: googleapi: Error 403: The caller does not have "
    "permission\n\n  with google_firebase_project.this[0],\n"
)
BILLING_IAM = (
    'Error: Error applying IAM policy for billing account "0-0": Error setting IAM '
    'policy for billing account "0-0": googleapi: Error 403: The caller does not have '
    "permission, forbidden"
)
LOCKED = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        17000\n"


def already(address: str) -> str:
    return f"\nError: Error 409: it already exists\n\n  with {address},\n  on x.tf\n"


def plan_of(*changes: tuple[str, str], **after: object) -> Plan:
    return Plan.parse(json.loads(shows(*changes, **after).stdout))


def applying(world: World, shell: Scripted, folder: Path) -> Applying:
    return Applying(world, a_terraform(world, folder), "my-project", world.person.say)


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
        (FIREBASE, "https://console.firebase.google.com"),
        (BILLING_IAM, "Billing Account Administrator"),
        ("Error: Error creating Budget: googleapi: Error 400: Request contains an "
         "invalid argument", "run the same command again"),
        ("Error: something else", "run the same command again"),
    ],
    ids=["public", "domains", "locked", "budget", "region", "login", "quota",
         "terms", "billing", "no-refusal", "else"],
)  # fmt: skip
def test_what_only_a_person_mends_is_told_in_one_sentence(
    stderr: str, sentence: str, tmp_path: Path
) -> None:
    [found] = remedies(stderr, plan_of(MADE), tmp_path)

    assert isinstance(found, GiveUp)
    assert sentence in found.told


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        (NO_METRIC, "a metric"),
        (NO_GRANT, "a grant"),
        (NOT_ON, "an API"),
        (f"Error: Error creating Budget: googleapi: {NOT_ON}", "an API"),
        (f"Error: Error creating Project: googleapi: {NOT_ON}", "an API"),
        ("Error 400: Service account service-1@gcp-sa-x does not exist.", "Google"),
        (f"Error 409: There were concurrent policy changes.\n\n  with {MADE[0]},\n",
         "somebody"),
        ("Error code 3, message: Build failed: Access to bucket gcf-v2-sources-1 "
         "denied. You must grant Storage Object Viewer permission to a@b", "the build"),
        ("Error 409: unable to queue the operation", "Google is still"),
    ],
    ids=["metric", "grant", "api", "budget", "firebase", "agent", "race", "source",
         "busy"],
)  # fmt: skip
def test_what_passes_by_itself_is_waited_for(
    stderr: str, why: str, tmp_path: Path
) -> None:
    [found] = remedies(stderr, plan_of(MADE), tmp_path)

    assert isinstance(found, Wait)
    assert found.why.startswith(why)


def test_a_build_that_may_not_read_its_source_is_waited_for_three_minutes() -> None:
    wait = trouble.passing("Access to bucket gcf-v2-sources-1 denied.")

    assert wait is not None
    assert (wait.tries, wait.seconds) == (3, 60)


# What is there already ----------------------------------------------------------------

FUNCTION = 'google_cloudfunctions2_function.functions["api"]'
SECRET = 'google_secret_manager_secret.keys["RUNWAY_API_KEY"]'
INDEX = 'google_firestore_index.indexes["videos_of_user"]'
PLACED = {"name": "n", "location": "l", "region": "r"}
NAMED = {"secret_id": "s", "repository_id": "i", "account_id": "a"}
MINE = '{"state": "%s", "in": "projects/p/serviceAccounts/reelay-builder@p"}'


def imported(
    address: str, tmp_path: Path, after: Mapping[str, object], *answers: tuple[str, Ran]
) -> Scripted:
    """What was run by an apply that meets `address`, which is there already."""
    shell = Scripted(
        {
            "terraform show": [shows((address, "create"), **after), shows()],
            "terraform apply": [failed(already(address))],
        }
        | {words: [ran] for words, ran in answers}
    )
    applying(a_world(shell, Somebody()), shell, tmp_path).run()
    return shell


@pytest.mark.parametrize(
    ("kind", "import_id"),
    [
        ("google_service_account",
         "projects/my-project/serviceAccounts/a@my-project.iam.gserviceaccount.com"),
        ("google_secret_manager_secret", "projects/my-project/secrets/s"),
        ("google_pubsub_topic", "projects/my-project/topics/n"),
        ("google_pubsub_subscription", "projects/my-project/subscriptions/n"),
        ("google_artifact_registry_repository",
         "projects/my-project/locations/l/repositories/i"),
        ("google_cloud_tasks_queue", "projects/my-project/locations/l/queues/n"),
        ("google_cloud_scheduler_job", "projects/my-project/locations/r/jobs/n"),
        ("google_logging_metric", "my-project n"),
        ("google_storage_bucket", "n"),
        ("google_firebase_project", "projects/my-project"),
        ("google_firebaserules_release", "projects/my-project/releases/n"),
    ],
)  # fmt: skip
def test_what_a_killed_deploy_left_is_taken_over(
    kind: str, import_id: str, tmp_path: Path
) -> None:
    nothing = ("gcloud secrets versions access", failed("none"))

    shell = imported(f"{kind}.x", tmp_path, PLACED | NAMED, nothing)

    [command] = [c for c in shell.commands if c.startswith("terraform import")]
    assert command.endswith(f" {kind}.x {import_id}")


def test_all_that_is_there_is_taken_over_after_one_apply(tmp_path: Path) -> None:
    stderr = already(MADE[0]) + already(BUCKET[0])
    made = shows(MADE, BUCKET, name="n")
    shell = Scripted(
        {
            "terraform show": [made, shows()],
            "terraform apply": [failed(stderr)],
        }
    )

    applying(a_world(shell, Somebody()), shell, tmp_path).run()

    assert shell.count("terraform import") == 2
    assert shell.count("terraform apply") == 1


def test_every_kind_that_may_be_there_already_is_known() -> None:
    declared = {
        kind.strip('"')
        for file in (ROOT / "infra").glob("*.tf")
        for block in hcl2.loads(file.read_text()).get("resource", [])
        for kind in block
    }
    known = existing.IMPORT_IDS.keys() | existing.BY_CONFIGURATION | {existing.INDEX}
    # Google names these itself, or making them twice changes nothing.
    unknown = {k for k in declared - known if not k.endswith("_iam_member")}
    assert unknown <= {
        "google_billing_budget",
        "google_cloudbuild_trigger",
        "google_firebase_web_app",
        "google_firebaserules_ruleset",
        "google_firestore_field",
        "google_monitoring_alert_policy",
        "google_monitoring_dashboard",
        "google_monitoring_notification_channel",
        "google_project_service",
        "google_project_service_identity",
        "google_secret_manager_secret_version",
        "google_storage_bucket_object",
        "random_id",
    }
    assert known <= declared


def test_what_cannot_be_taken_over_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match=r"terraform import .* 'google_x.y' ID"):
        imported("google_x.y", tmp_path, {})


@pytest.mark.parametrize(
    ("state", "does"),
    [
        ("ACTIVE", "terraform import"),
        ("FAILED", "gcloud functions delete api --gen2 --region=us-central1"),
    ],
)
def test_a_function_is_taken_over_when_whole_and_made_anew_when_not(
    state: str, does: str, tmp_path: Path
) -> None:
    there = ("gcloud functions describe", Ran(code=0, stdout=MINE % state))

    shell = imported(
        FUNCTION, tmp_path, {"name": "api", "location": "us-central1"}, there
    )

    changing = ("terraform import", "gcloud functions delete")
    [done] = [command for command in shell.commands if command.startswith(changing)]
    assert done.startswith(does)


def test_a_function_that_is_still_being_made_is_waited_for(tmp_path: Path) -> None:
    created = shows((FUNCTION, "create"), name="api", location="us-central1")
    shell = Scripted(
        {
            "terraform show": [created, created, shows()],
            "terraform apply": [failed(already(FUNCTION))],
            "gcloud functions describe": [
                Ran(code=0, stdout=MINE % "DEPLOYING"),
                Ran(code=0, stdout=MINE % "ACTIVE"),
            ],
        }
    )
    waited: list[float] = []

    applying(a_world(shell, Somebody(), waited), shell, tmp_path).run()

    assert (waited, shell.count("terraform import")) == ([30], 1)


def test_a_function_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = ("gcloud functions describe", Ran(code=0, stdout='{"state": "FAILED"}'))

    with pytest.raises(Stopped, match="a function api that isn't Reelay's"):
        imported(FUNCTION, tmp_path, {"name": "api", "location": "l"}, theirs)


def test_a_key_of_somebody_else_is_not_hidden(tmp_path: Path) -> None:
    theirs = ("gcloud secrets versions access", Ran(code=0, stdout="their key"))

    with pytest.raises(Stopped, match="a secret runway-api-key with a key") as told:
        imported(SECRET, tmp_path, {"secret_id": "runway-api-key"}, theirs)
    assert "their key" not in str(told.value)


def test_an_index_is_found_by_its_fields(tmp_path: Path) -> None:
    place = "projects/my-project/databases/(default)/collectionGroups/videos/indexes"
    field = {"fieldPath": "user_id", "order": "ASCENDING"}
    other = {"name": f"{place}/1", "fields": [field | {"order": "DESCENDING"}]}
    listed = json.dumps([other, {"name": f"{place}/2", "fields": [field]}])
    planned = [{"field_path": "user_id", "order": "ASCENDING"}]

    shell = imported(
        INDEX,
        tmp_path,
        {"collection": "videos", "fields": planned},
        ("gcloud firestore indexes composite list", Ran(code=0, stdout=listed)),
    )

    [command] = [c for c in shell.commands if c.startswith("terraform import")]
    assert command.endswith(f"{place}/2")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (USERS[0], "identity_platform"),
        ("google_firestore_database.default", "firestore_database"),
    ],
)
def test_what_infra_imports_itself_is_only_noted(
    address: str, name: str, tmp_path: Path
) -> None:
    stderr = f"Error: Identity Platform has already been enabled\n\n  with {address},\n"
    shell = Scripted(
        {
            "terraform show": [shows((address, "create")), shows()],
            "terraform apply": [failed(stderr)],
        }
    )
    world, noted = a_world(shell, Somebody()), list[str]()

    Applying(world, a_terraform(world, tmp_path), "my-project", noted.append).run()

    assert (noted, shell.count("terraform import")) == ([name], 0)


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


@pytest.mark.parametrize("words", ["terraform plan", "terraform show"])
def test_a_plan_right_after_an_api_was_enabled_is_waited_for(
    words: str, tmp_path: Path
) -> None:
    answers = {"terraform show": [shows()]} | {words: [failed(NOT_ON), shows()]}
    shell = Scripted(answers)
    person, waited = Somebody(), list[float]()

    applying(a_world(shell, person, waited), shell, tmp_path).run()

    assert waited == [60]
    assert "an API that was just enabled" in person.heard


def test_an_import_waits_for_a_grant_too(tmp_path: Path) -> None:
    shell = Scripted({"terraform import": [failed(NO_GRANT), OK]})
    waited: list[float] = []
    world = a_world(shell, Somebody(), waited)

    a_terraform(world, tmp_path).take_over("a.b", "id")

    assert waited == [60]


def test_a_plan_that_is_wrong_is_not_waited_for(tmp_path: Path) -> None:
    shell = Scripted({"terraform plan": [failed("Error: Invalid value for variable")]})
    waited: list[float] = []
    world = a_world(shell, Somebody(), waited)

    with pytest.raises(Stopped, match="Invalid value"):
        a_terraform(world, tmp_path).plan()
    assert not waited


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


@pytest.mark.parametrize(
    ("attempts", "looks"),
    [
        (["", "10:00", "10:00"], 3),
        (["10:00 7", "10:01 7", "10:02", "10:02"], 4),
        (["10:00", "10:01", "10:01"], 3),
    ],
    ids=["none yet", "refused at first", "the one before"],
)
def test_the_sweep_is_reached_once_one_good_attempt_is_seen_twice(
    attempts: list[str], looks: int
) -> None:
    jobs = [
        {"lastAttemptTime": began, "status": {"code": int(code)} if code else {}}
        for began, _, code in (attempt.partition(" ") for attempt in attempts)
    ]
    answers = [Ran(code=0, stdout=json.dumps(job)) for job in jobs]
    shell = Scripted({"gcloud scheduler jobs describe": answers})
    waited: list[float] = []

    smoke.check_sweep(a_world(shell, Somebody(), waited), TARGET)

    assert len(waited) == looks
    assert shell.commands[0] == (
        "gcloud scheduler jobs run reelay-sweep --location=us-central1 "
        "--project=my-project"
    )


def test_a_sweep_that_is_not_reached_within_two_minutes_is_told() -> None:
    job = {"lastAttemptTime": "10:00", "status": {"code": 7}}
    there = Ran(code=0, stdout=json.dumps(job))
    shell = Scripted({"gcloud scheduler jobs describe": [there]})
    waited: list[float] = []

    with pytest.raises(Stopped, match="A grant takes minutes"):
        smoke.check_sweep(a_world(shell, Somebody(), waited), TARGET)
    assert sum(waited) == 120


# Takes each answer from its file in turn, and keeps what it was asked.
CURL = """#!/bin/sh
echo "$*" >> asked
n=$(wc -l < asked)
cat "answer$n"
"""


def pasted(tmp_path: Path, *answers: Mapping[str, object]) -> str:
    """What the printed lines say, pasted where curl gives these answers."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    programs = {
        ".venv/bin/python": "#!/bin/sh\necho rk_key\n",
        "curl": CURL,
        "sleep": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for number, answer in enumerate(answers, start=1):
        (tmp_path / f"answer{number}").write_text(json.dumps(answer))
    lines = smoke.first_video(TARGET, {"api_url": "https://api"})
    path = {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin"}
    shell = ["sh", "-c", lines]
    return subprocess.run(
        shell, cwd=tmp_path, env=path, capture_output=True, text=True, check=True
    ).stdout


def test_the_lines_to_paste_make_wait_and_show(tmp_path: Path) -> None:
    processing = {"job_id": "j1", "status": "processing", "video_url": None}
    completed = processing | {"status": "completed", "video_url": "https://v"}

    said = pasted(tmp_path, processing, processing, completed)

    asked = (tmp_path / "asked").read_text().splitlines()
    assert said.splitlines()[-1].endswith("https://v")
    assert len(asked) == 3
    assert "https://api/v1/videos/j1 -H Authorization: Bearer rk_key" in asked[2]


def test_the_lines_to_paste_end_where_the_api_refuses(tmp_path: Path) -> None:
    said = pasted(tmp_path, {"status": 401, "code": "unauthenticated"})

    assert "unauthenticated" in said


def test_the_first_video_costs_at_most_what_its_most_expensive_provider_does() -> None:
    most_expensive, together = smoke.first_cost_usd({})
    runway_alone, _ = smoke.first_cost_usd({"provider_chain": ["runway"]})

    # Veo makes 6 s where 5 are asked, at 0.40; Runway 5 s at 0.05, twice; Omni at 0.10.
    assert [str(c) for c in (most_expensive, together, runway_alone)] == [
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


@pytest.mark.parametrize(
    ("currency", "offered"),
    [("USD", "50"), ("EUR", "50"), ("KRW", "70000"), ("JPY", "7500"), ("IDR", ""),
     ("", "")],
)  # fmt: skip
def test_a_budget_is_offered_only_in_a_currency_whose_worth_is_known(
    currency: str, offered: str
) -> None:
    question = budget_question(currency)

    assert question.default == offered
    assert currency in question.words


def test_unattended_a_budget_in_an_unknown_currency_has_to_be_given() -> None:
    question = budget_question("IDR")

    with pytest.raises(Stopped, match="--set gcp_budget_amount="):
        question.parse(Nobody().chooses(question.words, question.default))


LISTING = "gcloud billing budgets list"
BUDGETS_NOT_ON = (
    "ERROR: (gcloud.billing.budgets.list) PERMISSION_DENIED: Cloud Billing Budget API "
    "has not been used in project 1 before or it is disabled."
)
NOT_MINE = "ERROR: (gcloud) PERMISSION_DENIED: The caller does not have permission"


@pytest.mark.parametrize(
    ("answers", "may", "waits"),
    [
        ([failed(BUDGETS_NOT_ON), OK], True, 1),
        ([failed(BUDGETS_NOT_ON), failed(NOT_MINE)], False, 1),
        ([failed(NOT_MINE)], False, 0),
    ],
    ids=["just enabled", "just enabled, not mine", "not mine"],
)
def test_whether_a_budget_may_be_set_is_asked_until_it_is_told(
    answers: list[Ran], may: bool, waits: int
) -> None:
    waited: list[float] = []
    world = a_world(Scripted({LISTING: answers}), Somebody(), waited)

    assert budget_may_be_set(world, "0-0", "my-project") is may
    assert len(waited) == waits


@pytest.mark.parametrize("stderr", [BUDGETS_NOT_ON, "ERROR: no network"])
def test_an_answer_about_the_budget_that_is_no_answer_stops(stderr: str) -> None:
    world = a_world(Scripted({LISTING: [failed(stderr)]}), Somebody())

    with pytest.raises(Stopped, match="can't be seen"):
        budget_may_be_set(world, "0-0", "my-project")


def test_variables_reach_the_functions_under_their_own_names() -> None:
    declared = hcl2.loads((ROOT / "infra" / "functions.tf").read_text())["locals"]
    settings = next(each["settings"] for each in declared if "settings" in each)
    plain = {
        name: value.removeprefix("${var.").removesuffix("}")
        for name, value in settings.items()
        if value.startswith("${var.")
    }

    renamed = {name for name, variable in plain.items() if name != variable.upper()}
    assert renamed == {"GOOGLE_CLOUD_PROJECT", "TASKS_LOCATION"}


def test_a_setting_that_is_null_is_left_to_the_code() -> None:
    refuse_what_functions_would({"project_id": "p", "daily_limit_usd": None})


def test_every_question_is_a_variable_of_terraform() -> None:
    declared = hcl2.loads((ROOT / "infra" / "variables.tf").read_text())["variable"]
    names = {name.strip('"') for each in declared for name in each}
    asked = (budget_question("USD"), *questions("-"))

    assert {question.variable for question in asked} <= names


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

    world = a_world(shell, person)

    down(world, a_terraform(world, tmp_path), TARGET)

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

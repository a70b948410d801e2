"""Parts of a deploy by themselves: the plan, keys, the first answer, settings."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from ops.deploy import keys, quota, smoke
from ops.deploy.__main__ import main
from ops.deploy.checks import PATTERNS, Target, budget_may_be_set
from ops.deploy.choices import (
    VARIABLE,
    VARIABLES,
    assignment,
    budget_question,
    questions,
    refuse_what_functions_would,
)
from ops.deploy.place import suggestion
from ops.deploy.plan import Plan
from ops.deploy.world import (
    Answer,
    Command,
    Programs,
    Ran,
    Stopped,
    Terminal,
    Unattended,
    World,
)
from tests.infra.terraform_files import variables
from tests.ops.deploying import (
    OK,
    TARGET,
    FakePerson,
    ScriptedShell,
    a_world,
    failed,
    shown,
)


def test_a_plan_names_what_it_deletes_and_counts_the_rest() -> None:
    changes = {"a.1": "create", "a.2": "create", "a.old": "delete"}
    plan = Plan.parse(shown(changes | {"a.new": "delete+create", "a.same": "no-op"}))

    assert plan.summary() == [
        "1 to delete, 2 to make, 1 to replace",
        "  to delete: a.old",
        "  to replace: a.new",
    ]
    assert Plan.parse(shown({"a.b": "no-op", "data.c.d": "read"})).is_empty


# Keys ---------------------------------------------------------------------------------


def test_without_secrets_there_is_no_revision_and_without_a_list_no_guess() -> None:
    lists = {"gcloud secrets list": [OK, failed("ERROR: no")]}
    world = a_world(ScriptedShell(lists), FakePerson())

    assert keys.store(world, "my-project") is None
    with pytest.raises(Stopped, match="can't be listed: ERROR: no"):
        keys.store(world, "my-project")


# The first answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(403, "--no-invoker-iam-check"), (500, "answers 500"), (0, "does not answer")],
)
def test_an_api_that_does_not_answer_as_it_should_is_reported(
    status: int, sentence: str
) -> None:
    waited: list[float] = []
    world = World(
        shell=ScriptedShell({}),
        person=FakePerson(),
        wait_seconds=waited.append,
        send=lambda _: Answer(status=status),
        environ={},
    )

    with pytest.raises(Stopped, match=sentence):
        smoke.check(world, TARGET, "https://api")
    assert sum(waited) == 60


@pytest.mark.parametrize(("path", "is_told"), [("/api/", False), ("/", True)])
def test_an_api_that_is_wrong_about_its_address_is_pointed_out(
    path: str, *, is_told: bool
) -> None:
    person = FakePerson()
    answers = {
        "/health": Answer(status=200),
        "/v1/models": Answer(status=401),
        smoke.OPENAPI: Answer(
            status=200, body=json.dumps({"servers": [{"url": path}]}).encode()
        ),
    }
    world = World(
        shell=ScriptedShell({}),
        person=person,
        wait_seconds=lambda _: None,
        send=lambda asked: answers[asked.url.removeprefix("https://host/api")],
        environ={},
    )

    smoke.check(world, TARGET, "https://host/api")

    assert ("believes that it is at https://host/," in person.heard) is is_told


def attempts(*began: str) -> dict[str, list[Ran]]:
    """Answers of Cloud Scheduler: when its last attempt began, and its code."""
    jobs = [
        {"lastAttemptTime": at, "status": {"code": int(code)} if code else {}}
        for at, _, code in (each.partition(" ") for each in began)
    ]
    answers = [Ran(code=0, stdout=json.dumps(job)) for job in jobs]
    return {"gcloud scheduler jobs describe": answers}


@pytest.mark.parametrize(
    ("began", "looks", "is_reached"),
    [
        (["", "10:00", "10:00"], 3, True),
        (["10:00 7", "10:01 7", "10:02", "10:02"], 4, True),
        (["10:00", "10:01", "10:01"], 3, True),
        (["10:00 7"], 6, False),
    ],
    ids=["none yet", "refused at first", "the one before", "never"],
)
def test_the_sweep_is_reached_once_one_good_attempt_is_seen_twice(
    began: list[str], looks: int, *, is_reached: bool
) -> None:
    shell, waited = ScriptedShell(attempts(*began)), list[float]()
    expected: AbstractContextManager[object] = nullcontext()
    if not is_reached:
        expected = pytest.raises(Stopped, match="A grant takes minutes")

    with expected:
        smoke.check_sweep(a_world(shell, FakePerson(), waited), TARGET)

    assert waited == [20] * looks
    assert shell.commands[0] == (
        "gcloud scheduler jobs run reelay-sweep --location=us-central1 "
        "--project=my-project"
    )


# Takes each answer from its file in turn, and keeps what it was asked.
CURL = """#!/bin/sh
echo "$*" >> asked
n=$(wc -l < asked)
cat "answer$n"
"""


def pasted(place: Path, *answers: Mapping[str, object]) -> str:
    """What the printed lines print, pasted where curl gives these answers."""
    (place / ".venv" / "bin").mkdir(parents=True)
    programs = {
        ".venv/bin/python": "#!/bin/sh\necho rk_key\n",
        "curl": CURL,
        "sleep": "#!/bin/sh\n",
    }
    for name, text in programs.items():
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    for number, answer in enumerate(answers, start=1):
        (place / f"answer{number}").write_text(json.dumps(answer))
    lines = smoke.first_video(TARGET, {"api_url": "https://api"})
    path = {"PATH": f"{place}:{Path(sys.executable).parent}:/usr/bin:/bin"}
    shell = ["sh", "-c", lines]
    return subprocess.run(
        shell, cwd=place, env=path, capture_output=True, text=True, check=True
    ).stdout


def test_the_lines_to_paste_make_a_video_and_end_with_its_url_or_the_refusal(
    tmp_path: Path,
) -> None:
    processing = {"job_id": "j1", "status": "processing", "video_url": None}
    completed = processing | {"status": "completed", "video_url": "https://v"}

    printed = pasted(tmp_path / "made", processing, processing, completed)
    refused = pasted(tmp_path / "refused", {"status": 401, "code": "unauthenticated"})

    assert "unauthenticated" in refused
    asked = (tmp_path / "made" / "asked").read_text().splitlines()
    assert printed.splitlines()[-1].endswith("https://v")
    assert len(asked) == 3
    assert "https://api/v1/videos/j1 -H Authorization: Bearer rk_key" in asked[2]


def test_the_first_video_costs_at_most_what_its_most_expensive_provider_does() -> None:
    most_expensive, together = smoke.first_cost_usd({})
    runway_alone, _ = smoke.first_cost_usd({"provider_chain": ["runway"]})

    # Veo makes 6 s where 5 are asked, at 0.40; Runway 5 s at 0.05, twice; Omni at 0.10.
    assert [str(c) for c in (most_expensive, together, runway_alone)] == [
        "2.40",
        "3.40",
        "0.25",
    ]


# The place ----------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["up", "plan", "destroy"])
def test_what_is_no_project_is_said_before_anything_is_looked_at(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Programs, "run", pytest.fail)

    assert main([verb, "--project", "My_Project"]) == 1

    assert capsys.readouterr().err.startswith("PROJECT: 'My_Project' is not ")


def test_all_that_is_wrong_with_the_place_is_said_at_once() -> None:
    with pytest.raises(Stopped) as reason:
        Target(project="my-project-", region="seoul")

    assert [line.partition(":")[0] for line in str(reason.value).splitlines()] == [
        "PROJECT",
        "REGION",
    ]
    assert Target(project="my-project", region="")  # not known yet


def test_projects_and_regions_are_those_that_terraform_takes() -> None:
    text = VARIABLES.read_text()

    assert f'regex("^{PATTERNS["PROJECT"]}$", var.project_id)' in text
    assert f'regex("^{PATTERNS["REGION"]}$", var.region)' in text


# Settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("retention_days=60", ("retention_days", 60)),
        ("limits_time_zone=Asia/Seoul", ("limits_time_zone", "Asia/Seoul")),
        ('provider_chain=["runway"]', ("provider_chain", ["runway"])),
        ("provider_chain=runway,x", ("provider_chain", ["runway", "x"])),
        ("alert_emails=[me@example.com]", ("alert_emails", ["me@example.com"])),
        ("veo_model=3", ("veo_model", "3")),
        ("daily_limit_usd=null", ("daily_limit_usd", None)),
        ("enable_web=false", ("enable_web", False)),
    ],
)
def test_a_variable_may_be_set(text: str, parsed: object) -> None:
    assert assignment(text) == parsed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("RUNWAY_API_KEY=key_very_secret", r"environment or \.env"),
        ("runway_api_key=key_very_secret", r"environment or \.env"),
        ("RUNWAY_KEY=key_very_secret", "--set RUNWAY_KEY: there is no such setting"),
        ("enable_webb=false", r"there is no such setting \(enable_web\?\)"),
        ("enable_web", "write enable_web=value"),
        ("retention_days=long", "retention_days is a number, written as 5"),
        ("retention_days=true", "retention_days is a number"),
        ("enable_web=no", "enable_web is a bool, written as true"),
    ],
    ids=["a key", "in lower case", "not quite a key", "misspelt", "no value",
         "no number", "a bool", "no bool"],
)  # fmt: skip
def test_what_is_no_setting_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Stopped, match=sentence):
        assignment(text)


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
        question.parse(Unattended().chooses(question.words, question.default))


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
        ([failed(BUDGETS_NOT_ON)], None, 1),
        ([failed("ERROR: no network")], None, 0),
    ],
    ids=["just enabled", "just enabled, not mine", "not mine", "not enabled", "no net"],
)
def test_whether_a_budget_may_be_set_is_never_guessed(
    answers: list[Ran], *, may: bool | None, waits: int
) -> None:
    waited: list[float] = []
    world = a_world(ScriptedShell({LISTING: answers}), FakePerson(), waited)

    if may is None:
        with pytest.raises(Stopped, match="is unknown"):
            budget_may_be_set(world, "0-0", "my-project")
    else:
        assert budget_may_be_set(world, "0-0", "my-project") is may
    assert len(waited) == waits


def test_a_setting_that_is_null_is_left_to_the_code() -> None:
    refuse_what_functions_would({"project_id": "p", "daily_limit_usd": None})


def test_every_question_is_a_variable_of_terraform() -> None:
    asked = (budget_question("USD"), *questions("-"))
    names = {name for name, _ in VARIABLE.findall(VARIABLES.read_text())}

    assert {question.variable for question in asked} <= names


# Programs and people ------------------------------------------------------------------


def test_a_program_that_is_not_installed_has_a_code_of_its_own() -> None:
    ran = Programs({"PATH": ""}).run(Command(words=("no-such-program",)))

    assert ran.code == 127


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "kept"])
def test_a_program_gets_its_input_and_its_output_is_shown_or_kept(
    *, is_shown: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("sh", "-c", "cat; echo wrong >&2; exit 3")

    ran = Programs({"PATH": "/usr/bin:/bin"}).run(
        Command(words=words, stdin="in\n", shown=is_shown)
    )

    output = "in\n"
    assert ran == Ran(code=3, stdout="" if is_shown else output, stderr="wrong\n")
    assert capfd.readouterr() == ((output, "wrong\n") if is_shown else ("", ""))


def test_without_a_terminal_to_answer_from_it_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)

    with pytest.raises(Stopped, match="--yes"):
        Terminal().agrees("Go on?")


# The quota ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "gib", "instances"),
    [(20, 40, None), (200, 400, None), (12, 40, (2, 2)), (20, 18, (2, 2)),
     (16, 40, (3, 3)), (10, 14, (1, 2))],
)  # fmt: skip
def test_instances_are_lowered_until_both_revisions_fit_the_quota(
    cpus: int, gib: int, instances: tuple[int, int] | None
) -> None:
    fewer = quota.fitting(TARGET, {"region_cpus": cpus, "region_memory_gib": gib})

    api, worker = (
        (fewer["api_instances"], fewer["worker_instances"]) if fewer else (4, 4)
    )
    assert instances == ((api, worker) if fewer else None)
    assert 2 * (api + worker + 2) <= cpus
    assert 2 * (2 * (api + worker) + 1) <= gib


def test_a_quota_that_is_too_small_says_where_to_ask_for_more() -> None:
    with pytest.raises(Stopped, match="iam-admin/quotas"):
        quota.fitting(TARGET, {"region_cpus": 9})


def test_the_default_instances_are_those_of_terraform() -> None:
    defaults = {
        variables()[f"{name}_instances"]["default"] for name in ("api", "worker")
    }

    assert defaults == {quota.DEFAULT_INSTANCES}


@pytest.mark.parametrize(
    ("environ", "region"),
    [({"LANG": "ko_KR.UTF-8"}, "asia-northeast3"), ({"LANG": "en_US"}, "us-central1"),
     ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "us-central1"), ({}, "us-central1")],
)  # fmt: skip
def test_seoul_is_suggested_to_whoever_reads_korean(
    environ: Mapping[str, str], region: str
) -> None:
    assert suggestion(environ) == region

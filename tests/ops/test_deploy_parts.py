"""Parts of a deploy by themselves: plan, keys, health check, settings, quota."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug import Request, Response

from local.http_server import HttpServer, routed
from ops.deploy import __main__ as command
from ops.deploy import keys, quota, smoke
from ops.deploy.__main__ import main
from ops.deploy.bootstrap import bucket_owner, create_state_bucket
from ops.deploy.checks import PATTERNS, Target, may_manage_budgets
from ops.deploy.context import (
    Command,
    CommandResult,
    Context,
    DeployError,
    HttpRequest,
    HttpResponse,
    Programs,
    Terminal,
    Unattended,
    real_context,
    send_request,
)
from ops.deploy.plan import Plan
from ops.deploy.questions import budget_question, questions
from ops.deploy.region import suggestion
from ops.deploy.terraform import Terraform
from ops.deploy.up import SAFE_TO_REPEAT
from ops.deploy.variables import (
    VARIABLE,
    VARIABLES_FILE,
    function_settings,
    parse_assignment,
)
from tests.infra.terraform_files import INFRA, variables
from tests.ops.deploying import (
    OK,
    TARGET,
    FakeConsole,
    ScriptedShell,
    a_context,
    failed,
    shown,
)
from tests.programs import put_programs


def test_a_plan_lists_deletions_and_counts_other_changes() -> None:
    changes = {"a.1": "create", "a.2": "create", "a.old": "delete"}
    plan = Plan.parse(shown(changes | {"a.new": "delete+create", "a.same": "no-op"}))

    assert plan.summary() == [
        "1 to delete, 2 to make, 1 to replace",
        "  to delete: a.old",
        "  to replace: a.new",
    ]
    assert Plan.parse(shown({"a.b": "no-op", "data.c.d": "read"})).is_empty


def test_a_plan_that_only_imports_or_changes_outputs_is_applied() -> None:
    imports = {"address": "a.b", "change": {"actions": ["no-op"], "importing": {}}}
    plan = Plan.parse({"resource_changes": [imports]})
    assert not plan.is_empty and plan.summary() == ["1 existing, to import"]

    for actions, is_empty in ((["update"], False), (["no-op"], True)):
        output = {"output_changes": {"api_url": {"actions": actions}}}
        assert Plan.parse(output).is_empty is is_empty


# Keys ---------------------------------------------------------------------------------


def test_without_secrets_there_is_no_revision_and_without_their_list_an_error() -> None:
    lists = {"gcloud secrets list": [OK, failed("ERROR: no")]}
    context = a_context(ScriptedShell(lists), FakeConsole())

    assert keys.store(context, "my-project") is None
    with pytest.raises(DeployError, match="can't be listed: ERROR: no"):
        keys.store(context, "my-project")


# The first answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "takes minutes.*--no-invoker-iam-check"),
        (500, "answers 500"),
        (0, "does not answer"),
    ],
)
def test_an_unhealthy_api_is_reported(status: int, sentence: str) -> None:
    waited: list[float] = []
    context = a_context(ScriptedShell({}), FakeConsole(), waited)
    context = replace(context, send=lambda _: HttpResponse(status=status))

    with pytest.raises(DeployError, match=sentence):
        smoke.check(context, TARGET, "https://api")
    assert sum(waited) == 60


@pytest.mark.parametrize(("path", "is_reported"), [("/api/", False), ("/", True)])
def test_an_api_with_a_wrong_base_path_is_reported(
    path: str, *, is_reported: bool
) -> None:
    console = FakeConsole()
    answers = {
        "/health": HttpResponse(status=200),
        "/v1/models": HttpResponse(status=401),
        smoke.OPENAPI: HttpResponse(
            status=200, body=json.dumps({"servers": [{"url": path}]}).encode()
        ),
    }
    context = replace(
        a_context(ScriptedShell({}), console),
        send=lambda request: answers[request.url.removeprefix("https://host/api")],
    )

    smoke.check(context, TARGET, "https://host/api")

    assert ("believes that it is at https://host/," in console.output) is is_reported


def attempts(*began: str) -> dict[str, list[CommandResult]]:
    """Cloud Scheduler's answers: the time of the job's last attempt, and its code."""
    jobs = [
        {"lastAttemptTime": at, "status": {"code": int(code)} if code else {}}
        for at, _, code in (each.partition(" ") for each in began)
    ]
    answers = [CommandResult(code=0, stdout=json.dumps(job)) for job in jobs]
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
def test_the_sweep_is_reachable_once_a_successful_attempt_is_seen_twice(
    began: list[str], looks: int, *, is_reached: bool
) -> None:
    shell, waited = ScriptedShell(attempts(*began)), list[float]()
    expected: AbstractContextManager[object] = nullcontext()
    if not is_reached:
        expected = pytest.raises(DeployError, match="A grant takes minutes")

    with expected:
        smoke.check_sweep(a_context(shell, FakeConsole(), waited), TARGET)

    assert waited == [20] * looks
    assert shell.commands[0] == (
        "gcloud scheduler jobs run reelay-sweep --location=us-central1 "
        "--project=my-project"
    )


def test_the_worker_is_checked_by_the_script_that_cloud_build_runs() -> None:
    shell, console = (
        ScriptedShell({"sh": [CommandResult(code=0, stdout="fine")]}),
        FakeConsole(),
    )

    smoke.check_worker(a_context(shell, console), TARGET)

    (command,) = shell.ran
    assert command.argv[:2] == ("sh", "-eu")
    assert Path(command.argv[2]) == INFRA / "deploy" / "worker.sh"
    assert command.environment == {"REGION": "us-central1", "PROJECT": "my-project"}
    assert console.lines == ["  fine"]


# Prints the answers of its files in turn, and records its arguments.
CURL = 'echo "$*" >> asked; cat "answer$(wc -l < asked)"'


def pasted(place: Path, *answers: Mapping[str, object]) -> str:
    """The output of the lines to paste, where curl gives these answers."""
    (place / ".venv" / "bin").mkdir(parents=True)
    programs = {".venv/bin/python": "echo rk_key", "curl": CURL, "sleep": ""}
    put_programs(place, programs)
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


def test_the_first_videos_price_is_at_most_its_most_expensive_providers() -> None:
    chosen = {"project_id": "p"}
    most_expensive, together = smoke.first_cost_usd(chosen)
    runway_alone, _ = smoke.first_cost_usd(chosen | {"provider_chain": ["runway"]})

    # For 5 s, Veo makes 6 s at 0.40, Runway twice 5 s at 0.05, and Omni 5 s at 0.10.
    costs = [str(cost) for cost in (most_expensive, together, runway_alone)]
    assert costs == ["2.40", "3.40", "0.25"]


# The region ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("up --project My_Project", "PROJECT: 'My_Project' is not "),
        ("plan --project My_Project", "PROJECT: 'My_Project' is not "),
        ("destroy --project My_Project", "PROJECT: 'My_Project' is not "),
        ("up --project my-project --set retention_days=long", "--set retention_days"),
        ("up --project my-project --set veo_model=veo-9", "VEO_MODEL"),
    ],
)
def test_impossible_arguments_are_refused_before_anything_else(
    line: str,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Programs, "run", pytest.fail)

    assert main(line.split()) == 1

    refused = capsys.readouterr().err
    assert refused.startswith(sentence)
    assert SAFE_TO_REPEAT not in refused


def test_all_errors_in_the_target_are_reported_at_once() -> None:
    with pytest.raises(DeployError) as reason:
        Target(project="my-project-", region="seoul")

    assert [line.partition(":")[0] for line in str(reason.value).splitlines()] == [
        "PROJECT",
        "REGION",
    ]
    assert Target(project="my-project", region="")  # not known yet


def test_project_and_region_are_validated_as_in_terraform() -> None:
    text = VARIABLES_FILE.read_text()

    assert f'regex("^{PATTERNS["PROJECT"]}$", var.project_id)' in text
    assert f'regex("^{PATTERNS["REGION"]}$", var.region)' in text


def test_the_options_of_the_command_become_settings() -> None:
    line = (
        "up --project my-project --email a@example.com --email b@example.com "
        "--origin https://app.example.com --no-public --no-budget "
        "--set retention_days=7"
    )

    assert command.settings(command._parser().parse_args(line.split())) == {
        "alert_emails": ["a@example.com", "b@example.com"],
        "allowed_origins": ["https://app.example.com"],
        "api_public": False,
        "enable_budget": False,
        "retention_days": 7,
    }


def test_each_project_has_its_own_working_files_and_ctrl_c_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With another project's plan or plug-ins, another project would be changed."""

    def interrupted(_: Context, terraform: Terraform, __: object) -> None:
        assert terraform.work.parts[-2:] == ("deploy", "my-project")
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "up", interrupted)

    assert main(["up", "--project", "my-project"]) == 130
    assert "Run the same command to continue" in capsys.readouterr().err


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
def test_a_variable_can_be_set(text: str, parsed: object) -> None:
    assert parse_assignment(text) == parsed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("RUNWAY_API_KEY=key_very_secret", r"environment or \.env"),
        ("runway_api_key=key_very_secret", r"environment or \.env"),
        ("RUNWAY_KEY=key_very_secret", "--set RUNWAY_KEY: there is no such setting"),
        ("enable_webb=false", r"there is no such setting \(enable_web\?\)"),
        ("enable_web", "write enable_web=value"),
        ("retention_days=long", "retention_days is a number, written as 5"),
        ("gcp_budget_amount=NaN", "gcp_budget_amount is a number, written as 5"),
        ("spend_cap_amount=1e999", "spend_cap_amount is a number, written as 5"),
        ("retention_days=false", "retention_days is a number"),
        ("enable_web=no", "enable_web is a bool, written as true"),
    ],
    ids=["a key", "in lower case", "not quite a key", "misspelt", "no value",
         "no number", "not a number", "infinite", "a bool", "no bool"],
)  # fmt: skip
def test_an_invalid_setting_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(DeployError, match=sentence):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("currency", "offered"), [("USD", "50"), ("KRW", "70000"), ("IDR", ""), ("", "")]
)
def test_a_budget_is_suggested_only_in_a_known_currency(
    currency: str, offered: str
) -> None:
    question = budget_question(currency)

    assert question.default == offered
    assert currency in question.text


def test_an_unattended_deploy_needs_a_budget_in_an_unknown_currency() -> None:
    question = budget_question("IDR")

    with pytest.raises(DeployError, match="--set gcp_budget_amount="):
        question.parse(Unattended().prompt(question.text, question.default))


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
def test_permission_to_set_a_budget_is_never_guessed(
    answers: list[CommandResult], *, may: bool | None, waits: int
) -> None:
    waited: list[float] = []
    context = a_context(ScriptedShell({LISTING: answers}), FakeConsole(), waited)

    if may is None:
        with pytest.raises(DeployError, match="is unknown"):
            may_manage_budgets(context, "0-0", "my-project")
    else:
        assert may_manage_budgets(context, "0-0", "my-project") is may
    assert len(waited) == waits


UNUSABLE = (
    "ERROR: (gcloud.secrets.versions.access) FAILED_PRECONDITION: Secret Version "
    "[projects/1/secrets/runway-api-key/versions/2] is in {state} state."
)


@pytest.mark.parametrize(
    ("key", "state"), [("", "DISABLED"), ("key_new", "DISABLED"), ("", "DESTROYED")]
)
def test_a_secret_with_an_unusable_newest_version_needs_another_one(
    key: str, state: str
) -> None:
    """Else no new worker instance starts, as functions read the newest version."""
    shell = ScriptedShell(
        {
            "gcloud secrets list": [CommandResult(code=0, stdout="runway-api-key\n")],
            "gcloud secrets versions access": [failed(UNUSABLE.format(state=state))],
            "gcloud secrets versions list": [CommandResult(code=0, stdout="3\n")],
        }
    )
    environ = {"RUNWAY_API_KEY": key}
    context = a_context(shell, FakeConsole(), environ=environ)

    if key:
        assert keys.store(context, "my-project") == 3
        assert "gcloud secrets versions add runway-api-key" in " ".join(shell.commands)
    else:
        with pytest.raises(DeployError, match="runway-api-key is disabled"):
            keys.store(context, "my-project")


@pytest.mark.parametrize(
    ("answer", "owner"),
    [
        (CommandResult(code=0, stdout="123\n"), "123"),
        (failed("ERROR: gs://b not found: 404."), ""),
        (failed("ERROR: HTTPError 404: The specified bucket does not exist."), ""),
        (failed("ERROR: [me] does not have permission to access b instance [b] (or it "
                "may not exist): Permission 'storage.buckets.get' denied"), ""),
        (failed("ERROR: Cloud Storage API has not been used in project 1 before or it "
                "is disabled."), ""),
        (failed("ERROR: gcloud crashed (ConnectionError): no network"), None),
    ],
    ids=["ours", "none", "in other words", "not visible", "api off", "no net"],
)  # fmt: skip
def test_the_existence_of_the_state_bucket_is_never_guessed(
    answer: CommandResult, owner: str | None
) -> None:
    """Else every question would be asked, and saved, again."""
    shell = ScriptedShell({"gcloud storage buckets describe": [answer]})
    context = a_context(shell, FakeConsole())

    if owner is None:
        with pytest.raises(DeployError, match="no network"):
            bucket_owner(context, "b")
    else:
        assert bucket_owner(context, "b") == owner


def test_a_state_bucket_whose_name_is_taken_is_explained() -> None:
    taken = failed("ERROR: HTTPError 409: The requested bucket name is not available.")
    absent = failed("ERROR: gs://b not found: 404.")
    shell = ScriptedShell(
        {
            "gcloud storage buckets describe": [absent],
            "gcloud storage buckets create": [taken],
        }
    )

    with pytest.raises(DeployError, match="another ID"):
        create_state_bucket(a_context(shell, FakeConsole()), TARGET, "123")


def test_a_null_setting_uses_the_codes_default() -> None:
    function_settings({"project_id": "p", "daily_limit_usd": None})


def test_every_question_sets_a_terraform_variable() -> None:
    asked = (budget_question("USD"), *questions("-"))
    names = {name for name, _ in VARIABLE.findall(VARIABLES_FILE.read_text())}

    assert {question.variable for question in asked} <= names


# Programs and people ------------------------------------------------------------------


def test_a_missing_program_has_its_own_exit_code() -> None:
    result = Programs({"PATH": ""}).run(Command(argv=("no-such-program",)))

    assert result.code == 127


def test_a_program_runs_in_its_folder_with_its_own_environment(tmp_path: Path) -> None:
    words = Command(
        argv=("sh", "-c", "pwd; echo $TF_DATA_DIR"),
        folder=tmp_path,
        environment={"TF_DATA_DIR": "here"},
    )

    assert Programs({}).run(words).stdout.splitlines() == [str(tmp_path), "here"]


@pytest.mark.parametrize(("yes", "console"), [(True, Unattended), (False, Terminal)])
def test_only_yes_answers_every_question(yes: bool, console: type) -> None:
    assert isinstance(real_context(unattended=yes, environ={}).console, console)


def test_a_refusal_over_http_is_an_answer_and_silence_is_none() -> None:
    def refuse(_: Request) -> Response:
        return Response("may not", status=403)

    with HttpServer(routed({("GET", "/"): refuse})) as server:
        answer = send_request(HttpRequest(url=f"{server.url}/"))
    assert answer == HttpResponse(status=403, body=b"may not")

    assert send_request(HttpRequest(url=f"{server.url}/")).status == 0


def test_a_token_is_sent_whatever_the_machines_netrc_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def show(request: Request) -> Response:
        return Response(request.headers["Authorization"])

    (tmp_path / "netrc").write_text("default login ann password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    token = {"Authorization": "Bearer t"}

    with HttpServer(routed({("GET", "/"): show})) as server:
        answer = send_request(HttpRequest(url=f"{server.url}/", headers=token))

    assert answer.body == b"Bearer t"


def test_programs_never_see_the_keys_of_the_env_file() -> None:
    context = real_context(unattended=True, environ={"RUNWAY_API_KEY": "key_secret"})

    assert "key_secret" not in context.run("env").stdout


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "kept"])
def test_a_program_gets_its_input_and_its_output_is_shown_or_returned(
    *, is_shown: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("sh", "-c", "cat; echo wrong >&2; exit 3")

    result = Programs({"PATH": "/usr/bin:/bin"}).run(
        Command(argv=words, stdin="in\n", shown=is_shown)
    )

    output = "in\n"
    assert result == CommandResult(
        code=3, stdout="" if is_shown else output, stderr="wrong\n"
    )
    assert capfd.readouterr() == ((output, "wrong\n") if is_shown else ("", ""))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Lets it interrupt, also where a shell's "&" has the tests ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_program_may_still_print_everything_after_ctrl_c() -> None:
    """More than a pipe holds, such as a plan while Terraform saves its state."""
    program = (
        "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.kill(os.getppid(), signal.SIGINT); print('x' * 300_000)"
    )

    with pytest.raises(KeyboardInterrupt):
        Programs({}).run(Command(argv=(sys.executable, "-c", program)))


@pytest.mark.parametrize(
    ("typed", "agrees"), [("yes", True), (" YES ", True), ("y", False), ("", False)]
)
def test_only_the_word_yes_agrees(
    typed: str, *, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: typed)

    assert Terminal().confirm("Delete it?") is agrees


def test_enter_takes_the_default_and_a_secret_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "")
    monkeypatch.setattr("getpass.getpass", lambda _: "key_very_secret\n")

    assert Terminal().prompt("How much?", "20") == "20"
    assert Terminal().prompt_secret("Key") == "key_very_secret"


def test_a_question_without_a_terminal_stops_the_deploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    monkeypatch.setattr("getpass.getpass", ended)

    with pytest.raises(DeployError, match="--yes"):
        Terminal().confirm("Go on?")
    with pytest.raises(DeployError, match="--yes"):
        Terminal().prompt_secret("Key")


# The quota ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "gib", "instances"),
    [(20, 40, None), (200, 400, None), (12, 40, (2, 2)), (20, 18, (2, 2)),
     (16, 40, (3, 3)), (20, 16, (1, 2)), (10, 14, (1, 2))],
)  # fmt: skip
def test_instances_are_lowered_until_both_revisions_fit_the_quota(
    cpus: int, gib: int, instances: tuple[int, int] | None
) -> None:
    fewer = quota.instances_that_fit(
        TARGET, {"region_cpus": cpus, "region_memory_gib": gib}
    )

    api, worker = (
        (fewer["api_instances"], fewer["worker_instances"]) if fewer else (4, 4)
    )
    assert instances == ((api, worker) if fewer else None)
    assert 2 * (api + worker + 2) <= cpus
    assert 2 * (2 * (api + worker) + 1) <= gib


def test_a_quota_is_asked_for_again_while_its_api_is_being_enabled() -> None:
    """As it answers in the minutes after `make deploy` has enabled it."""
    off = {"error": {"code": 403, "details": [{"reason": "SERVICE_DISABLED"}]}}
    value = {"applicableLocations": [TARGET.region], "details": {"value": "8000"}}
    answers = [(403, off), *[(200, {"dimensionsInfos": [value]})] * 2]
    waited = list[float]()

    def google(_: HttpRequest) -> HttpResponse:
        status, body = answers.pop(0)
        return HttpResponse(status=status, body=json.dumps(body).encode())

    context = a_context(ScriptedShell({}), FakeConsole(), waited, google=google)

    assert quota.read(context, TARGET)["region_cpus"] == 8
    assert waited == [60]


def test_a_quota_that_is_too_small_is_reported_with_where_to_raise_it() -> None:
    with pytest.raises(DeployError, match="iam-admin/quotas"):
        quota.instances_that_fit(TARGET, {"region_cpus": 9})


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
def test_seoul_is_suggested_for_a_korean_locale(
    environ: Mapping[str, str], region: str
) -> None:
    assert suggestion(environ) == region

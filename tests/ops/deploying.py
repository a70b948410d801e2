"""Fakes for deploys: a machine with a console, a shell, and a gcloud with its cloud."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ops.deploy.checks import LOGIN_INFO_URL, Target
from ops.deploy.context import (
    NOT_FOUND,
    Command,
    CommandResult,
    Context,
    HttpRequest,
    HttpResponse,
    Shell,
)
from ops.deploy.down import down
from ops.deploy.preview import show_plan
from ops.deploy.settings import DeployOptions
from ops.deploy.terraform import Terraform
from ops.deploy.up import up
from tests.ops.fake_budgets import FakeBudgets
from tests.ops.fake_gcloud import PROJECT, Cloud, FakeGcloud
from tests.ops.fake_hosting import FakeHosting

TARGET = Target(project=PROJECT, region="us-central1")
KEYS = {"RUNWAY_API_KEY": "key_very_secret", "GEMINI_API_KEY": "another_secret"}
STATE_BUCKET = f"gs://{PROJECT}-reelay-terraform"
SETTINGS = f"{STATE_BUCKET}/settings.tfvars.json"
MAKES = {"google_pubsub_topic.budget": "create"}
OK = CommandResult(code=0)
CUT_OFF = CommandResult(code=1, stderr="cut off")
DETECTING = ("firebase.googleapis.com", "firebaserules.googleapis.com")
PAGE = f"https://{PROJECT}.firebaseapp.com"
CONFIG = json.dumps(
    {
        "api": "https://us-central1-my-project.cloudfunctions.net/api",
        "firebase": {"authDomain": f"{PROJECT}.firebaseapp.com"},
        "signIn": ["google", "email"],
    }
)


@dataclass
class FakeConsole:
    """Agrees to every question but `refuses`, and accepts every default."""

    refuses: str = "nothing"
    secrets: Mapping[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self.refuses not in question

    def prompt(self, question: str, default: str) -> str:
        self.questions.append(question)
        return default

    def prompt_secret(self, question: str) -> str:
        self.questions.append(question)
        return self.secrets.get(question.partition(" ")[0], "")

    @property
    def output(self) -> str:
        return "\n".join(self.lines)


class ScriptedShell:
    """Scripted answers by the first words of a command; the last one repeats."""

    def __init__(self, answers: Mapping[str, Sequence[CommandResult]]) -> None:
        self._answers = {words: list(result) for words, result in answers.items()}
        self.ran: list[Command] = []
        self.commands: list[str] = []

    def run(self, command: Command) -> CommandResult:
        line = " ".join(command.argv)
        self.ran.append(command)
        self.commands.append(line)
        for words, left in self._answers.items():
            if line.startswith(words):
                return left.pop(0) if len(left) > 1 else left[0]
        return CommandResult(code=0, stdout="{}")


def a_context(
    shell: Shell,
    console: FakeConsole,
    waited: list[float] | None = None,
    environ: Mapping[str, str] | None = None,
    google: Callable[[HttpRequest], HttpResponse] = lambda _: HttpResponse(status=404),
) -> Context:
    """A context in which waiting takes no time, and the api and the page answer."""
    waits = waited if waited is not None else []
    return Context(
        shell=shell,
        console=console,
        wait_seconds=waits.append,
        send=lambda request: (
            google(request) if request.headers else _visited(request.url)
        ),
        environ=environ or {},
    )


def _visited(url: str) -> HttpResponse:
    return HttpResponse(status=401 if url.endswith("/v1/models") else 200)


def failed(stderr: str) -> CommandResult:
    return CommandResult(code=1, stderr=stderr)


def shown(changes: Mapping[str, str]) -> dict[str, object]:
    """The output of `terraform show -json` for a plan with these actions by address."""
    return {
        "resource_changes": [
            {"address": at, "change": {"actions": action.split("+")}}
            for at, action in changes.items()
        ]
    }


@dataclass
class Installed:
    """A Shell with the fake gcloud and a stub of Terraform, in this process.

    Commands that begin with `broken` fail with `breaks_with`, unless they end with
    `works`. `applies` has the answers of the next applies, which then succeed; `plans`
    the changes of each plan, repeating the last.
    """

    gcloud: FakeGcloud
    has_gcloud: bool = True
    terraform: str | None = "1.11.4"
    python: CommandResult = OK
    worker_check: CommandResult = OK
    broken: str = "-"
    breaks_with: CommandResult = CUT_OFF
    works: str = "#"
    applies: list[CommandResult] = field(default_factory=list)
    plans: list[Mapping[str, str]] = field(default_factory=lambda: [MAKES])
    state: str = ""
    commands: list[str] = field(default_factory=list)

    def run(self, command: Command) -> CommandResult:
        line = " ".join(command.argv)
        self.commands.append(line)
        if line.startswith(self.broken) and not line.endswith(self.works):
            return self.breaks_with
        if command.argv[0] == "terraform":
            return self._terraform(command.argv[1])
        if command.argv[0] == sys.executable:
            return self.python
        if command.argv[0] == "sh":
            return self.worker_check
        return (
            self.gcloud.run(command)
            if self.has_gcloud
            else CommandResult(code=NOT_FOUND)
        )

    def _terraform(self, verb: str) -> CommandResult:
        match verb:
            case "version" if self.terraform is None:
                return CommandResult(code=NOT_FOUND)
            case "apply":
                return self._apply()
            case "state":
                return CommandResult(code=0, stdout=self.state)
            case _:
                return CommandResult(code=0, stdout=json.dumps(self._said(verb)))

    def _apply(self) -> CommandResult:
        result = self.applies.pop(0) if self.applies else OK
        if result.ok:
            self.state = self.state or "a.b\n"
            self.gcloud.applied()
        return result

    def _said(self, verb: str) -> object:
        if verb == "show":
            return shown(self.plans.pop(0) if len(self.plans) > 1 else self.plans[0])
        api = {"api_url": {"value": "https://api"}}
        page = {"web_url": {"value": PAGE}, "web_config": {"value": CONFIG}}
        version = {"terraform_version": self.terraform}
        return {"version": version, "output": api | page}.get(verb, {})

    def count(self, words: str) -> int:
        return sum(line.startswith(words) for line in self.commands)


class Desk:
    """A machine with these programs, and the person in front of it."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "infra"
        self.folder.mkdir(exist_ok=True)
        self.work = root / "work"
        self.gcloud = FakeGcloud()
        self.installed = Installed(self.gcloud)
        self.shell: Shell = self.installed
        self.console = FakeConsole()
        self.environ = KEYS
        self.waited: list[float] = []
        # The account that Terraform uses; None if Google doesn't tell.
        self.terraform_account: str | None = "me@example.com"
        self.hosting = FakeHosting(PROJECT)
        # Answers 404 without credentials: the api, or the page.
        self.not_shown = "-"
        self.budgets = FakeBudgets()
        # Hosts of Google's that answer 200: what they are asked for exists already.
        self.has_at: set[str] = set()
        self.page = root / "dist"
        self.page.mkdir()
        (self.page / "index.html").write_text("the page")

    def up(self, target: Target = TARGET, **settings: object) -> None:
        options = DeployOptions(target=target, settings=settings, page=self.page)
        up(self._context(), self._terraform(), options)

    def plan(self, target: Target = TARGET, **settings: object) -> None:
        options = DeployOptions(target=target, settings=settings)
        show_plan(self._context(), self._terraform(), options)

    def down(self) -> None:
        down(self._context(), self._terraform(), TARGET)

    def _context(self) -> Context:
        context = a_context(
            self.shell, self.console, self.waited, self.environ, self._google
        )
        return replace(context, send=partial(self._send, context))

    def _send(self, context: Context, request: HttpRequest) -> HttpResponse:
        if request.url.startswith(self.not_shown):
            return HttpResponse(status=404)
        return context.send(request)

    def _google(self, request: HttpRequest) -> HttpResponse:
        if request.url == LOGIN_INFO_URL:
            assert request.body == b"access_token=ya29.token"
            email = {"email": self.terraform_account} if self.terraform_account else {}
            return HttpResponse(status=200, body=json.dumps(email).encode())
        if (host := urlsplit(request.url).netloc) in DETECTING:
            return HttpResponse(status=200 if host in self.has_at else 404)
        if host == "cloudquotas.googleapis.com":
            return self._quota(request)
        is_budget = request.url.startswith("https://billingbudgets.googleapis.com/")
        return (self.budgets if is_budget else self.hosting).answer(request)

    def _quota(self, request: HttpRequest) -> HttpResponse:
        """One figure for regions that share a quota, another for a single region."""
        assert request.headers["Authorization"] == "Bearer ya29.token"
        place, _, name = request.url.rpartition("/")
        assert place.endswith(
            f"/v1/projects/{PROJECT}/locations/global/services/run.googleapis.com"
            "/quotaInfos"
        )
        if not self.cloud["quotas"]:
            return HttpResponse(status=403, body=b"PERMISSION_DENIED")
        value = self.cloud["quotas"][name]
        regions = self.cloud["regions"]
        shared = {"applicableLocations": regions, "details": {"value": str(value)}}
        alone = {
            "dimensions": {"region": "us-east4"},
            "applicableLocations": ["us-east4"],
            "details": {"value": str(2 * value)},
        }
        described = {"dimensionsInfos": [shared, alone]}
        return HttpResponse(status=200, body=json.dumps(described).encode())

    def _terraform(self) -> Terraform:
        return Terraform(context=self._context(), folder=self.folder, work=self.work)

    @property
    def cloud(self) -> Cloud:
        return self.gcloud.cloud

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables passed to Terraform."""
        return dict(json.loads((self.work / "settings.tfvars.json").read_text()))

    @property
    def imported(self) -> list[str]:
        """What Terraform would import."""
        return list(self.variables["existing"])

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings saved for the next deploy."""
        return dict(json.loads(self.cloud["objects"][SETTINGS]))

    @property
    def spend_caps(self) -> list[int]:
        """The amount of each spend cap at Google."""
        amounts = (cap["amount"]["specifiedAmount"] for cap in self.budgets.caps)
        return [int(amount["units"]) for amount in amounts]

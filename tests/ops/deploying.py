"""A machine to deploy from: a person, a shell of fakes, a gcloud with its cloud."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.deploy.checks import WHOSE_LOGIN, Target
from ops.deploy.down import down
from ops.deploy.preview import show_plan
from ops.deploy.settle import Asked
from ops.deploy.terraform import Terraform
from ops.deploy.up import up
from ops.deploy.world import NOT_FOUND, Answer, Command, Outgoing, Ran, Shell, World
from tests.ops.fake_budgets import FakeBudgets
from tests.ops.fake_gcloud import PROJECT, REFUSED, FakeGcloud, answer
from tests.ops.fake_hosting import FakeHosting

TARGET = Target(project=PROJECT, region="us-central1")
KEYS = {"RUNWAY_API_KEY": "key_very_secret", "GEMINI_API_KEY": "another_secret"}
STATE_BUCKET = f"gs://{PROJECT}-reelay-terraform"
MAKES = {"google_pubsub_topic.budget": "create"}
OK = Ran(code=0)
PAGE = f"https://{PROJECT}.firebaseapp.com"
CONFIG = json.dumps(
    {
        "api": "https://us-central1-my-project.cloudfunctions.net/api",
        "firebase": {"authDomain": f"{PROJECT}.firebaseapp.com"},
        "signIn": ["google", "email"],
    }
)


@dataclass
class FakePerson:
    """Agrees to all but `refuses`, and takes every default."""

    refuses: str = "nothing"
    secrets: Mapping[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def agrees(self, question: str) -> bool:
        self.asked.append(question)
        return self.refuses not in question

    def chooses(self, question: str, default: str) -> str:
        self.asked.append(question)
        return default

    def types_secret(self, question: str) -> str:
        self.asked.append(question)
        return self.secrets.get(question.partition(" ")[0], "")

    @property
    def heard(self) -> str:
        return "\n".join(self.said)


class ScriptedShell:
    """Prepared answers by the words that a command begins with; the last one stays."""

    def __init__(self, answers: Mapping[str, Sequence[Ran]]) -> None:
        self._answers = {words: list(ran) for words, ran in answers.items()}
        self.commands: list[str] = []

    def run(self, command: Command) -> Ran:
        line = " ".join(command.words)
        self.commands.append(line)
        for words, left in self._answers.items():
            if line.startswith(words):
                return left.pop(0) if len(left) > 1 else left[0]
        return Ran(code=0, stdout="{}")


def a_world(
    shell: Shell,
    person: FakePerson,
    waited: list[float] | None = None,
    environ: Mapping[str, str] | None = None,
    google: Callable[[Outgoing], Answer] = lambda _: Answer(status=404),
) -> World:
    """Time passes at once; the api and the page answer as they should."""
    waits = waited if waited is not None else []
    return World(
        shell=shell,
        person=person,
        wait_seconds=waits.append,
        send=lambda asked: google(asked) if asked.headers else _visited(asked.url),
        environ=environ or {},
    )


def _visited(url: str) -> Answer:
    return Answer(status=401 if url.endswith("/v1/models") else 200)


def failed(stderr: str) -> Ran:
    return Ran(code=1, stderr=stderr)


def shown(changes: Mapping[str, str]) -> dict[str, object]:
    """What `terraform show -json` says of a plan with these actions by address."""
    return {
        "resource_changes": [
            {"address": at, "change": {"actions": action.split("+")}}
            for at, action in changes.items()
        ]
    }


@dataclass
class Installed:
    """A Shell with the fake gcloud and a stub of Terraform, without starting either.

    `broken`: how a command begins that fails. `applies`: what each apply answers, then
    they succeed. `plans`: the changes of each plan, the last one for ever.
    """

    folder: Path
    terraform: str | None = "1.11.4"
    gcloud: bool = True
    python: Ran = OK
    broken: str = "-"
    applies: list[Ran] = field(default_factory=list)
    plans: list[Mapping[str, str]] = field(default_factory=lambda: [MAKES])
    state: str = ""
    commands: list[str] = field(default_factory=list)

    def run(self, command: Command) -> Ran:
        line = " ".join(command.words)
        self.commands.append(line)
        if line.startswith(self.broken):
            return failed("cut off")
        if command.words[0] == "terraform":
            return self._terraform(command.words[1])
        if command.words[0] == sys.executable:
            return self.python
        if not self.gcloud:
            return Ran(code=NOT_FOUND)
        code, said = answer(self.folder, list(command.words[1:]), command.stdin)
        return Ran(code=code, stdout=said, stderr=REFUSED if code else "")

    def _terraform(self, verb: str) -> Ran:
        match verb:
            case "version" if self.terraform is None:
                return Ran(code=NOT_FOUND)
            case "apply":
                return self._apply()
            case "state":
                return Ran(code=0, stdout=self.state)
            case _:
                return Ran(code=0, stdout=json.dumps(self._said(verb)))

    def _apply(self) -> Ran:
        ran = self.applies.pop(0) if self.applies else OK
        if ran.ok:
            self.state = self.state or "a.b\n"
            answer(self.folder, ["applied"], "")
        return ran

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
    """A machine with these programs, and who sits in front of it."""

    def __init__(self, folder: Path, **cloud: object) -> None:
        self.folder = folder
        self.gcloud = FakeGcloud(folder / "bin", **cloud)
        self.installed = Installed(folder / "bin")
        self.shell: Shell = self.installed
        self.person = FakePerson()
        self.environ = KEYS
        self.waited: list[float] = []
        # Whose login Terraform uses; None where Google doesn't say.
        self.terraform_account: str | None = "me@example.com"
        self.hosting = FakeHosting(PROJECT)
        self.budgets = FakeBudgets()
        self.page = folder / "dist"
        self.page.mkdir(exist_ok=True)
        (self.page / "index.html").write_text("the page")

    def up(self, target: Target = TARGET, **settings: object) -> None:
        asked = Asked(target=target, settings=settings, page=self.page)
        up(self._world(), self._terraform(), asked)

    def plan(self, target: Target = TARGET, **settings: object) -> None:
        asked = Asked(target=target, settings=settings)
        show_plan(self._world(), self._terraform(), asked)

    def down(self) -> None:
        down(self._world(), self._terraform(), TARGET)

    def _world(self) -> World:
        return a_world(self.shell, self.person, self.waited, self.environ, self._google)

    def _google(self, asked: Outgoing) -> Answer:
        if asked.url == WHOSE_LOGIN:
            assert asked.body == b"access_token=ya29.token"
            email = {"email": self.terraform_account} if self.terraform_account else {}
            return Answer(status=200, body=json.dumps(email).encode())
        is_budget = asked.url.startswith("https://billingbudgets.googleapis.com/")
        return (self.budgets if is_budget else self.hosting).answer(asked)

    def _terraform(self) -> Terraform:
        return Terraform(world=self._world(), folder=self.folder, work=self.work)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def variables(self) -> Mapping[str, object]:
        """What Terraform gets."""
        return dict(json.loads((self.work / "settings.tfvars.json").read_text()))

    @property
    def settings(self) -> Mapping[str, object]:
        """What is kept for the next deploy."""
        kept = self.gcloud.read()["objects"][f"{STATE_BUCKET}/settings.tfvars.json"]
        return dict(json.loads(kept))

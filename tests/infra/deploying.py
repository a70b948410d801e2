"""What the tests of the deploy share: somebody who answers, and a scripted shell."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.deploy.checks import Target
from ops.deploy.terraform import Terraform
from ops.deploy.world import (
    Command,
    Ran,
    Shell,
    World,
)

TARGET = Target(project="my-project", region="us-central1")


@dataclass
class Somebody:
    """A Person: agrees unless told otherwise, takes every default."""

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

    def tells_secret(self, question: str) -> str:
        self.asked.append(question)
        return self.secrets.get(question.partition(" ")[0], "")

    @property
    def heard(self) -> str:
        return "\n".join(self.said)


class Scripted:
    """A Shell that gives prepared answers by the words a command begins with.

    Answers of one command are used in their order, the last one for ever.
    """

    def __init__(self, answers: Mapping[str, Sequence[Ran]]) -> None:
        self._answers = {words: list(ran) for words, ran in answers.items()}
        self.commands: list[str] = []
        self.stdin: list[str] = []

    def run(self, command: Command) -> Ran:
        line = " ".join(command.words)
        self.commands.append(line)
        self.stdin.append(command.stdin)
        for words in sorted(self._answers, key=len, reverse=True):
            if line.startswith(words):
                left = self._answers[words]
                return left.pop(0) if len(left) > 1 else left[0]
        return Ran(code=0, stdout="{}")

    def count(self, words: str) -> int:
        return sum(line.startswith(words) for line in self.commands)


def a_world(
    shell: Shell,
    person: Somebody,
    waited: list[float] | None = None,
    environ: Mapping[str, str] | None = None,
) -> World:
    """Time passes at once; the api answers as it should."""
    waits = waited if waited is not None else []
    return World(
        shell=shell,
        person=person,
        wait_seconds=waits.append,
        fetch=lambda url: 200 if url.endswith("/health") else 401,
        environ=environ or {},
    )


def a_terraform(world: World, tmp_path: Path) -> Terraform:
    return Terraform(world=world, folder=tmp_path, work=tmp_path / "work")


def failed(stderr: str) -> Ran:
    return Ran(code=1, stderr=stderr)


def shows(*changes: tuple[str, str], **after: object) -> Ran:
    """`terraform show -json` of a plan with these (address, action)."""
    found: list[dict[str, Any]] = [
        {
            "address": address,
            "type": address.partition(".")[0],
            "change": {"actions": action.split("+"), "after": after},
        }
        for address, action in changes
    ]
    return Ran(code=0, stdout=json.dumps({"resource_changes": found}))

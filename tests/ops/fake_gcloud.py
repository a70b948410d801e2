"""A `gcloud` that keeps its cloud in a folder: run as a program, or called by a test.

`FAKE_GCLOUD` names the folder: state.json, and calls.jsonl with every command line.
"""

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

State = dict[str, Any]
Flags = dict[str, str]
# What is printed; None where the command is refused.
Answer = str | None

PROJECT = "my-project"
NUMBER = "123"
REFUSED = "ERROR: PERMISSION_DENIED: matched no objects, or not yours to see\n"
STDIN = {"-", "--data-file=-"}
BILLING = "012345-6789AB-CDEF01"
WHOLE: State = {
    "account": "me@example.com",
    "adc": "ya29.token",
    "projects": {PROJECT: {"projectNumber": NUMBER, "lifecycleState": "ACTIVE"}},
    "billing": {PROJECT: BILLING},
    "budgets": [BILLING],
    "currency": "USD",
    "quotas": {"CpuAllocPerProjectRegion": 20000, "MemAllocPerProjectRegion": 40 << 30},
    "sweep": {"lastAttemptTime": "2026-11-22T10:00:00Z", "status": {}},
    "apis": ["serviceusage.googleapis.com"],
    "regions": ["us-central1", "us-east4", "asia-northeast3"],
    "buckets": {},
    "objects": {},
    "secrets": {},
    "database": None,
    "is_let_in": False,
}


class FakeGcloud:
    """The fake in `folder`, to be put on a PATH."""

    def __init__(self, folder: Path, **changes: object) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.write(WHOLE | changes)
        program = folder / "gcloud"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    @property
    def environment(self) -> dict[str, str]:
        return {"FAKE_GCLOUD": str(self.folder), "PATH": str(self.folder)}

    def read(self) -> State:
        return dict(json.loads((self.folder / "state.json").read_text()))

    def write(self, state: State) -> None:
        (self.folder / "state.json").write_text(json.dumps(state))

    def change(self, **changes: object) -> None:
        self.write(self.read() | changes)

    def calls(self) -> str:
        return (self.folder / "calls.jsonl").read_text()


def _json_or_refused(found: object) -> Answer:
    return json.dumps(found) if found else None


def _billing_of(account: str) -> str:
    name = f"billingAccounts/{account}"
    return json.dumps({"billingEnabled": bool(account), "billingAccountName": name})


def _owner(bucket: State | None, flags: Flags) -> Answer:
    assert flags["format"] == "value(projectNumber)"
    return None if bucket is None else str(bucket.get("owner", NUMBER))


def _quota(state: State, named: list[str]) -> Answer:
    """One figure for the regions that share it, and another one for a single region."""
    if not state["quotas"]:
        return None
    value = state["quotas"][named[0]]
    shared = {"applicableLocations": state["regions"], "details": {"value": str(value)}}
    alone = {
        "dimensions": {"region": "us-east4"},
        "applicableLocations": ["us-east4"],
        "details": {"value": str(2 * value)},
    }
    return json.dumps({"dimensionsInfos": [shared, alone]})


def _enable(state: State, named: list[str]) -> str:
    state["apis"] = sorted({*state["apis"], *named})
    return ""


def _create(state: State, name: str, flags: Flags) -> Answer:
    if name in state["buckets"]:
        return None
    state["buckets"][name] = flags
    return ""


def _add(state: State, secret: str, flags: Flags) -> str:
    assert flags["data-file"] == "-"
    state["secrets"][secret].append(flags["stdin"])
    return ""


def _applied(state: State) -> str:
    """Not of gcloud: what Terraform would have made that gcloud sees."""
    for secret in ("runway-api-key", "gemini-api-key", "webhook-signing-secret"):
        state["secrets"].setdefault(secret, ["unset"])
    state["database"] = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1"}
    state["buckets"].setdefault(f"gs://{PROJECT}-reelay-videos", {})
    state["is_let_in"] = False
    return ""


# By the words of a command: what it answers, from its other words and its flags.
COMMANDS: dict[str, Callable[[State, list[str], Flags], Answer]] = {
    "version": lambda *_: "Google Cloud SDK",
    "auth list": lambda state, *_: str(state["account"]),
    "auth application-default print-access-token": lambda state, *_: state["adc"],
    "projects describe": lambda state, named, _: _json_or_refused(
        state["account"] and state["projects"].get(named[0])
    ),
    "billing projects describe": lambda state, named, _: _billing_of(
        state["billing"].get(named[0], "")
    ),
    "billing accounts list": lambda *_: BILLING,
    "billing accounts describe": lambda state, *_: str(state["currency"]),
    "billing budgets list": lambda state, _, flags: (
        "" if flags["billing-account"] in state["budgets"] else None
    ),
    "quotas info describe": lambda state, named, _: _quota(state, named),
    "scheduler jobs run": lambda *_: "",
    "scheduler jobs describe": lambda state, *_: json.dumps(state["sweep"]),
    "services list": lambda state, *_: "\n".join(state["apis"]),
    "services enable": lambda state, named, _: _enable(state, named),
    "functions regions list": lambda state, *_: "\n".join(state["regions"]),
    "storage buckets describe": lambda state, named, flags: _owner(
        state["buckets"].get(named[0]), flags
    ),
    "storage buckets create": lambda state, named, flags: _create(
        state, named[0], flags
    ),
    "storage buckets update": lambda state, named, flags: (
        state["buckets"][named[0]].update(flags) or ""
    ),
    "storage cat": lambda state, named, _: state["objects"].get(named[0]),
    "storage cp": lambda state, named, flags: (
        state["objects"].update({named[1]: flags["stdin"]}) or ""
    ),
    "firestore databases describe": lambda state, *_: _json_or_refused(
        state["database"]
    ),
    "run services update": lambda state, _, flags: (
        state.update(is_let_in="no-invoker-iam-check" in flags) or ""
    ),
    "secrets list": lambda state, *_: "\n".join(state["secrets"]),
    "secrets versions access": lambda state, _, flags: str(
        state["secrets"][flags["secret"]][-1]
    ),
    "secrets versions add": lambda state, named, flags: _add(state, named[0], flags),
    "secrets versions list": lambda state, named, _: str(
        len(state["secrets"][named[0]])
    ),
    "applied": lambda state, *_: _applied(state),
}


def answer(folder: Path, arguments: list[str], stdin: str) -> tuple[int, str]:
    """The exit code, and what is printed."""
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(arguments) + "\n")
    line = " ".join(a for a in arguments if not a.startswith("--"))
    pairs = [a[2:].partition("=") for a in arguments if a.startswith("--")]
    known = [c for c in COMMANDS if line == c or line.startswith(c + " ")]
    assert known, f"the fake knows no gcloud {line}"
    command = max(known, key=len)
    state = json.loads((folder / "state.json").read_text())
    flags = {name: value for name, _, value in pairs} | {"stdin": stdin}
    said = COMMANDS[command](state, line.removeprefix(command).split(), flags)
    (folder / "state.json").write_text(json.dumps(state))
    return (1, "") if said is None else (0, said + "\n")


def main(arguments: list[str]) -> int:
    stdin = sys.stdin.read() if STDIN.intersection(arguments) else ""
    code, said = answer(Path(os.environ["FAKE_GCLOUD"]), arguments, stdin)
    sys.stdout.write(said)
    if code:
        sys.stderr.write(REFUSED)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

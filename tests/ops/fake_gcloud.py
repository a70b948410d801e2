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
Answer = str | None

PROJECT = "my-project"
NUMBER = "123"
REFUSED = "ERROR: PERMISSION_DENIED: matched no objects, or not yours to see\n"
STDIN = {"-", "--data-file=-"}
BILLING = "012345-6789AB-CDEF01"
WHOLE: State = {
    "account": "me@example.com",
    "adc": True,
    "projects": {PROJECT: {"projectNumber": NUMBER, "lifecycleState": "ACTIVE"}},
    "billing": {PROJECT: BILLING},
    "budgets": [BILLING],
    "currency": "USD",
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

    def calls(self) -> str:
        return (self.folder / "calls.jsonl").read_text()


def auth_list(state: State, _: list[str], __: Flags) -> Answer:
    return str(state["account"])


def adc_token(state: State, _: list[str], __: Flags) -> Answer:
    return "ya29.token" if state["adc"] else None


def project(state: State, named: list[str], _: Flags) -> Answer:
    found = state["projects"].get(named[0])
    return json.dumps(found) if found and state["account"] else None


def billing_project(state: State, named: list[str], _: Flags) -> Answer:
    account = state["billing"].get(named[0])
    name = f"billingAccounts/{account}" if account else ""
    return json.dumps({"billingEnabled": bool(account), "billingAccountName": name})


def billing_accounts(_: State, __: list[str], ___: Flags) -> Answer:
    return BILLING


def billing_account(state: State, _: list[str], __: Flags) -> Answer:
    return str(state["currency"])


def sweep_run(_: State, __: list[str], ___: Flags) -> Answer:
    return ""


def sweep(state: State, _: list[str], __: Flags) -> Answer:
    return json.dumps(state["sweep"])


def budgets(state: State, _: list[str], flags: Flags) -> Answer:
    return "" if flags["billing-account"] in state["budgets"] else None


def services(state: State, _: list[str], __: Flags) -> Answer:
    return "\n".join(state["apis"])


def enable(state: State, named: list[str], _: Flags) -> Answer:
    state["apis"] = sorted({*state["apis"], *named})
    return ""


def regions(state: State, _: list[str], __: Flags) -> Answer:
    return "\n".join(state["regions"])


def bucket_describe(state: State, named: list[str], flags: Flags) -> Answer:
    assert flags["format"] == "value(projectNumber)"
    bucket = state["buckets"].get(named[0])
    return bucket and str(bucket.get("owner", NUMBER))


def bucket_create(state: State, named: list[str], flags: Flags) -> Answer:
    if named[0] in state["buckets"]:
        return None
    state["buckets"][named[0]] = flags
    return ""


def bucket_update(state: State, named: list[str], flags: Flags) -> Answer:
    state["buckets"][named[0]] |= flags
    return ""


def storage_cat(state: State, named: list[str], _: Flags) -> Answer:
    found = state["objects"].get(named[0])
    return None if found is None else str(found)


def storage_cp(state: State, named: list[str], flags: Flags) -> Answer:
    assert named[0] == "-"
    state["objects"][named[1]] = flags["stdin"]
    return ""


def database(state: State, _: list[str], __: Flags) -> Answer:
    return json.dumps(state["database"]) if state["database"] else None


def secrets(state: State, _: list[str], __: Flags) -> Answer:
    return "\n".join(state["secrets"])


def secret_access(state: State, _: list[str], flags: Flags) -> Answer:
    return str(state["secrets"][flags["secret"]][-1])


def secret_add(state: State, named: list[str], flags: Flags) -> Answer:
    assert flags["data-file"] == "-"
    state["secrets"][named[0]].append(flags["stdin"])
    return ""


def secret_versions(state: State, named: list[str], _: Flags) -> Answer:
    return str(len(state["secrets"][named[0]]))


def let_in(state: State, named: list[str], flags: Flags) -> Answer:
    assert named == ["api"] and "no-invoker-iam-check" in flags
    state["is_let_in"] = True
    return ""


def applied(state: State, _: list[str], __: Flags) -> Answer:
    """Not of gcloud: what Terraform would have made that gcloud sees."""
    for secret in ("runway-api-key", "gemini-api-key"):
        state["secrets"].setdefault(secret, ["unset"])
    state["database"] = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1"}
    state["buckets"].setdefault(f"gs://{PROJECT}-reelay-videos", {"owner": NUMBER})
    state["is_let_in"] = False
    return ""


COMMANDS: dict[str, Callable[[State, list[str], Flags], Answer]] = {
    "version": lambda *_: "Google Cloud SDK",
    "auth list": auth_list,
    "auth application-default print-access-token": adc_token,
    "projects describe": project,
    "billing projects describe": billing_project,
    "billing accounts list": billing_accounts,
    "billing accounts describe": billing_account,
    "billing budgets list": budgets,
    "scheduler jobs run": sweep_run,
    "scheduler jobs describe": sweep,
    "services list": services,
    "services enable": enable,
    "functions regions list": regions,
    "storage buckets describe": bucket_describe,
    "storage buckets create": bucket_create,
    "storage buckets update": bucket_update,
    "storage cat": storage_cat,
    "storage cp": storage_cp,
    "firestore databases describe": database,
    "run services update": let_in,
    "secrets list": secrets,
    "secrets versions access": secret_access,
    "secrets versions add": secret_add,
    "secrets versions list": secret_versions,
    "applied": applied,
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

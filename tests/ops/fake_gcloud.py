"""A fake `gcloud` with its own cloud, as far as deploys need it."""

import json
from copy import deepcopy
from typing import Any

from ops.deploy.context import Command, CommandResult

Cloud = dict[str, Any]
Flags = dict[str, str]
# A command's output; None if it is refused.
Answer = str | None

PROJECT = "my-project"
NUMBER = "123"
REFUSED = "ERROR: PERMISSION_DENIED: matched no objects, or not yours to see\n"
BILLING = "012345-6789AB-CDEF01"
OTHER_BILLING = "0A0A0A-0B0B0B-0C0C0C"
WHOLE: Cloud = {
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


# In each of these, another project would be gcloud's own default one.
IN_A_PROJECT = {
    "firestore", "functions", "run", "scheduler", "secrets", "services",
}  # fmt: skip


class FakeGcloud:
    """Asserts that each command names the project, and the place of what it makes."""

    def __init__(self) -> None:
        self.cloud = deepcopy(WHOLE)

    def run(self, command: Command) -> CommandResult:
        words = [word for word in command.argv[1:] if not word.startswith("--")]
        pairs = [w[2:].partition("=") for w in command.argv if w.startswith("--")]
        flags = {name: value for name, _, value in pairs}
        assert words[0] not in IN_A_PROJECT or flags["project"] == PROJECT, words
        said = self._said(words, flags, command.stdin)
        if said is None:
            return CommandResult(code=1, stderr=REFUSED)
        return CommandResult(code=0, stdout=f"{said}\n")

    def applied(self) -> None:
        """Create what gcloud sees after an apply of Terraform."""
        for secret in ("runway-api-key", "gemini-api-key", "webhook-signing-secret"):
            self.cloud["secrets"].setdefault(secret, ["unset"])
        database = {"type": "FIRESTORE_NATIVE", "locationId": "us-central1"}
        self.cloud |= {"database": database, "is_let_in": False}
        self.cloud["buckets"].setdefault(f"gs://{PROJECT}-reelay-videos", {})

    def _said(self, words: list[str], flags: Flags, stdin: str) -> Answer:
        cloud = self.cloud
        match words:
            case ["version"]:
                return "Google Cloud SDK"
            case ["auth", "list"]:
                assert flags["filter"] == "status:ACTIVE"
                return str(cloud["account"])
            case ["auth", "application-default", "print-access-token"]:
                return None if cloud["adc"] is None else str(cloud["adc"])
            case ["projects", "describe", project]:
                return _json(cloud["account"] and cloud["projects"].get(project))
            case ["billing", "projects", "describe", project]:
                return _billing_of(cloud["billing"].get(project, ""))
            case ["billing", "accounts", "list"]:
                assert flags["filter"] == "open=true"
                # gcloud filters what it has fetched, which --limit cuts short: here
                # the first account, which is closed.
                return "" if "limit" in flags else f"{BILLING}\n{OTHER_BILLING}"
            case ["billing", "accounts", "describe", _]:
                return str(cloud["currency"])
            case ["billing", "budgets", "list"]:
                assert flags["billing-project"] == PROJECT
                return "" if flags["billing-account"] in cloud["budgets"] else None
            case ["services", "list"]:
                assert "enabled" in flags
                return "\n".join(cloud["apis"])
            case ["services", "enable", *apis]:
                cloud["apis"] = sorted({*cloud["apis"], *apis})
                return ""
            case ["functions", "regions", "list"]:
                assert "gen2" in flags
                return "\n".join(cloud["regions"])
            case ["firestore", "databases", "describe"]:
                return _json(cloud["database"])
            case ["run", "services", "update", "api"]:
                cloud["is_let_in"] = "no-invoker-iam-check" in flags
                return ""
            case ["scheduler", "jobs", "run", _]:
                return ""
            case ["scheduler", "jobs", "describe", _]:
                return json.dumps(cloud["sweep"])
            case ["storage", *rest]:
                return self._storage(rest, flags, stdin)
            case ["secrets", *rest]:
                return self._secrets(rest, flags, stdin)
            case _:
                raise AssertionError(f"the fake knows no {words}")

    def _storage(self, words: list[str], flags: Flags, stdin: str) -> Answer:
        buckets, objects = self.cloud["buckets"], self.cloud["objects"]
        match words:
            case ["cat", place]:
                return None if place not in objects else str(objects[place])
            case ["cp", "-", place]:
                objects[place] = stdin
                return ""
            case ["buckets", "describe", bucket]:
                assert flags["format"] == "value(projectNumber)"
                there = bucket in buckets
                return str(buckets[bucket].get("owner", NUMBER)) if there else None
            case ["buckets", "create", bucket]:
                assert bucket not in buckets
                assert flags["project"] == PROJECT and flags["location"]
                buckets[bucket] = flags
                return ""
            case ["buckets", "update", bucket]:
                buckets[bucket] |= flags
                return ""
            case _:
                raise AssertionError(f"the fake knows no {words}")

    def _secrets(self, words: list[str], flags: Flags, stdin: str) -> Answer:
        secrets = self.cloud["secrets"]
        match words:
            case ["list"]:
                return "\n".join(secrets)
            case ["versions", "access", "latest"]:
                versions = secrets[flags["secret"]]
                return str(versions[-1]) if versions else None
            case ["versions", "list", secret]:
                assert (flags["sort-by"], flags["limit"]) == ("~createTime", "1")
                return str(len(secrets[secret]))
            case ["versions", "add", secret]:
                assert flags["data-file"] == "-"
                secrets[secret].append(stdin)
                return ""
            case _:
                raise AssertionError(f"the fake knows no {words}")


def _json(found: object) -> Answer:
    return json.dumps(found) if found else None


def _billing_of(account: str) -> str:
    name = f"billingAccounts/{account}"
    return json.dumps({"billingEnabled": bool(account), "billingAccountName": name})

"""What must be there before a deploy, how to see it, and what mends it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.deploy.patience import Patience
from ops.deploy.trouble import NOT_ON
from ops.deploy.world import (
    NOT_FOUND,
    Ran,
    Stopped,
    World,
)

TERRAFORM_AT_LEAST = (1, 11)
MAY_NOT = r"PERMISSION_DENIED|does not have permission"
LOGIN = "gcloud auth login"
ADC_LOGIN = "gcloud auth application-default login"

# What Terraform and the steps before it call; the rest Terraform enables itself.
BOOTSTRAP_APIS = (
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    project: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One sentence, and the command that mends it."""

    what: str
    fix: str


Facts = Mapping[str, str]
Look = Callable[[World, Target], Facts | Missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`needs`: checks without which this one would only repeat their answer."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


def look_for(
    checks: Sequence[Check], world: World, target: Target
) -> tuple[Facts, list[Missing]]:
    """What was found out, and everything that is missing."""
    facts: dict[str, str] = {}
    missing: list[Missing] = []
    passed: set[str] = set()
    for check in checks:
        if not passed.issuperset(check.needs):
            continue
        match check.look(world, target):
            case Missing() as absent:
                missing.append(absent)
            case found:
                facts |= found
                passed.add(check.name)
    return facts, missing


def terraform_is_there(world: World, _: Target) -> Facts | Missing:
    install = "https://developer.hashicorp.com/terraform/install"
    ran = world.run("terraform", "version", "-json")
    if not ran.ok:
        return Missing(what="Terraform is not installed.", fix=f"open {install}")
    version = str(json.loads(ran.stdout)["terraform_version"])
    if _numbers(version) < TERRAFORM_AT_LEAST:
        wanted = ".".join(map(str, TERRAFORM_AT_LEAST))
        what = f"Terraform {version} is too old: {wanted} or newer is needed."
        return Missing(what=what, fix=f"open {install}")
    return {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def gcloud_is_there(world: World, _: Target) -> Facts | Missing:
    if world.run("gcloud", "version").code != NOT_FOUND:
        return {}
    return Missing(
        what="The Google Cloud CLI (gcloud) is not installed.",
        fix="open https://cloud.google.com/sdk/docs/install",
    )


def somebody_is_logged_in(world: World, _: Target) -> Facts | Missing:
    listing = ("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    account = world.run("gcloud", *listing).stdout.strip()
    if account:
        return {"account": account}
    return Missing(what="Nobody is logged in to gcloud.", fix=LOGIN)


def terraform_may_log_in(world: World, _: Target) -> Facts | Missing:
    token = ("auth", "application-default", "print-access-token")
    if world.run("gcloud", *token).ok:
        return {}
    what = "Terraform has no login: application default credentials are not set."
    return Missing(what=what, fix=ADC_LOGIN)


def project_is_there(world: World, target: Target) -> Facts | Missing:
    ran = world.run("gcloud", "projects", "describe", target.project, "--format=json")
    found = _json(ran)
    if found.get("lifecycleState") == "ACTIVE":
        return {"project_number": str(found["projectNumber"])}
    if found:
        what = f"The project {target.project} is being deleted."
        return Missing(what=what, fix=f"gcloud projects undelete {target.project}")
    what = f"There is no project {target.project} that this account may see."
    return Missing(what=what, fix=f"gcloud projects create {target.project}")


def billing_is_linked(world: World, target: Target) -> Facts | Missing:
    describe = ("billing", "projects", "describe", target.project, "--format=json")
    found = _json(world.run("gcloud", *describe))
    if found.get("billingEnabled"):
        return {"billing_account": _last_part(found["billingAccountName"])}
    what = f"No open billing account is linked to {target.project}."
    account = _open_billing_account(world) or "ACCOUNT"
    link = f"gcloud billing projects link {target.project} --billing-account={account}"
    return Missing(what=what, fix=link)


def _open_billing_account(world: World) -> str:
    listing = ("billing", "accounts", "list", "--filter=open=true")
    ran = world.run("gcloud", *listing, "--format=value(name.basename())", "--limit=1")
    return ran.stdout.strip()


def region_is_one(world: World, target: Target) -> Facts | Missing:
    """Needs the API of functions, so it is looked at once that is enabled."""
    listing = ("functions", "regions", "list", f"--project={target.project}")
    ran = world.run("gcloud", *listing, "--gen2", "--format=value(locationId)")
    regions = ran.stdout.split()
    # An API that was enabled a moment ago may not answer yet: then Terraform tells.
    if target.region in regions or not ran.ok:
        return {}
    near = [r for r in regions if r.split("-")[0] == target.region.split("-")[0]]
    what = f"Functions don't run in {target.region}; they do in {_listed(near)}."
    return Missing(what=what, fix=f"make deploy PROJECT={target.project} REGION=…")


def _listed(regions: Sequence[str]) -> str:
    return ", ".join(regions) or "us-central1, europe-west1, asia-northeast3 and others"


def apis_not_enabled(world: World, target: Target) -> tuple[str, ...]:
    listing = ("services", "list", "--enabled", f"--project={target.project}")
    ran = world.run("gcloud", *listing, "--format=value(config.name)")
    return tuple(api for api in BOOTSTRAP_APIS if api not in ran.stdout.split())


def budget_may_be_set(world: World, billing_account: str, project: str) -> bool:
    """Whether this account sees the billing account's budgets."""
    listing = ("billing", "budgets", "list", f"--billing-account={billing_account}")
    words = ("gcloud", *listing, "--limit=1", f"--billing-project={project}")
    patience, ran = Patience(world), world.run(*words)
    # The API was enabled a moment ago, and says so in the words of a refusal.
    while re.search(NOT_ON, ran.stderr) and patience.outlasts(ran.stderr):
        ran = world.run(*words)
    may_not = re.search(MAY_NOT, ran.stderr) and not re.search(NOT_ON, ran.stderr)
    if ran.ok or may_not:
        return ran.ok
    raise Stopped(f"Whether a budget may be set can't be seen: {ran.stderr.strip()}")


def currency(world: World, billing_account: str) -> str:
    """As ISO 4217 names it; empty where this account may not see it."""
    describe = ("billing", "accounts", "describe", billing_account)
    return world.run("gcloud", *describe, "--format=value(currencyCode)").stdout.strip()


def _json(ran: Ran) -> dict[str, object]:
    found: dict[str, object] = json.loads(ran.stdout) if ran.ok else {}
    return found


def _last_part(name: object) -> str:
    return str(name).rpartition("/")[2]


HERE = (
    Check(name="terraform", look=terraform_is_there),
    Check(name="gcloud", look=gcloud_is_there),
    Check(name="login", look=somebody_is_logged_in, needs=("gcloud",)),
    Check(name="adc", look=terraform_may_log_in, needs=("gcloud",)),
    Check(name="project", look=project_is_there, needs=("login",)),
    Check(name="billing", look=billing_is_linked, needs=("project",)),
)
# Nothing is made there, so nobody needs to pay.
TO_DESTROY = tuple(check for check in HERE if check.name != "billing")
ONCE_ENABLED = (Check(name="region", look=region_is_one),)

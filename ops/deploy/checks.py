"""The prerequisites of a deploy: how each is checked, and what fixes a missing one."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.deploy.context import (
    NOT_FOUND,
    CommandResult,
    Context,
    DeployError,
    HttpRequest,
)
from ops.deploy.failures import NOT_ENABLED_YET, retry_while_enabling

MIN_TERRAFORM = (1, 11)
PERMISSION_DENIED = r"PERMISSION_DENIED|does not have permission"
LOGIN = "gcloud auth login"
ADC_LOGIN = "gcloud auth application-default login"
LOGIN_INFO_URL = "https://oauth2.googleapis.com/tokeninfo"
TWO_ACCOUNTS = (
    "  Note: gcloud acts as {gcloud}, Terraform as {terraform}. If Terraform is "
    f"refused what gcloud may do, log in with the same account: {ADC_LOGIN}"
)

# Called by Terraform and by the steps before it. Terraform enables the others itself.
BOOTSTRAP_APIS = (
    "billingbudgets.googleapis.com",
    "cloudbilling.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudquotas.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
)

# As in infra/variables.tf, where Terraform checks them only after much has been asked
# and created.
PATTERNS = {"PROJECT": "[a-z][a-z0-9-]{4,28}[a-z0-9]", "REGION": "[a-z]+-[a-z]+[0-9]+"}
EXPECTED = {
    "PROJECT": "a project's id (not its name or number): 6 to 30 lower-case letters, "
    "digits and hyphens",
    "REGION": "a region such as us-central1 or asia-northeast3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Raises DeployError for an invalid name. `region`: empty while it is unknown."""

    project: str
    region: str

    def __post_init__(self) -> None:
        given = {"PROJECT": self.project, "REGION": self.region}
        if not self.region:
            del given["REGION"]
        wrong = [
            f"{name}: {value!r} is not {EXPECTED[name]}."
            for name, value in given.items()
            if not re.fullmatch(PATTERNS[name], value)
        ]
        if wrong:
            raise DeployError("\n".join(wrong))


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """`what`: one sentence. `fix`: the command to run."""

    what: str
    fix: str


# What checks find out, such as `account`, `project_number` and `billing_account`.
Facts = Mapping[str, str]
Probe = Callable[[Context, Target], Facts | Missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`needs`: checks without which this one would only repeat their failure."""

    name: str
    probe: Probe
    needs: tuple[str, ...] = ()


def run_checks(checks: Sequence[Check], context: Context, target: Target) -> Facts:
    """What the checks found. Raises DeployError with everything that is missing."""
    facts: dict[str, str] = {}
    missing: list[Missing] = []
    unchecked: list[str] = []
    passed: set[str] = set()
    for check in checks:
        if not passed.issuperset(check.needs):
            unchecked.append(check.name)
            continue
        match check.probe(context, target):
            case Missing() as absent:
                missing.append(absent)
            case seen:
                facts |= seen
                passed.add(check.name)
    if missing:
        lines = [f"{each.what}\n  run: {each.fix}" for each in missing]
        if unchecked:
            rest = ", ".join(unchecked)
            lines.append(f"Then run this again; it goes on with: {rest}.")
        raise DeployError("\n".join(lines))
    return facts


def check_terraform(context: Context, _: Target) -> Facts | Missing:
    install = "https://developer.hashicorp.com/terraform/install"
    result = context.run("terraform", "version", "-json")
    if not result.ok:
        return Missing(what="Terraform is not installed.", fix=f"open {install}")
    version = str(result.json()["terraform_version"])
    if _numbers(version) < MIN_TERRAFORM:
        wanted = ".".join(map(str, MIN_TERRAFORM))
        what = f"Terraform {version} is too old: {wanted} or newer is needed."
        return Missing(what=what, fix=f"open {install}")
    return {}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def check_gcloud(context: Context, _: Target) -> Facts | Missing:
    if context.run("gcloud", "version").code != NOT_FOUND:
        return {}
    return Missing(
        what="The Google Cloud CLI (gcloud) is not installed.",
        fix="open https://cloud.google.com/sdk/docs/install",
    )


def check_gcloud_login(context: Context, _: Target) -> Facts | Missing:
    listing = ("auth", "list", "--filter=status:ACTIVE", "--format=value(account)")
    account = context.run("gcloud", *listing).stdout.strip()
    if account:
        return {"account": account}
    return Missing(what="You are not logged in to gcloud.", fix=LOGIN)


def check_default_credentials(context: Context, _: Target) -> Facts | Missing:
    token = ("auth", "application-default", "print-access-token")
    result = context.run("gcloud", *token)
    if result.ok:
        return _account_of(context, result.stdout.strip())
    # They were never set, or have expired.
    why = result.stderr.partition("\n")[0]
    return Missing(what=f"Terraform has no valid login: {why}", fix=ADC_LOGIN)


def _account_of(context: Context, token: str) -> Facts:
    """Terraform's account; empty if Google doesn't name it, as without an e-mail."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"access_token={token}".encode()
    request = HttpRequest(url=LOGIN_INFO_URL, method="POST", headers=headers, body=body)
    response = context.send(request)
    email = json.loads(response.body).get("email") if response.status == 200 else None
    return {"terraform_account": str(email)} if email else {}


def warn_about_two_logins(context: Context, facts: Facts) -> None:
    """Warn if gcloud and Terraform use two logins, whose rights may differ."""
    terraform = facts.get("terraform_account", facts["account"])
    if terraform != facts["account"]:
        say = TWO_ACCOUNTS.format(gcloud=facts["account"], terraform=terraform)
        context.console.say(say)


def check_project(context: Context, target: Target) -> Facts | Missing:
    describe = ("projects", "describe", target.project)
    result = context.run("gcloud", *describe, "--format=json")
    if not (result.ok or _is_hidden(result)):
        return _not_looked_up(f"The project {target.project}", result, describe)
    described = result.json()
    if described.get("lifecycleState") == "ACTIVE":
        return {"project_number": str(described["projectNumber"])}
    if described:
        what = f"The project {target.project} is being deleted."
        return Missing(what=what, fix=f"gcloud projects undelete {target.project}")
    what = f"There is no project {target.project} that this account may see."
    return Missing(what=what, fix=f"gcloud projects create {target.project}")


def _is_hidden(result: CommandResult) -> bool:
    """Whether what was asked for is not there, or not for this account to see."""
    text = result.stderr
    return bool(re.search(PERMISSION_DENIED, text)) and not re.search(
        NOT_ENABLED_YET, text
    )


def _not_looked_up(what: str, result: CommandResult, argv: Sequence[str]) -> Missing:
    """For example, because the login has expired."""
    why = result.stderr.partition("\n")[0]
    fix = LOGIN if LOGIN in result.stderr else " ".join(("gcloud", *argv))
    return Missing(what=f"{what} can't be looked up: {why}", fix=fix)


def check_billing(context: Context, target: Target) -> Facts | Missing:
    describe = ("billing", "projects", "describe", target.project)
    result = context.run("gcloud", *describe, "--format=json")
    if not result.ok:
        return _not_looked_up(f"The billing of {target.project}", result, describe)
    described = result.json()
    if described.get("billingEnabled"):
        account = described["billingAccountName"].rpartition("/")[2]
        return {"billing_account": account}
    what = f"No open billing account is linked to {target.project}."
    account = _open_billing_account(context) or "ACCOUNT"
    link = f"gcloud billing projects link {target.project} --billing-account={account}"
    return Missing(what=what, fix=link)


def _open_billing_account(context: Context) -> str:
    # No --limit=1: gcloud would look at only one account before it filters.
    listing = ("billing", "accounts", "list", "--filter=open=true")
    result = context.run("gcloud", *listing, "--format=value(name.basename())")
    return next(iter(result.stdout.split()), "")


def check_region(context: Context, target: Target) -> Facts | Missing:
    """Run once the Cloud Functions API is enabled, which it calls."""
    listing = ("functions", "regions", "list", f"--project={target.project}")
    result = context.run("gcloud", *listing, "--gen2", "--format=value(locationId)")
    regions = result.stdout.split()
    # A newly enabled API may not answer yet. A wrong region then fails in Terraform.
    if target.region in regions or not result.ok:
        return {}
    near = [r for r in regions if r.split("-")[0] == target.region.split("-")[0]]
    places = ", ".join(near) or "us-central1, europe-west1, asia-northeast3 and others"
    what = f"Functions don't run in {target.region}; they do in {places}."
    return Missing(what=what, fix=f"make deploy PROJECT={target.project} REGION=…")


def disabled_apis(context: Context, target: Target) -> tuple[str, ...]:
    listing = ("services", "list", "--enabled", f"--project={target.project}")
    result = context.run("gcloud", *listing, "--format=value(config.name)")
    return tuple(api for api in BOOTSTRAP_APIS if api not in result.stdout.split())


def may_manage_budgets(context: Context, billing_account: str, project: str) -> bool:
    """Whether this account sees the billing account's budgets.

    Raises DeployError if that can't be found out.
    """
    listing = ("billing", "budgets", "list", f"--billing-account={billing_account}")
    quota = f"--billing-project={project}"
    result = retry_while_enabling(
        context, lambda: context.run("gcloud", *listing, "--limit=1", quota)
    )
    if result.ok or _is_hidden(result):
        return result.ok
    raise DeployError(
        f"Whether you may set a budget is unknown: {result.stderr.strip()}"
    )


def currency(context: Context, billing_account: str) -> str:
    """Its ISO 4217 code; empty if this account may not see it."""
    describe = ("billing", "accounts", "describe", billing_account)
    return context.run(
        "gcloud", *describe, "--format=value(currencyCode)"
    ).stdout.strip()


PREREQUISITES = (
    Check(name="terraform", probe=check_terraform),
    Check(name="gcloud", probe=check_gcloud),
    Check(name="login", probe=check_gcloud_login, needs=("gcloud",)),
    Check(name="Terraform's login", probe=check_default_credentials, needs=("gcloud",)),
    Check(name="project", probe=check_project, needs=("login",)),
    Check(name="billing", probe=check_billing, needs=("project",)),
)
# Nothing is created, so no billing account is needed.
DESTROY_CHECKS = tuple(check for check in PREREQUISITES if check.name != "billing")
REGION_CHECKS = (Check(name="region", probe=check_region),)

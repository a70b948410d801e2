"""What a deploy needs, how to see whether it is there, and what to do if not."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.deploy.failures import NOT_ENABLED_YET, waits_for
from ops.deploy.world import NOT_FOUND, Outgoing, Ran, Stopped, World

TERRAFORM_AT_LEAST = (1, 11)
MAY_NOT = r"PERMISSION_DENIED|does not have permission"
LOGIN = "gcloud auth login"
ADC_LOGIN = "gcloud auth application-default login"
WHOSE_LOGIN = "https://oauth2.googleapis.com/tokeninfo"
TWO_ACCOUNTS = (
    "  Note: gcloud acts as {gcloud}, Terraform as {terraform}. If Terraform is "
    f"refused what gcloud may do, log in with the same account: {ADC_LOGIN}"
)

# What Terraform and the steps before it call; the rest Terraform enables itself.
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

# Terraform's own, which it would apply only once much has been asked and made.
PATTERNS = {
    "PROJECT": "[a-z][a-z0-9-]{4,28}[a-z0-9]",
    "REGION": "[a-z]+-[a-z]+[0-9]+",
}
WRONG = {
    "PROJECT": "a project's id (not its name or number): 6 to 30 lower-case letters, "
    "digits and hyphens",
    "REGION": "a region such as us-central1 or asia-northeast3",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Stopped where one can't be. `region`: empty while it is not known."""

    project: str
    region: str

    def __post_init__(self) -> None:
        given = {"PROJECT": self.project, "REGION": self.region}
        if not self.region:
            del given["REGION"]
        wrong = [
            f"{name}: {value!r} is not {WRONG[name]}."
            for name, value in given.items()
            if not re.fullmatch(PATTERNS[name], value)
        ]
        if wrong:
            raise Stopped("\n".join(wrong))


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One sentence, and the command to run."""

    what: str
    fix: str


Facts = Mapping[str, str]
Look = Callable[[World, Target], Facts | Missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`needs`: checks that must pass first, or this one would repeat their answer."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


def found(checks: Sequence[Check], world: World, target: Target) -> Facts:
    """What was found out. Stopped with everything that is missing, a line each."""
    facts: dict[str, str] = {}
    missing: list[Missing] = []
    passed: set[str] = set()
    for check in checks:
        if not passed.issuperset(check.needs):
            continue
        match check.look(world, target):
            case Missing() as absent:
                missing.append(absent)
            case seen:
                facts |= seen
                passed.add(check.name)
    if missing:
        raise Stopped("\n".join(f"{each.what}\n  run: {each.fix}" for each in missing))
    return facts


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
    return Missing(what="You are not logged in to gcloud.", fix=LOGIN)


def terraform_may_log_in(world: World, _: Target) -> Facts | Missing:
    token = ("auth", "application-default", "print-access-token")
    ran = world.run("gcloud", *token)
    if ran.ok:
        return _account_of(world, ran.stdout.strip())
    what = "Terraform has no login: application default credentials are not set."
    return Missing(what=what, fix=ADC_LOGIN)


def _account_of(world: World, token: str) -> Facts:
    """Empty where Google doesn't say it, as of a login without an e-mail."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"access_token={token}".encode()
    asked = Outgoing(method="POST", url=WHOSE_LOGIN, headers=headers, body=body)
    answer = world.send(asked)
    email = json.loads(answer.body).get("email") if answer.status == 200 else None
    return {"terraform_account": str(email)} if email else {}


def say_who(world: World, facts: Facts) -> None:
    """Two logins are two sets of rights, which explains many a refusal."""
    terraform = facts.get("terraform_account", facts["account"])
    if terraform != facts["account"]:
        say = TWO_ACCOUNTS.format(gcloud=facts["account"], terraform=terraform)
        world.person.say(say)


def project_is_there(world: World, target: Target) -> Facts | Missing:
    ran = world.run("gcloud", "projects", "describe", target.project, "--format=json")
    described = _json(ran)
    if described.get("lifecycleState") == "ACTIVE":
        return {"project_number": str(described["projectNumber"])}
    if described:
        what = f"The project {target.project} is being deleted."
        return Missing(what=what, fix=f"gcloud projects undelete {target.project}")
    what = f"There is no project {target.project} that this account may see."
    return Missing(what=what, fix=f"gcloud projects create {target.project}")


def billing_is_linked(world: World, target: Target) -> Facts | Missing:
    describe = ("billing", "projects", "describe", target.project, "--format=json")
    described = _json(world.run("gcloud", *describe))
    if described.get("billingEnabled"):
        return {"billing_account": _last_part(described["billingAccountName"])}
    what = f"No open billing account is linked to {target.project}."
    account = _open_billing_account(world) or "ACCOUNT"
    link = f"gcloud billing projects link {target.project} --billing-account={account}"
    return Missing(what=what, fix=link)


def _open_billing_account(world: World) -> str:
    listing = ("billing", "accounts", "list", "--filter=open=true")
    ran = world.run("gcloud", *listing, "--format=value(name.basename())", "--limit=1")
    return ran.stdout.strip()


def region_is_one(world: World, target: Target) -> Facts | Missing:
    """Needs the Cloud Functions API, so it runs once that is enabled."""
    listing = ("functions", "regions", "list", f"--project={target.project}")
    ran = world.run("gcloud", *listing, "--gen2", "--format=value(locationId)")
    regions = ran.stdout.split()
    # An API that was just enabled may not answer yet; then Terraform finds out.
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
    ran = world.run(*words)
    # An API that was enabled a moment ago says so in the words of a refusal.
    if re.search(NOT_ENABLED_YET, ran.stderr) and waits_for(world, ran):
        ran = world.run(*words)
    may_not = re.search(MAY_NOT, ran.stderr)
    if ran.ok or (may_not and not re.search(NOT_ENABLED_YET, ran.stderr)):
        return ran.ok
    raise Stopped(f"Whether you may set a budget is unknown: {ran.stderr.strip()}")


def currency(world: World, billing_account: str) -> str:
    """As ISO 4217 names it; empty where this account may not see it."""
    describe = ("billing", "accounts", "describe", billing_account)
    return world.run("gcloud", *describe, "--format=value(currencyCode)").stdout.strip()


def _json(ran: Ran) -> dict[str, object]:
    read: dict[str, object] = json.loads(ran.stdout) if ran.ok else {}
    return read


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
# Nothing is made, so no billing account is needed.
TO_DESTROY = tuple(check for check in HERE if check.name != "billing")
ONCE_ENABLED = (Check(name="region", look=region_is_one),)

"""What Terraform's errors mean: wait, take over what is there, or tell."""

import re
from dataclasses import dataclass
from pathlib import Path

from local.deploy.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """It passes by itself: apply again after a while, `tries` times at most."""

    why: str
    seconds: int
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """It is there already: bring `address` under Terraform, then apply the rest."""

    address: str
    import_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """It is there already, and infra/ has a way to import it: a name in `existing`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """One sentence with the command that mends it."""

    told: str


Remedy = Wait | TakeOver | Existing | GiveUp

UNFORESEEN = (
    "Terraform stopped; what it said stands above. Mend it and run the same command "
    "again: it goes on where it stopped."
)

# What only a person can mend, by the words of Google and Terraform.
TOLD = {
    r"allowedPolicyMemberDomains|do not belong to a permitted customer": (
        "Your organisation forbids services that anybody may reach (allUsers): run it "
        'again with ARGS=--no-public, then let callers in with "gcloud run services '
        'update api --no-invoker-iam-check".'
    ),
    r"Error acquiring the state lock": (
        "Another deploy is running, or one was killed. If none runs: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform force-unlock {lock}"
    ),
    r"Error creating Budget|billingbudgets.*(403|PERMISSION_DENIED)": (
        'This account may not set a budget: ask for it with "gcloud billing accounts '
        "add-iam-policy-binding ACCOUNT --member=user:YOU "
        '--role=roles/billing.costsManager", or go without: ARGS=--no-budget.'
    ),
    r"cannot run builds in this region": (
        "Google lets this project build in other regions only, as is usual with new "
        "ones: choose another (REGION=us-central1 mostly works), or ask for the quota: "
        "https://console.cloud.google.com/cloud-build/settings"
    ),
    r"invalid_grant|invalid_rapt|[Rr]eauthentication": (
        "The login has run out: gcloud auth application-default login"
    ),
    r"Quota exceeded|RESOURCE_EXHAUSTED|quota.*exceeded": (
        "A quota of the project is used up; which one stands above. Ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas"
    ),
}

# An own metric is there at most 12 minutes after it was made; a grant after about one.
PASSING = {
    r"Cannot find metric|metric referenced by the provided filter is unknown": Wait(
        why="a metric that was just made isn't known everywhere yet",
        seconds=60,
        tries=12,
    ),
    r"concurrent policy changes": Wait(
        why="somebody else changed a grant at the same time", seconds=20
    ),
    r"has not been used in project .* before or it is disabled|SERVICE_DISABLED": Wait(
        why="an API that was just enabled isn't on everywhere yet", seconds=60, tries=2
    ),
    r"[Ss]ervice ([Aa]gent|[Aa]ccount).*(does not exist|being|not found|provision)": (
        Wait(why="Google is still making its service agents", seconds=60, tries=2)
    ),
    r"[Pp]ermission.*denied|does not have .*(permission|access)|Error 403": Wait(
        why="a grant that was just made isn't known everywhere yet", seconds=60
    ),
}

ALREADY = re.compile(r"already exists|already own|Error 409|already been enabled")
ADDRESS = re.compile(r"^\s*with (\S+),$", re.MULTILINE)
BLOCK = re.compile(r"^Error: ", re.MULTILINE)
LOCK_ID = re.compile(r"ID:\s+(\S+)")


def told(stderr: str, work: Path) -> str | None:
    """The sentence for a known error."""
    lock = LOCK_ID.search(stderr)
    for words, sentence in TOLD.items():
        if re.search(words, stderr):
            return sentence.format(work=work, lock=lock[1] if lock else "ID")
    return None


def remedy(stderr: str, plan: Plan, work: Path, project: str) -> Remedy:
    """What to do about a failed apply: what stops for sure comes first."""
    if sentence := told(stderr, work):
        return GiveUp(told=sentence)
    if found := _there_already(stderr, plan, project):
        return found
    for words, wait in PASSING.items():
        if re.search(words, stderr):
            return wait
    return GiveUp(told=UNFORESEEN)


def _there_already(stderr: str, plan: Plan, project: str) -> Remedy | None:
    for block in BLOCK.split(stderr):
        at = ADDRESS.search(block)
        if at and ALREADY.search(block):
            found = _taking_over(at[1], plan, project)
            if found:
                return found
    return None


def _taking_over(address: str, plan: Plan, project: str) -> Remedy | None:
    if kind := EXISTING.get(address.partition(".")[0]):
        return Existing(name=kind)
    for change in plan.changes:
        if change.address == address and change.kind in IMPORT_IDS:
            name = change.after.get("name", "")
            import_id = IMPORT_IDS[change.kind].format(project=project, name=name)
            return TakeOver(address=address, import_id=import_id)
    return None


# What infra/ imports by itself, by the name that `existing` takes.
EXISTING = {
    "google_identity_platform_config": "identity_platform",
    "google_firestore_database": "firestore_database",
}
# What outlives `make destroy`, or is made by Firebase's console.
IMPORT_IDS = {
    "google_storage_bucket": "{name}",
    "google_firebase_project": "projects/{project}",
    "google_firebaserules_release": "projects/{project}/releases/{name}",
}

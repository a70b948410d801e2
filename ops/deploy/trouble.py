"""What Terraform's errors mean: wait, take over what is there, or tell."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.deploy.plan import (
    Change,
    Plan,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """It passes by itself: apply again after a while, `tries` times at most."""

    why: str
    seconds: int
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """It is there already: bring it under Terraform, then apply the rest."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """One sentence with the command that mends it."""

    told: str


Remedy = Wait | TakeOver | GiveUp

UNFORESEEN = (
    "Terraform stopped; what it said stands above. Mend it and run the same command "
    "again: it goes on where it stopped."
)

# An API that was enabled a moment ago also answers 403, for a while.
NOT_ON = r"has not been used in project .* before or it is disabled|SERVICE_DISABLED"
REFUSED = rf"(?!.*({NOT_ON})).*(Error 403|PERMISSION_DENIED)"

# What only a person can mend, by the words of Google and Terraform.
TOLD = {
    r"Error creating Project" + REFUSED: (
        "Firebase wants its terms of service accepted, once: open "
        "https://console.firebase.google.com, choose Add project and this project, "
        "then run the same command again. Or go without Firebase: "
        "ARGS='--set enable_web=false'."
    ),
    r"IAM policy for billing account" + REFUSED: (
        "With ci_repository Cloud Build's account gets a role on the billing account, "
        "and only a Billing Account Administrator (roles/billing.admin) may grant it: "
        "have one run this, or go without: ARGS='--set ci_repository=null'."
    ),
    r"allowedPolicyMemberDomains|do not belong to a permitted customer": (
        "Your organisation forbids services that anybody may reach (allUsers): run it "
        'again with ARGS=--no-public, then let callers in with "gcloud run services '
        'update api --no-invoker-iam-check".'
    ),
    r"Error acquiring the state lock": (
        "Another deploy is running, or one was killed. If none runs: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform force-unlock {lock}"
    ),
    r"Budget" + REFUSED: (
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
    r"Access to bucket .* denied": Wait(
        why="the build may not read its bucket everywhere yet", seconds=60, tries=3
    ),
    r"unable to queue the operation|[Oo]peration.* in progress": Wait(
        why="Google is still at work on it", seconds=60, tries=10
    ),
    r"Cannot find metric|metric referenced by the provided filter is unknown": Wait(
        why="a metric that was just made isn't known everywhere yet",
        seconds=60,
        tries=12,
    ),
    r"concurrent policy changes": Wait(
        why="somebody else changed a grant at the same time", seconds=20
    ),
    NOT_ON: Wait(
        why="an API that was just enabled isn't on everywhere yet", seconds=60, tries=2
    ),
    r"[Ss]ervice ([Aa]gent|[Aa]ccount).*(does not exist|being|not found|provision)": (
        Wait(why="Google is still making its service agents", seconds=60, tries=2)
    ),
    r"[Pp]ermission.*denied|does not have .*(permission|access)|Error 403": Wait(
        why="a grant that was just made isn't known everywhere yet", seconds=60
    ),
}

ALREADY = re.compile(r"already ?[Ee]xists|already own|already been enabled")
ADDRESS = re.compile(r"^\s*with (.+),$", re.MULTILINE)
BLOCK = re.compile(r"^Error: ", re.MULTILINE)
LOCK_ID = re.compile(r"ID:\s+(\S+)")


def told(stderr: str, work: Path) -> str | None:
    """The sentence for a known error."""
    lock = LOCK_ID.search(stderr)
    for words, sentence in TOLD.items():
        if re.search(words, stderr):
            return sentence.format(work=work, lock=lock[1] if lock else "ID")
    return None


def passing(stderr: str) -> Wait | None:
    """How to wait, where it passes by itself."""
    for words, wait in PASSING.items():
        if re.search(words, stderr):
            return wait
    return None


def remedies(stderr: str, plan: Plan, work: Path) -> Sequence[Remedy]:
    """What to do about a failed apply: what stops for sure comes first."""
    if sentence := told(stderr, work):
        return [GiveUp(told=sentence)]
    if found := _there_already(stderr, plan):
        return found
    return [passing(stderr) or GiveUp(told=UNFORESEEN)]


def _there_already(stderr: str, plan: Plan) -> Sequence[TakeOver]:
    blocks = [block for block in BLOCK.split(stderr) if ALREADY.search(block)]
    addresses = {at[1] for block in blocks if (at := ADDRESS.search(block))}
    return [TakeOver(change=c) for c in plan.changes if c.address in addresses]

"""What a failed command of Terraform or gcloud means: wait, or what to type."""

import re
from collections.abc import Callable
from pathlib import Path

from ops.deploy.world import Ran, World

AGAIN_SECONDS = 60

# An API that was just enabled also answers 403 for a while.
NOT_ENABLED_YET = (
    r"has not been used in project .* before or it is disabled|SERVICE_DISABLED"
)
REFUSED = rf"(?!.*({NOT_ENABLED_YET})).*(Error 403|PERMISSION_DENIED)"

# The words of Google or Terraform, and the sentence for what only a person can fix.
EXPLAINED = {
    r"Error creating Project" + REFUSED: (
        "Firebase wants you to accept its terms of service, once: open "
        "https://console.firebase.google.com, choose Add project and this project, "
        "then run the same command again. Or deploy without Firebase: "
        "ARGS='--set enable_web=false'."
    ),
    r"IAM policy for billing account" + REFUSED: (
        "With ci_repository, Cloud Build's account gets a role on the billing account, "
        "which only a Billing Account Administrator (roles/billing.admin) may grant: "
        "ask one to run this, or deploy without: ARGS='--set ci_repository=null'."
    ),
    r"Error creating Budget.*Error 400": (
        "Google refused the budget without a reason, as it does where the organisation "
        "restricts members by domain: making a budget lets Google's own account "
        "publish to the topic. Allow billing-budget-alert@system.gserviceaccount.com "
        "(constraints iam.allowedPolicyMemberDomains, iam.managed.allowedPolicyMembers)"
        ", or let the budget only write e-mails: ARGS='--set budget_notices=false'."
    ),
    r"allowedPolicyMemberDomains|do not belong to a permitted customer": (
        "Your organisation forbids services that anyone may call (allUsers): run it "
        "again with ARGS=--no-public, which lets callers in another way."
    ),
    r"Error acquiring the state lock": (
        "Another deploy is running, or one was killed. If none is running: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform force-unlock {lock}"
    ),
    r"Budget" + REFUSED: (
        'This account may not set a budget: ask for it with "gcloud billing accounts '
        "add-iam-policy-binding ACCOUNT --member=user:YOU "
        '--role=roles/billing.costsManager", or deploy without: ARGS=--no-budget.'
    ),
    r"cannot run builds in this region": (
        "Google lets this project build in other regions only, as is usual for new "
        "projects: choose another (REGION=us-central1 mostly works), or ask for the "
        "quota: https://console.cloud.google.com/cloud-build/settings"
    ),
    r"Quota violated|Max instances must be set to|maxScale may not exceed": (
        "The project's quota of CPUs, memory or instances in this region is smaller "
        "than what the functions may use together; the number is in the error above. "
        "Deploy fewer instances, for example ARGS='--set region_cpus=10 --set "
        "api_instances=1 --set worker_instances=2', or ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas?service=run.googleapis.com"
    ),
    r"Quota exceeded|RESOURCE_EXHAUSTED|quota.*exceeded": (
        "A quota of the project is used up; the error above names it. Ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas"
    ),
    r"invalid_grant|invalid_rapt|[Rr]eauthentication": (
        "Your login has expired: gcloud auth application-default login"
    ),
    r"Identity Platform has already been enabled": (
        "The project has Identity Platform already. Import it: "
        "ARGS='--set existing=identity_platform'."
    ),
    r"already ?[Ee]xists|already own": (
        "{address} exists already, but Terraform does not know it, as after a deploy "
        "that was killed. If it is Reelay's, import it with the ID that Terraform's "
        "page of that type describes, then run the same command again: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform import "
        "-var-file={work}/settings.tfvars.json '{address}' ID"
    ),
}
UNFORESEEN = (
    "Terraform stopped; its error is above. Fix it and run the same command again: "
    "it continues where it stopped."
)
STILL = (
    "This usually passes within ten minutes ({why}): run the same command again then."
)

# The words of what passes by itself, and why it happens.
PASSING = {
    NOT_ENABLED_YET: "an API that was just enabled is not on everywhere yet",
    r"Access to bucket .* denied": "the build may not read its bucket everywhere yet",
    r"unable to queue the operation|[Oo]peration.* in progress": (
        "Google is still working on it"
    ),
    r"Cannot find metric|metric referenced by the provided filter is unknown": (
        "a metric that was just made is not known everywhere yet"
    ),
    r"concurrent policy changes": "somebody else changed a grant at the same time",
    r"[Ss]ervice ([Aa]gent|[Aa]ccount).*(does not exist|being|not found|provision)": (
        "Google is still making its service agents"
    ),
    r"[Pp]ermission.*denied|does not have .*(permission|access)|Error 403": (
        "a grant that was just made is not known everywhere yet"
    ),
}
ADDRESS = re.compile(r"with (\S+),$", re.MULTILINE)
LOCK_ID = re.compile(r"ID:\s+(\S+)")


def explanation(stderr: str, work: Path) -> str | None:
    """What to type, where only a person can fix it; None for any other error."""
    names = {
        "work": work,
        "lock": _first(LOCK_ID, stderr, otherwise="ID"),
        "address": _first(ADDRESS, stderr, otherwise="ADDRESS"),
    }
    for words, sentence in EXPLAINED.items():
        if re.search(words, stderr):
            return sentence.format(**names)
    return None


def passing(stderr: str) -> str | None:
    """Why it failed, where that passes by itself."""
    found = (why for words, why in PASSING.items() if re.search(words, stderr))
    return next(found, None)


def sentence(stderr: str, work: Path) -> str:
    """What to do next, for a person who has seen the error itself."""
    why = passing(stderr)
    return explanation(stderr, work) or (STILL.format(why=why) if why else UNFORESEEN)


def waits_for(world: World, ran: Ran, work: Path = Path()) -> bool:
    """Wait a minute where `ran` failed for what passes by itself; False otherwise."""
    why = passing(ran.stderr)
    if ran.ok or explanation(ran.stderr, work) or not why:
        return False
    world.person.say(f"  This passes by itself ({why}): again in {AGAIN_SECONDS} s.")
    world.wait_seconds(AGAIN_SECONDS)
    return True


def patiently(world: World, run: Callable[[], Ran], work: Path = Path()) -> Ran:
    """Run it, and once more after a minute where the failure passes by itself."""
    ran = run()
    return run() if waits_for(world, ran, work) else ran


def _first(pattern: re.Pattern[str], text: str, *, otherwise: str) -> str:
    found = pattern.search(text)
    return found[1] if found else otherwise

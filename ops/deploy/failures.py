"""Diagnoses a failed terraform or gcloud command: wait and retry, or what to type."""

import re
from collections.abc import Callable
from pathlib import Path

from ops.deploy.context import CommandResult, Context

RETRY_DELAY_SECONDS = 60

# A newly enabled API also answers 403 for a while.
NOT_ENABLED_YET = (
    r"has not been used in project .* before or it is disabled|SERVICE_DISABLED"
)
PER_MINUTE = "per minute"
PERMISSION_ERROR = rf"(?!.*({NOT_ENABLED_YET})).*(Error 403|PERMISSION_DENIED)"

# `gcloud functions logs read` shows an event's name alone, without its fields.
LOGS = (
    "gcloud logging read 'resource.labels.service_name={function} severity!=INFO' "
    "--project={project} --limit=50 --format='value(timestamp,textPayload,jsonPayload)'"
)

# Errors that only a person can fix: what Google or Terraform prints, and what to do.
MANUAL_FIXES = {
    r"Invalid value for variable": (
        "A setting that was typed or saved earlier is refused; why is above. Replace "
        "it: ARGS='--set {variable}=…'."
    ),
    r"Error creating Project" + PERMISSION_ERROR: (
        "Firebase wants you to accept its terms of service, once: open "
        "https://console.firebase.google.com, choose Add project and this project, "
        "then run the same command again. Or deploy without Firebase: "
        "ARGS='--set enable_web=false'."
    ),
    r"IAM policy for billing account" + PERMISSION_ERROR: (
        "With ci_repository or github_repository, the account that deploys gets a role "
        "on the billing account, which only a Billing Account Administrator "
        "(roles/billing.admin) may grant: ask one to run this, or deploy without: "
        "ARGS='--set ci_repository=null --set github_repository=null'."
    ),
    r"Error creating Budget.*Error 400": (
        "Google refused the budget without a reason, as it does where the organisation "
        "restricts members by domain: making a budget lets Google's own account "
        "publish to the topic. Allow billing-budget-alert@system.gserviceaccount.com "
        "(constraints iam.allowedPolicyMemberDomains, iam.managed.allowedPolicyMembers)"
        ", or let the budget only write e-mails: ARGS='--set budget_notices=false'."
    ),
    r"allowedPolicyMember|do not belong to a permitted customer": (
        "Your organisation forbids services that anyone may call (allUsers): run it "
        "again with ARGS=--no-public, which lets callers in another way."
    ),
    r"constraints/": (
        "A policy of your organisation forbids this; the error above names it after "
        "constraints/. Ask its administrator (roles/orgpolicy.policyAdmin) to "
        "exempt this project, or deploy into a project without it."
    ),
    r"Error acquiring the state lock": (
        "Another deploy is running, or one was killed. If none is running: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform force-unlock {lock}"
    ),
    r"Budget" + PERMISSION_ERROR: (
        "This account may not set a budget, nor see the one of an earlier deploy: ask "
        'for it with "gcloud billing accounts add-iam-policy-binding ACCOUNT '
        '--member=user:YOU --role=roles/billing.costsManager". A first deploy can do '
        "without: ARGS=--no-budget."
    ),
    r"cannot run builds in this region": (
        "Google lets this project build in other regions only, as is usual for new "
        "projects: choose another (REGION=us-central1 mostly works), or ask for the "
        "quota: https://console.cloud.google.com/cloud-build/settings"
    ),
    r"Quota violated|Max instances must be set to|maxScale may not exceed"
    r"|Quota exceeded for total allowable": (
        "The project's quota of CPUs, memory or instances in this region is smaller "
        "than what the functions may use together; the number is in the error above. "
        "Deploy fewer instances, for example ARGS='--set region_cpus=10 --set "
        "api_instances=1 --set worker_instances=2', or ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas?service=run.googleapis.com"
    ),
    r"queue with this name existed too recently": (
        "Google blocks a deleted queue's name for a week, as in a region that Reelay "
        "ran in before. Stay in the other region until then, or give the queues other "
        "names: cd infra && TF_DATA_DIR={work}/terraform terraform apply "
        "-var-file={work}/settings.tfvars.json -replace=random_id.queues"
    ),
    rf"(?!.*{PER_MINUTE})(Quota exceeded|RESOURCE_EXHAUSTED|quota.*exceeded)": (
        "A quota of the project is used up; the error above names it. Ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas"
    ),
    r"Container Healthcheck failed": (
        "The new version of {function} does not start; the one before it, if there is "
        "one, goes on serving. Its log says why, with settings_refused if a setting is "
        "to blame: {logs}"
    ),
    r"invalid_grant|invalid_rapt|[Rr]eauthentication": (
        "Your login has expired: gcloud auth application-default login"
    ),
    r"Identity Platform has already been enabled": (
        "The project has Identity Platform already. Import it: "
        "ARGS='--set existing=identity_platform'."
    ),
    r"Resource\s+google_(firebase_hosting_site|identity_platform_config)": (
        "The page's address and the users who signed up are not destroyed, as with "
        "enable_web=false. To go on without them, let go of them, so that they stay at "
        "Google, and run the same command again: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform state rm {protected}. The page stays "
        "published until you disable it in Firebase's console."
    ),
    r"Instance cannot be destroyed": (
        "This would delete {protected}, which holds data, as where its location is "
        "changed: set firestore_location or bucket_location back."
    ),
    r"bucket name is not available": (
        "Somebody else has the bucket {address}: bucket names are shared by all of "
        "Google Cloud. Deploy into a project with another ID."
    ),
    r"already ?[Ee]xists|already own": (
        "{address} exists already, but Terraform does not know it, as after a deploy "
        "that was killed. Run the same command again: it imports the database, the "
        "bucket of videos, Firebase, the rules and the page's site by itself. Anything "
        "else of Reelay's has to be imported first, with the ID that Terraform's page "
        "of that type describes: cd infra && "
        "TF_DATA_DIR={work}/terraform terraform import "
        "-var-file={work}/settings.tfvars.json '{address}' ID"
    ),
}
UNRECOGNISED = (
    "Terraform stopped; its error is above. Fix it and run the same command again: "
    "it continues where it stopped."
)
TRY_LATER = (
    "This usually passes within ten minutes ({why}): run the same command again then."
)

# Errors that pass by themselves: what is printed, and why it happens.
TRANSIENT = {
    NOT_ENABLED_YET: "an API that was just enabled is not active everywhere yet",
    r"Access to bucket .* denied": "the build's grant has not propagated yet",
    PER_MINUTE: "a quota of calls a minute is used up",
    r"unable to queue the operation|[Oo]peration.* in progress": (
        "Google is still working on it"
    ),
    r"Cannot find metric|metric referenced by the provided filter is unknown": (
        "a metric that was just created has not propagated yet"
    ),
    r"Role \S+ does not exist in the resource|Identity Pool does not exist": (
        "a role or an identity pool that was just created has not propagated yet"
    ),
    r"concurrent policy changes": "somebody else changed a grant at the same time",
    # Terraform hasn't recorded what it has made then: up.py has it imported.
    r"was\s+present,\s+but\s+now\s+absent|Error creating Site.*Error 404": (
        "Google does not show everywhere yet what was just created"
    ),
    r"[Ss]ervice ([Aa]gent|[Aa]ccount).*(does not exist|being|not found|provision)": (
        "Google is still creating its service agents"
    ),
    # In an operation that fails later, code 7 is what 403 is in an answer.
    r"[Pp]ermission.*denied|does not have .*(permission|access)|missing permission"
    r"|Error 403|Error code 7\b": "a grant that was just made has not propagated yet",
}
PROTECTED_RESOURCE = re.compile(r"Resource\s+(\S+)\s+has\s+lifecycle.prevent_destroy")
FUNCTION = re.compile(r"Cloud Run service ([\w-]+)")
VARIABLE = re.compile(r"var\.(\w+) is ")
ADDRESS = re.compile(r"with (\S+),$", re.MULTILINE)
LOCK_ID = re.compile(r"ID:\s+(\S+)")


def manual_fix(stderr: str, work: Path) -> str | None:
    """What to type if only a person can fix the error; None for any other error."""
    function = _first(FUNCTION, stderr, otherwise="FUNCTION")
    names = {
        "function": function,
        "logs": LOGS.format(function=function, project=work.name),
        "work": work,
        "protected": " ".join(
            f"'{each}'" for each in PROTECTED_RESOURCE.findall(stderr)
        ),
        "lock": _first(LOCK_ID, stderr, otherwise="ID"),
        "variable": _first(VARIABLE, stderr, otherwise="NAME"),
        "address": _first(ADDRESS, stderr, otherwise="ADDRESS"),
    }
    for pattern, fix in MANUAL_FIXES.items():
        if re.search(pattern, stderr):
            return fix.format(**names)
    return None


def transient_reason(stderr: str) -> str | None:
    """Why it failed, if that passes by itself; else None."""
    found = (why for pattern, why in TRANSIENT.items() if re.search(pattern, stderr))
    return next(found, None)


def next_step(stderr: str, work: Path) -> str:
    """What to do next, in one sentence, for someone who has seen the error itself."""
    why = transient_reason(stderr)
    return manual_fix(stderr, work) or (
        TRY_LATER.format(why=why) if why else UNRECOGNISED
    )


def wait_if_transient(
    context: Context, result: CommandResult, work: Path = Path()
) -> bool:
    """Wait a minute if `result` is a transient failure. Return whether it is one."""
    why = transient_reason(result.stderr)
    if result.ok or manual_fix(result.stderr, work) or not why:
        return False
    context.console.say(
        f"  This is temporary ({why}): trying again in {RETRY_DELAY_SECONDS} s."
    )
    context.wait_seconds(RETRY_DELAY_SECONDS)
    return True


def retry_transient(
    context: Context, run: Callable[[], CommandResult], work: Path
) -> CommandResult:
    """Run it, and once more after a minute if the failure is transient."""
    result = run()
    return run() if wait_if_transient(context, result, work) else result


def retry_while_enabling(
    context: Context, run: Callable[[], CommandResult]
) -> CommandResult:
    """Run it, and once more after a minute if its API was just enabled."""
    result = run()
    # For a while, a newly enabled API is refused as if it were off.
    if re.search(NOT_ENABLED_YET, result.stderr) and wait_if_transient(context, result):
        return run()
    return result


def _first(pattern: re.Pattern[str], text: str, *, otherwise: str) -> str:
    found = pattern.search(text)
    return found[1] if found else otherwise

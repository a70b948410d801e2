"""Recognizing failed commands: wait and retry, or explain what to do."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from ops.deploy.context import CommandResult, DeployError
from ops.deploy.failures import manual_fix, retry_transient, transient_reason
from ops.deploy.terraform import Terraform
from tests.ops.deploying import OK, FakeConsole, ScriptedShell, a_context, failed

NOT_ON = (
    "Error 403: Cloud Tasks API has not been used in project 1 before or it is "
    "disabled. Enable it"
)
LOST = failed("Error: no network")
LOCKED = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        17000\n"
KEPT = (
    "Error: Instance cannot be destroyed\n\n  on x.tf line 2:\n\nResource {address} "
    "has\nlifecycle.prevent_destroy set, but the plan calls for this resource to be\n"
    "destroyed.\n"
)
WEB = KEPT.format(address="google_firebase_hosting_site.web[0]") + KEPT.format(
    address="google_identity_platform_config.users[0]"
)
NOT_STARTED = (
    "Error: Error waiting for Updating function: Error code 3, message: Could not "
    "create or update Cloud Run service worker, Container Healthcheck failed."
)
EXISTS = "Error: Error 409: it already exists\n\n  with google_x.y[0],\n  on x.tf\n"


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        ("Error 400: One or more users named in the policy do not belong to a "
         "permitted customer", "ARGS=--no-public"),
        ("constraints/iam.allowedPolicyMemberDomains", "ARGS=--no-public"),
        (LOCKED, "force-unlock 17000"),
        ("Error: Error creating Budget: googleapi: Error 403", "ARGS=--no-budget"),
        ("Error: Error creating Budget: googleapi: Error 400: Request contains an "
         "invalid argument", "--set budget_notices=false"),
        ("Cloud Build cannot run builds in this region", "REGION=us-central1"),
        ("oauth2: cannot fetch token: invalid_grant", "application-default login"),
        ("Error 429: Quota exceeded for metric", "iam-admin/quotas"),
        ("Error 400: The queue cannot be created because a queue with this name "
         "existed too recently.", "-replace=random_id.queues"),
        ("Max instances must be set to 10 or fewer to set the requested total CPU. "
         "Quota violated: CpuAllocPerProjectRegion requested: 60000 allowed: 20000",
         "--set api_instances=1"),
        ("For the specified value, maxScale may not exceed 10.", "region_cpus"),
        (f"{NOT_STARTED} Quota exceeded for total allowable CPU per project per "
         "region.", "--set api_instances=1"),
        (f"{NOT_STARTED} Revision 'worker-00002-gom' is not ready and cannot serve "
         "traffic. The user-provided container failed to start and listen on the port.",
         "gcloud logging read 'resource.labels.service_name=worker severity!=INFO' "
         "--project=my-project "),
        ("Error: Error creating Project: googleapi: Error 403: The caller does not "
         "have permission", "https://console.firebase.google.com"),
        ('Error setting IAM policy for billing account "0-0": googleapi: Error 403: '
         "The caller does not have permission", "Billing Account Administrator"),
        ("Error: Identity Platform has already been enabled", "--set existing="),
        (EXISTS, "-var-file=/my-project/settings.tfvars.json 'google_x.y[0]' "),
        (EXISTS, "Run the same command again: it imports the database"),
        ("Operation denied by org policy on resource 'projects/1': "
         "[\"constraints/iam.managed.allowedPolicyMembers\"]", "ARGS=--no-public"),
        ("googleapi: Error 412: 'us-central1' violates constraint "
         "'constraints/gcp.resourceLocations', conditionNotMet", "orgpolicy"),
        ("Error 403: Request is disallowed by organization's "
         "constraints/gcp.restrictServiceUsage constraint", "orgpolicy"),
        (WEB, "state rm 'google_firebase_hosting_site.web[0]' "
         "'google_identity_platform_config.users[0]'"),
        (KEPT.format(address="google_storage_bucket.videos"), "bucket_location back"),
        ("Error 409: The requested bucket name is not available. The bucket namespace "
         "is shared by all users of the system.", "another ID"),
        ("Error: Invalid value for variable\n\n  on settings.tfvars.json line 1:\n"
         "    ├────────────────\n    │ var.alert_emails is set of string with 1 element"
         "\n\nalert_emails must be e-mail addresses.", "--set alert_emails=…"),
    ],
    ids=["public", "domains", "locked", "budget", "budget 400", "region", "login",
         "quota", "queue", "cpus", "instances", "all cpus", "start", "terms",
         "billing", "users", "exists", "imported", "members", "location", "service",
         "page", "data", "bucket", "setting"],
)  # fmt: skip
def test_a_failure_that_only_a_person_can_fix_is_explained(
    stderr: str, sentence: str
) -> None:
    assert sentence in str(manual_fix(stderr, Path("/my-project")))


@pytest.mark.parametrize(
    ("stderr", "why"),
    [
        ('Error: Error 404: Cannot find metric(s) that match type = "x".', "a metric"),
        ("Error 403: Permission 'iam.x' denied on resource", "a grant"),
        (NOT_ON, "an API"),
        (f"Error: Error creating Budget: googleapi: {NOT_ON}", "an API"),
        (f"Error: Error creating Project: googleapi: {NOT_ON}", "an API"),
        ("Error 400: Service account service-1@gcp-sa-x does not exist.", "Google"),
        ("Error 409: There were concurrent policy changes.", "somebody else"),
        ("Error 400: Role (projects/p/roles/reelaySigner0a1b2c) does not exist in the "
         "resource's hierarchy.", "a role"),
        ("Error 400: Identity Pool does not exist (projects/1/locations/global/x).",
         "a role"),
        ("Build failed: Access to bucket gcf-v2-sources-1 denied.", "the build"),
        ("Error 409: unable to queue the operation", "Google is still"),
        ("Error code 7, message: Unable to retrieve the repository metadata for "
         "projects/p/locations/r/repositories/reelay.", "a grant"),
        ("Error code 3, message: Build failed with status: FAILURE. Could not build "
         "the function due to a missing permission on the build service account.",
         "a grant"),
        ("Error 429: Quota exceeded for quota metric 'Mutate requests' and limit "
         "'Mutate requests per minute' of service 'serviceusage.googleapis.com'",
         "a quota"),
        ("Error: Provider produced inconsistent result after apply\n\nWhen applying "
         "changes to google_firestore_database.default, provider produced an "
         "unexpected new value: Root object was present, but now absent.",
         "Google does not show"),
        ("Error: Error creating Site: googleapi: Error 404: Requested entity was not "
         "found.", "Google does not show"),
    ],
    ids=["metric", "grant", "api", "budget", "firebase", "agent", "race", "role",
         "pool", "source", "busy", "images", "builder", "calls a minute", "database",
         "page"],
)  # fmt: skip
def test_a_temporary_failure_is_recognized(stderr: str, why: str) -> None:
    assert manual_fix(stderr, Path()) is None
    assert str(transient_reason(stderr)).startswith(why)


@pytest.mark.parametrize("passes", [True, False])
def test_terraform_is_run_again_if_its_failure_is_temporary(
    *, passes: bool, tmp_path: Path
) -> None:
    """In a folder for this project's plug-ins, so that two projects don't share one."""
    shell = ScriptedShell({"terraform init": [failed(NOT_ON), OK if passes else LOST]})
    console, waited = FakeConsole(), list[float]()
    context = a_context(shell, console, waited)
    terraform = Terraform(context=context, folder=tmp_path, work=tmp_path / "work")

    with nullcontext() if passes else pytest.raises(DeployError):
        terraform.init("bucket")

    assert waited == [60]
    assert ("no network" in console.output) is not passes
    folders = {(run.environment or {})["TF_DATA_DIR"] for run in shell.ran}
    assert folders == {str(tmp_path / "work" / "terraform")}


@pytest.mark.parametrize(
    ("answer", "runs", "waits"),
    [(failed(NOT_ON), 2, [60]), (failed(LOCKED), 1, []),
     (failed(f"{LOCKED}{NOT_ON}"), 1, []),
     (failed("Error: Invalid value"), 1, []), (OK, 1, [])],
    ids=["passing", "explained", "one of each", "neither", "succeeds"],
)  # fmt: skip
def test_only_a_temporary_failure_is_retried_and_only_once(
    answer: CommandResult, runs: int, waits: list[float]
) -> None:
    shell, waited = ScriptedShell({"gcloud": [answer]}), list[float]()
    context = a_context(shell, FakeConsole(), waited)

    assert retry_transient(context, lambda: context.run("gcloud"), Path()) == answer
    assert (len(shell.commands), waited) == (runs, waits)

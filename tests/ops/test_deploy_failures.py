"""What a failed command means: wait a minute, or one sentence on what to type."""

from pathlib import Path

import pytest

from ops.deploy.failures import explanation, passing, patiently
from tests.ops.deploying import OK, FakePerson, ScriptedShell, a_world, failed

NOT_ON = (
    "Error 403: Cloud Tasks API has not been used in project 1 before or it is "
    "disabled. Enable it"
)
LOCKED = "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        17000\n"
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
        ("Max instances must be set to 10 or fewer to set the requested total CPU. "
         "Quota violated: CpuAllocPerProjectRegion requested: 60000 allowed: 20000",
         "--set api_instances=1"),
        ("For the specified value, maxScale may not exceed 10.", "region_cpus"),
        ("Error: Error creating Project: googleapi: Error 403: The caller does not "
         "have permission", "https://console.firebase.google.com"),
        ('Error setting IAM policy for billing account "0-0": googleapi: Error 403: '
         "The caller does not have permission", "Billing Account Administrator"),
        ("Error: Identity Platform has already been enabled", "--set existing="),
        (EXISTS, "terraform import -var-file=/w/settings.tfvars.json 'google_x.y[0]' "),
    ],
    ids=["public", "domains", "locked", "budget", "budget 400", "region", "login",
         "quota", "cpus", "instances", "terms", "billing", "users", "exists"],
)  # fmt: skip
def test_what_only_a_person_can_fix_is_explained(stderr: str, sentence: str) -> None:
    assert sentence in str(explanation(stderr, Path("/w")))


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
        ("Build failed: Access to bucket gcf-v2-sources-1 denied.", "the build"),
        ("Error 409: unable to queue the operation", "Google is still"),
    ],
    ids=["metric", "grant", "api", "budget", "firebase", "agent", "race", "source",
         "busy"],
)  # fmt: skip
def test_what_passes_by_itself_is_recognised(stderr: str, why: str) -> None:
    assert explanation(stderr, Path()) is None
    assert str(passing(stderr)).startswith(why)


@pytest.mark.parametrize(
    ("stderr", "runs", "waits"),
    [(NOT_ON, 2, [60]), (LOCKED, 1, []), ("Error: Invalid value", 1, [])],
    ids=["passing", "explained", "neither"],
)
def test_only_what_passes_by_itself_is_tried_again_and_once(
    stderr: str, runs: int, waits: list[float]
) -> None:
    shell, waited = ScriptedShell({"gcloud": [failed(stderr)]}), list[float]()
    world = a_world(shell, FakePerson(), waited)

    ran = patiently(world, lambda: world.run("gcloud"))

    assert not ran.ok
    assert (len(shell.commands), waited) == (runs, waits)


def test_what_succeeds_is_not_repeated() -> None:
    shell = ScriptedShell({"gcloud": [OK]})
    world = a_world(shell, FakePerson())

    assert patiently(world, lambda: world.run("gcloud")).ok
    assert len(shell.commands) == 1

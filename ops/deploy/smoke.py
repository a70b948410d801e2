"""Checks a deployed service, and prints commands that make a first video with it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from ops.deploy.checks import Target
from ops.deploy.context import Command, CommandResult, Context, DeployError, HttpRequest
from ops.deploy.failures import LOGS
from ops.deploy.variables import function_settings
from shared.domain import fallback
from shared.domain.request import VideoRequest

OPENAPI = "/v1/openapi.json"
WRONG_ADDRESS = (
    "  Note: at {api} the api believes that it is at {named}, so its documentation and "
    "Location headers lead astray there. Please report it as a bug."
)
WORKER_CHECK = Path(__file__).parents[2] / "infra" / "deploy" / "worker.sh"
SWEEP = "reelay-sweep"
SWEEP_TRIES = 6
SWEEP_SECONDS = 20
# Google's own sample image, which is public.
IMAGE = (
    "https://storage.googleapis.com/cloud-samples-data/vision/landmark/eiffel_tower.jpg"
)
FIRST_VIDEO = {"prompt": "The camera drifts slowly closer", "image_url": IMAGE}
FIRST_SECONDS = 5


def check(context: Context, target: Target, api: str) -> None:
    """Check that `/health` is open and `/v1/models` wants a token, within a minute."""
    for path, wanted in (("/health", 200), ("/v1/models", 401)):
        status = context.fetch(api + path, wanted=wanted)
        if status != wanted:
            raise DeployError(_diagnosis(target, path, status))
        context.console.say(f"  {path} answers {status}, as it should.")
    _check_address(context, api)


def _check_address(context: Context, api: str) -> None:
    """Warn if the API mistakes its address, which it infers from the forwarded host."""
    described = context.send(HttpRequest(url=api + OPENAPI))
    with suppress(ValueError, LookupError):
        path = json.loads(described.body)["servers"][0]["url"]
        named = urljoin(api, path)
        if named.rstrip("/") != api.rstrip("/"):
            context.console.say(WRONG_ADDRESS.format(named=named, api=api))


def skip_invoker_check_command(target: Target) -> tuple[str, ...]:
    """The command that lets callers reach an API to which allUsers has no grant."""
    update = ("gcloud", "run", "services", "update", "api", "--no-invoker-iam-check")
    return (*update, f"--region={target.region}", f"--project={target.project}")


def _diagnosis(target: Target, path: str, status: int) -> str:
    if status == 403:
        command = " ".join(skip_invoker_check_command(target))
        return (
            "The api is deployed, but Google lets no caller reach it. A grant takes "
            "minutes: run the same command again. If that doesn't help, switch off "
            f"Google's own check of callers: {command}"
        )
    answer = f"answers {status}" if status else "does not answer"
    logs = LOGS.format(function="api", project=target.project)
    return f"The api is deployed, but {path} {answer}. Its log says why: {logs}"


def check_sweep(context: Context, target: Target) -> None:
    """Check that Cloud Scheduler reaches the private sweep, within two minutes.

    While an attempt runs, Google still shows the status of the one before it, so a
    successful one must be seen twice.
    """
    where = (f"--location={target.region}", f"--project={target.project}")
    context.run("gcloud", "scheduler", "jobs", "run", SWEEP, *where)
    describe = ("gcloud", "scheduler", "jobs", "describe", SWEEP, *where)
    seen = ""
    for _ in range(SWEEP_TRIES):
        context.wait_seconds(SWEEP_SECONDS)
        began = _successful_attempt(context.run(*describe, "--format=json"))
        if began and began == seen:
            context.console.say("  Cloud Scheduler calls sweep, as it should.")
            return
        seen = began
    raise DeployError(
        "The api answers, but Cloud Scheduler has not reached sweep. A grant "
        "takes minutes: run the same command again. If that doesn't help, see why: "
        f"{' '.join(describe)}"
    )


def check_worker(context: Context, target: Target) -> None:
    """Check that Cloud Tasks reaches the private worker, and that it can decode.

    Takes up to four minutes. Cloud Build and GitHub run the same script.
    """
    where = {"REGION": target.region, "PROJECT": target.project}
    result = context.shell.run(
        Command(argv=("sh", "-eu", str(WORKER_CHECK)), environment=where)
    )
    if not result.ok:
        raise DeployError(result.stdout.strip() or result.stderr.strip())
    context.console.say(f"  {result.stdout.strip()}")


def _successful_attempt(described: CommandResult) -> str:
    """When the last attempt began; empty if there is none or it failed."""
    job = described.json()
    failed = job.get("status", {}).get("code")
    return "" if failed else str(job.get("lastAttemptTime", ""))


# An error also has a `status`, a number: it ends the loop, and the error is printed.
FIRST_VIDEO_SCRIPT = """\
KEY=$(.venv/bin/python -m ops key make me --project {project})
curl -s {api}/v1/videos -H "Authorization: Bearer $KEY" \\
  -H 'Content-Type: application/json' -H 'Idempotency-Key: first' \\
  -d '{body}' > video.json
field() {{ python3 -c "import json; print(json.load(open('video.json')).get('$1'))"; }}
ID=$(field job_id)
while [ "$(field status)" = processing ]; do
  sleep 5
  curl -s --retry 5 {api}/v1/videos/$ID -H "Authorization: Bearer $KEY" > video.json
done
cat video.json; field video_url"""


def first_video(target: Target, outputs: Mapping[str, Any]) -> str:
    """Shell commands that make a video on the deployed service and print its URL."""
    body = json.dumps({**FIRST_VIDEO, "duration": FIRST_SECONDS})
    return FIRST_VIDEO_SCRIPT.format(
        project=target.project, api=outputs["api_url"], body=body
    )


def first_cost_usd(variables: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """The most expensive provider's price, and the sum if every provider charged."""
    settings = function_settings(variables)
    request = VideoRequest.parse({**FIRST_VIDEO, "duration": FIRST_SECONDS})
    planned = fallback.plan_chain(request, settings.chain, settings.models)
    prices = [provider.price_usd for provider in planned]
    return max(prices), sum(prices, Decimal(0))

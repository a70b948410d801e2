"""Whether the deployed api answers, and what a person does first with it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from ops.deploy.checks import Target
from ops.deploy.world import Outgoing, Ran, Stopped, World
from shared.domain import fallback
from shared.domain.catalogue import DEFAULT_CHAIN, PROVIDERS, ProviderId
from shared.domain.request import VideoRequest

TRIES = 12
WAIT_SECONDS = 5
OPENAPI = "/v1/openapi.json"
WRONG_ADDRESS = (
    "  Note: at {api} the api believes that it is at {named}, so its documentation and "
    "Location headers lead astray there. Please report it as a bug."
)
SWEEP = "reelay-sweep"
SWEEP_TRIES = 6
SWEEP_SECONDS = 20
# Google's own sample image, which is public.
IMAGE = (
    "https://storage.googleapis.com/cloud-samples-data/vision/landmark/eiffel_tower.jpg"
)
FIRST = {"prompt": "The camera drifts slowly closer", "image_url": IMAGE}
FIRST_SECONDS = 5


def check(world: World, target: Target, api: str) -> None:
    """`/health` is open and `/v1/models` wants a token, within a minute."""
    for path, wanted in (("/health", 200), ("/v1/models", 401)):
        got = _answer(world, api + path, wanted)
        if got == wanted:
            world.person.say(f"  {path} answers {got}, as it should.")
            continue
        raise Stopped(_what_is_wrong(target, path, got))
    _check_address(world, api)


def _check_address(world: World, api: str) -> None:
    """The api tells its two addresses apart by the host that Google passes on."""
    described = world.send(Outgoing(method="GET", url=api + OPENAPI, headers={}))
    with suppress(ValueError, LookupError):
        path = json.loads(described.body)["servers"][0]["url"]
        named = urljoin(api, path)
        if named.rstrip("/") != api.rstrip("/"):
            world.person.say(WRONG_ADDRESS.format(named=named, api=api))


def _answer(world: World, url: str, wanted: int) -> int:
    got = world.fetch(url)
    for _ in range(TRIES):
        if got == wanted:
            break
        world.wait_seconds(WAIT_SECONDS)
        got = world.fetch(url)
    return got


def let_callers_in(target: Target) -> tuple[str, ...]:
    """The command without which Google lets no caller reach an api without allUsers."""
    update = ("gcloud", "run", "services", "update", "api", "--no-invoker-iam-check")
    return (*update, f"--region={target.region}", f"--project={target.project}")


def _what_is_wrong(target: Target, path: str, got: int) -> str:
    where = f"--region={target.region} --project={target.project}"
    if got == 403:
        command = " ".join(let_callers_in(target))
        return f"The api is deployed, but Google lets no caller reach it: {command}"
    said = f"answers {got}" if got else "does not answer"
    return (
        f"The api is deployed, but {path} {said}. Its log says why: gcloud functions "
        f"logs read api --gen2 {where}"
    )


def check_sweep(world: World, target: Target) -> None:
    """Cloud Scheduler gets through to a private function, within two minutes.

    An attempt that has just begun still shows the status of the one before, so a good
    one must be seen twice.
    """
    where = (f"--location={target.region}", f"--project={target.project}")
    world.run("gcloud", "scheduler", "jobs", "run", SWEEP, *where)
    describe = ("gcloud", "scheduler", "jobs", "describe", SWEEP, *where)
    seen = ""
    for _ in range(SWEEP_TRIES):
        world.wait_seconds(SWEEP_SECONDS)
        began = _good_attempt(world.run(*describe, "--format=json"))
        if began and began == seen:
            world.person.say("  Cloud Scheduler calls sweep, as it should.")
            return
        seen = began
    raise Stopped(
        "The api answers, but Cloud Scheduler has not got through to sweep. A grant "
        "takes minutes: run the same command again. If it stays so, see why: "
        f"{' '.join(describe)}"
    )


def _good_attempt(described: Ran) -> str:
    """When the last attempt began; empty where there is none, or a failed one."""
    job = json.loads(described.stdout) if described.ok else {}
    failed = job.get("status", {}).get("code")
    return "" if failed else str(job.get("lastAttemptTime", ""))


# A problem has a `status` too, a number: it ends the loop, and is shown.
PASTED = """\
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
    """Lines that make a video on the deployed service, wait, and say where it is."""
    body = json.dumps({**FIRST, "duration": FIRST_SECONDS})
    return PASTED.format(project=target.project, api=outputs["api_url"], body=body)


def first_cost_usd(choices: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """The most expensive provider's price, and the sum if every provider charged."""
    chain = tuple(
        ProviderId(name) for name in choices.get("provider_chain") or DEFAULT_CHAIN
    )
    models = {
        provider_id: choices.get(facts.model_variable.lower())
        or facts.models[0].model_id
        for provider_id, facts in PROVIDERS.items()
    }
    asked = VideoRequest.parse({**FIRST, "duration": FIRST_SECONDS})
    prices = [
        provider_id.price_usd
        for provider_id in fallback.plan_chain(asked, chain, models)
    ]
    return max(prices), sum(prices, Decimal(0))

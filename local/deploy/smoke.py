"""Whether the deployed api answers, and what a person does first with it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from local.deploy.checks import Target
from local.deploy.world import Stopped, World
from shared.domain import fallback
from shared.domain.catalogue import DEFAULT_CHAIN, DEFAULT_MODELS, Link
from shared.domain.request import VideoRequest

TRIES = 12
WAIT_SECONDS = 5
# Google's own sample, which anybody may fetch.
PICTURE = (
    "https://storage.googleapis.com/cloud-samples-data/vision/landmark/eiffel_tower.jpg"
)
FIRST = {"prompt": "The camera drifts slowly closer", "image_url": PICTURE}
FIRST_SECONDS = 5
MODEL_CHOICES = {
    "runway_model": (Link.RUNWAY, Link.RUNWAY_HTTP),
    "veo_model": (Link.VEO,),
    "omni_model": (Link.OMNI,),
}


def check(world: World, target: Target, api: str) -> None:
    """Open where it is open, closed where it needs a token, within a minute."""
    for path, wanted in (("/health", 200), ("/v1/models", 401)):
        got = _answer(world, api + path, wanted)
        if got == wanted:
            world.person.say(f"  {path} answers {got}, as it should.")
            continue
        raise Stopped(_what_is_wrong(target, path, got))


def _answer(world: World, url: str, wanted: int) -> int:
    got = world.fetch(url)
    for _ in range(TRIES):
        if got == wanted:
            break
        world.wait_seconds(WAIT_SECONDS)
        got = world.fetch(url)
    return got


def _what_is_wrong(target: Target, path: str, got: int) -> str:
    where = f"--region={target.region} --project={target.project}"
    if got == 403:
        return (
            "The api is deployed, but Google lets nobody reach it: gcloud run services "
            f"update api --no-invoker-iam-check {where}"
        )
    said = f"answers {got}" if got else "does not answer"
    return (
        f"The api is deployed, but {path} {said}. Its log says why: gcloud functions "
        f"logs read api --gen2 {where}"
    )


def first_video(target: Target, outputs: Mapping[str, Any]) -> str:
    """One command line that makes a video on the deployed service."""
    key = f".venv/bin/python -m local key make me --project {target.project}"
    body = ", ".join(f'"{name}": "{value}"' for name, value in FIRST.items())
    return (
        f"KEY=$({key}) &&\n"
        f"  curl -s {outputs['api_url']}/v1/videos "
        '-H "Authorization: Bearer $KEY" \\\n'
        "  -H 'Content-Type: application/json' -H 'Idempotency-Key: first' \\\n"
        f"  -d '{{{body}, \"duration\": {FIRST_SECONDS}}}'"
    )


def first_cost_usd(choices: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    """The dearest link's price, and that of all links were each to charge."""
    chain = tuple(Link(name) for name in choices.get("provider_chain") or DEFAULT_CHAIN)
    models = dict(DEFAULT_MODELS) | {
        link: choices[name]
        for name, links in MODEL_CHOICES.items()
        for link in links
        if choices.get(name)
    }
    asked = VideoRequest.parse({**FIRST, "duration": FIRST_SECONDS})
    prices = [link.price_usd for link in fallback.order(asked, chain, models)]
    return max(prices), sum(prices, Decimal(0))

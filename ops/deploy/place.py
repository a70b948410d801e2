"""Where the service runs and its data is kept: asked first, as data never moves."""

from collections.abc import Mapping
from dataclasses import replace

from ops.deploy.checks import Facts
from ops.deploy.settle import Asked, database, kept_settings
from ops.deploy.world import Stopped, World

SEOUL, IOWA = "asia-northeast3", "us-central1"
QUESTION = (
    "Where should Reelay run and keep its data? The data can never be moved. A region "
    f"near your users, such as {SEOUL} (Seoul), {IOWA} (Iowa), europe-west1 (Belgium)"
)
FOR_EVER = (
    "Jobs, images and videos will be stored in {place}, which cannot be changed later. "
    "Is that the right place?"
)


def with_place(world: World, asked: Asked, facts: Facts) -> Asked:
    """The region that was named, or kept, or else the person's answer."""
    kept = kept_settings(world, asked, facts)
    region = asked.target.region or str(kept.get("region", ""))
    if not region:
        region = world.person.chooses(QUESTION, suggestion(world.environ))
    elif not kept and not database(world, asked.target.project):
        place = asked.settings.get("firestore_location") or region
        if not world.person.agrees(FOR_EVER.format(place=place)):
            raise Stopped("Nothing was made: choose another REGION=.")
    return replace(asked, target=replace(asked.target, region=region))


def suggestion(environ: Mapping[str, str]) -> str:
    """Seoul if the locale is Korean, otherwise Iowa."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return SEOUL if locale.startswith("ko") else IOWA

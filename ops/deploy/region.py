"""Where the service runs and keeps its data: asked first, as data can't be moved."""

from collections.abc import Mapping
from dataclasses import replace

from ops.deploy.context import Context, DeployError
from ops.deploy.settings import DeployOptions, database, place_of
from ops.deploy.variables import Variables

SEOUL, IOWA = "asia-northeast3", "us-central1"
QUESTION = (
    "Where should Reelay run and keep its data? The data can never be moved. A region "
    f"near your users, such as {SEOUL} (Seoul), {IOWA} (Iowa), europe-west1 (Belgium)"
)
REGION_IS_PERMANENT = (
    "Jobs, images and videos will be stored in {place}, which cannot be changed later. "
    "Is that the right place?"
)


def with_region(
    context: Context, options: DeployOptions, saved: Variables
) -> DeployOptions:
    """`options` with a region: the one given, or saved, or else the user's answer."""
    region = options.target.region or str(saved.get("region", ""))
    if not region:
        region = context.console.prompt(QUESTION, suggestion(context.environ))
    elif region != saved.get("region") and not database(
        context, options.target.project
    ):
        place = place_of("firestore_location", saved, options) or region
        if not context.console.confirm(REGION_IS_PERMANENT.format(place=place)):
            raise DeployError("Nothing was made: choose another REGION=.")
    return replace(options, target=replace(options.target, region=region))


def suggestion(environ: Mapping[str, str]) -> str:
    """Seoul if the locale is Korean, otherwise Iowa."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return SEOUL if locale.startswith("ko") else IOWA

"""The web page's part of a deploy: built, published, asked for; and taken off again."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops import npm, page_headers
from ops.deploy.checks import Check, Facts, Missing, Target, project_is_there
from ops.deploy.hosting import Content, Site
from ops.deploy.settle import Asked, kept_settings
from ops.deploy.world import Command, Stopped, World

TRIES = 12
WAIT_SECONDS = 5
NO_GOOGLE = (
    "  Google sign-in is off, so the page does not offer it. Switch it on once at "
    "https://console.firebase.google.com/project/{project}/authentication/providers, "
    "then run the same command again."
)


def node(asked: Asked) -> Check:
    """Whether the page can be built, where this deploy is one with the page."""

    def look(world: World, target: Target) -> Facts | Missing:
        ran = world.run(sys.executable, "-m", "ops.npm", "--check")
        if ran.ok or not _is_wanted(world, target, asked):
            return {}
        without = "Or deploy without the page: ARGS='--set enable_web=false'."
        what = f"{ran.stderr.strip()} {without}"
        return Missing(what=what, fix="open https://nodejs.org")

    return Check(name="node", look=look)


def _is_wanted(world: World, target: Target, asked: Asked) -> bool:
    """As the command line says, else as the last deploy had it, if that can be seen."""
    settings = asked.settings
    if "enable_web" not in settings:
        project = project_is_there(world, target)
        if not isinstance(project, Missing):
            settings = kept_settings(world, asked, project)
    return settings.get("enable_web") is not False


def publish(
    world: World, project: str, outputs: Mapping[str, Any], folder: Path = npm.DIST
) -> None:
    """`outputs`: Terraform's. `folder`: where the built page is."""
    root = Path(npm.__file__).parents[1]
    build = Command(words=(sys.executable, "-m", "ops.npm"), folder=root, shown=True)
    if not world.shell.run(build).ok:
        raise Stopped("The page could not be built; why is above. The service runs.")
    site = Site(world=world, project=project)
    config = json.loads(outputs["web_config"])
    if "google" in config["signIn"] and not site.has_google_sign_in():
        config["signIn"].remove("google")
        world.person.say(NO_GOOGLE.format(project=project))
    is_new = site.publish(content(folder, config))
    world.person.say(f"  {'Published.' if is_new else 'It was published already.'}")
    _wait_for(world, outputs["web_url"])


def content(folder: Path, config: Mapping[str, Any]) -> Content:
    files = {
        f"/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.glob("[!.]*/**/*")
        if path.is_file()
    }
    files |= {f"/{p.name}": p.read_bytes() for p in folder.iterdir() if p.is_file()}
    files["/config.json"] = json.dumps(config).encode()
    return Content(files=files, config=_serving(config))


def _serving(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """firebase.json as Hosting's API takes it, with this project's hosts."""
    hosting = page_headers.hosting()
    api = "/".join(config["api"].split("/", 3)[:3])
    auth = f"https://{config['firebase']['authDomain']}"
    return {
        "headers": [
            {
                "glob": rule["source"],
                "headers": page_headers.narrowed(rule["headers"], api=api, auth=auth),
            }
            for rule in hosting["headers"]
        ],
        "rewrites": [
            {"glob": rule["source"], "path": rule["destination"]}
            for rule in hosting["rewrites"]
        ],
    }


def _wait_for(world: World, url: str) -> None:
    for _ in range(TRIES):
        if world.fetch(url) == 200:
            world.person.say(f"  {url} answers, as it should.")
            return
        world.wait_seconds(WAIT_SECONDS)
    raise Stopped(
        f"The page is published, but {url} does not show it yet: this usually passes "
        "within minutes."
    )

"""Builds the web page, publishes it, and checks that it is served."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops import npm, page_headers
from ops.deploy.checks import Check, Facts, Missing, Target, check_project
from ops.deploy.context import Command, Context, DeployError
from ops.deploy.hosting import Content, Site
from ops.deploy.settings import DeployOptions, saved_settings

NO_GOOGLE = (
    "  Google sign-in is off, so the page does not offer it. Switch it on once at "
    "https://console.firebase.google.com/project/{project}/authentication/providers, "
    "then run the same command again."
)
NOT_VISIBLE_YET = (
    "The page is published, but {url} does not show it yet: this usually passes within "
    "minutes."
)


def node_check(options: DeployOptions) -> Check:
    """Checks that the page can be built, if this deploy publishes it."""

    def probe(context: Context, target: Target) -> Facts | Missing:
        result = context.run(sys.executable, "-m", "ops.npm", "--check")
        if result.ok or not _is_wanted(context, target, options):
            return {}
        without = "Or deploy without the page: ARGS='--set enable_web=false'."
        what = f"{result.stderr.strip()} {without}"
        return Missing(what=what, fix="open https://nodejs.org")

    return Check(name="node", probe=probe)


def _is_wanted(context: Context, target: Target, options: DeployOptions) -> bool:
    """Whether the page is published.

    As the command line says, else as in the last deploy, if that can be read.
    """
    settings = options.settings
    if "enable_web" not in settings:
        project = check_project(context, target)
        if not isinstance(project, Missing):
            settings = saved_settings(context, options, project)
    return settings.get("enable_web") is not False


def publish(
    context: Context, project: str, outputs: Mapping[str, Any], folder: Path = npm.DIST
) -> None:
    """`outputs`: Terraform's. `folder`: where the page has been built."""
    root = Path(npm.__file__).parents[1]
    build = Command(argv=(sys.executable, "-m", "ops.npm"), folder=root, shown=True)
    if not context.shell.run(build).ok:
        raise DeployError(
            "The page could not be built; why is above. The service runs."
        )
    site = Site(context=context, project=project)
    config = json.loads(outputs["web_config"])
    if "google" in config["signIn"] and not site.has_google_sign_in():
        config["signIn"].remove("google")
        context.console.say(NO_GOOGLE.format(project=project))
    is_new = site.publish(content(folder, config))
    context.console.say(f"  {'Published.' if is_new else 'It was published already.'}")
    url = outputs["web_url"]
    if context.fetch(url, wanted=200) != 200:
        raise DeployError(NOT_VISIBLE_YET.format(url=url))
    context.console.say(f"  {url} answers, as it should.")


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
    """firebase.json in the form of Hosting's API, with this project's hosts."""
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

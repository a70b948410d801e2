"""The Terraform variables of a deploy: checked, and saved in the state bucket.

They are saved there and not on one machine, so that Cloud Build and the next person
deploy with the same ones. Keys are never among them.
"""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from ops.deploy.context import Context, DeployError
from ops.deploy.keys import SECRETS
from shared.domain.errors import NotConfigured
from shared.settings import Settings

Variables = dict[str, Any]
VARIABLES_FILE = Path(__file__).resolve().parents[2] / "infra" / "variables.tf"
VARIABLE = re.compile(
    r'^variable "(\w+)" {.*?^  type +=\s+(\w+)', re.MULTILINE | re.DOTALL
)
OBJECT = "settings.tfvars.json"
EXAMPLES = {"number": "5", "bool": "true"}
OBJECT_NOT_FOUND = "matched no objects"


def load(context: Context, bucket: str, name: str = OBJECT) -> Variables:
    """The saved variables; empty before the first deploy.

    Raises DeployError if they can't be read.
    """
    url = f"gs://{bucket}/{name}"
    result = context.run("gcloud", "storage", "cat", url)
    if not result.ok and OBJECT_NOT_FOUND not in result.stderr:
        # Asking again would overwrite what was chosen.
        raise DeployError(f"{url} can't be read: {result.stderr.strip()}")
    return result.json()


def save(
    context: Context, bucket: str, variables: Mapping[str, Any], name: str = OBJECT
) -> None:
    text = json.dumps(variables, indent=2, sort_keys=True) + "\n"
    url = f"gs://{bucket}/{name}"
    result = context.run("gcloud", "storage", "cp", "-", url, stdin=text)
    if not result.ok:
        raise DeployError(f"{url} could not be written: {result.stderr}")


def function_settings(variables: Mapping[str, Any]) -> Settings:
    """The variables as a function reads them.

    Raises DeployError, before a plan, if a function would not start with them.
    """
    environ = {name.upper(): _as_text(value) for name, value in variables.items()}
    environ |= {"GOOGLE_CLOUD_PROJECT": variables["project_id"], "BUCKET": "videos"}
    try:
        return Settings.from_env(environ)
    except NotConfigured as problems:
        raise DeployError(f"{problems}. Change it: ARGS='--set name=value'.") from None


def _as_text(value: object) -> str:
    """As infra/functions.tf passes a variable to the functions; empty if left out."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Parse the `name=value` of --set; the value is JSON, or else plain text.

    A list may be written as a,b, because the quotes of JSON do not survive make.
    """
    name, _, value = text.partition("=")
    if name.upper() in SECRETS:
        raise DeployError(f"{name} is a secret: put it into the environment or .env.")
    kinds = dict(VARIABLE.findall(VARIABLES_FILE.read_text()))
    if name not in kinds:
        near = "".join(f" ({each}?)" for each in get_close_matches(name, kinds, n=1))
        # Without the value, which may be a key under a misspelt name.
        raise DeployError(
            f"--set {name}: there is no such setting{near}; see {VARIABLES_FILE}."
        )
    if not value:
        raise DeployError(f"--set {text}: write {name}=value.")
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    if parsed is None:
        return name, None
    match kinds[name]:
        case "string":
            return name, parsed if isinstance(parsed, str) else value
        case "list" | "set":
            parts = [part.strip() for part in value.strip("[]").split(",")]
            return name, parsed if isinstance(parsed, list) else parts
        case "bool" if isinstance(parsed, bool):
            return name, parsed
        # Neither a bool nor a number that JSON can't express, such as NaN or 1e999.
        case "number" if type(parsed) in (int, float) and isfinite(parsed):
            return name, parsed
        case kind:
            expected = f"written as {EXAMPLES[kind]}"
            raise DeployError(f"--set {text}: {name} is a {kind}, {expected}.")

"""What the owner chose: Terraform's variables, kept in the state bucket; never a key.

They are kept there, not on one machine, so that Cloud Build and the next person deploy
with the same ones.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ops.deploy.keys import FROM_THE_PERSON, SECRETS
from ops.deploy.world import Stopped, World
from shared.domain.errors import NotConfigured
from shared.settings import Settings

Choices = dict[str, Any]
VARIABLES = Path(__file__).resolve().parents[2] / "infra" / "variables.tf"
VARIABLE = re.compile(
    r'^variable "(\w+)" {.*?^  type +=\s+(\w+)', re.MULTILINE | re.DOTALL
)
# Of Terraform's types, those of its variables here.
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "bool": bool,
    "list": list,
    "set": list,
}
OBJECT = "settings.tfvars.json"
WRITTEN = {"number": "5", "bool": "true"}
NOT_THERE = "matched no objects"
# About 50 dollars in each: 50 of a small unit would pause everything at once.
BUDGETS = dict.fromkeys(("USD", "EUR", "GBP", "CHF", "CAD", "AUD"), "50") | {
    "JPY": "7500",
    "KRW": "70000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`default`: as it would be typed."""

    variable: str
    words: str
    default: str
    kind: type[int] | type[float] | type[list[str]]

    def parse(self, typed: str) -> object:
        """Raises Stopped where a number was asked and something else was typed."""
        if self.kind is list:
            return [part.strip() for part in typed.split(",") if part.strip()]
        try:
            return self.kind(typed)
        except ValueError:
            raise Stopped(
                f"{self.variable}: {typed!r} is not a number; give one, or say "
                f"ARGS='--set {self.variable}=…'."
            ) from None


def budget_question(currency: str) -> Question:
    """`currency` is empty where it can't be seen: then there is no default."""
    return Question(
        variable="gcp_budget_amount",
        words="What Google Cloud may cost a month, in whole "
        f"{currency or 'units of the currency'} of your billing account",
        default=BUDGETS.get(currency, ""),
        kind=int,
    )


def spend_cap_question(currency: str) -> Question:
    """Asked with a budget; by default there is no cap."""
    return Question(
        variable="spend_cap_amount",
        words="Google's own spend cap on its models (Veo, Omni, translation), a month, "
        f"in whole {currency or 'units of the currency'}: Google stops them there "
        "until the month ends. 0: none",
        default="0",
        kind=int,
    )


def questions(account: str) -> tuple[Question, ...]:
    """Asked once; each has a default that is safe."""
    return (
        Question(
            variable="daily_limit_usd",
            words="What all users together may spend on videos a day, in USD",
            default="20",
            kind=float,
        ),
        Question(
            variable="monthly_limit_usd",
            words="What all users together may spend on videos a month, in USD",
            default="200",
            kind=float,
        ),
        Question(
            variable="alert_emails",
            words="Who gets the alerts: comma-separated e-mail addresses",
            default=account,
            kind=list,
        ),
        Question(
            variable="allowed_origins",
            words="Origins of your own frontends, as https://app.example.com, "
            "comma-separated (the hosted page's are added)",
            default="",
            kind=list,
        ),
    )


def announced(
    kept: Mapping[str, Any], environ: Mapping[str, str], *, is_first: bool
) -> list[str]:
    """What a deploy with these settings will ask, before it asks anything."""
    asked = (budget_question(""), spend_cap_question(""), *questions(""))
    keys = [name for name in FROM_THE_PERSON if not environ.get(name)]
    return [
        *(["the region, in which your data stays permanently"] if is_first else []),
        "whether to enable APIs that are off, and whether to apply the plan",
        *(q.words for q in asked if q.variable not in kept),
        *(f"{name}, unless it is stored already (it may be left out)" for name in keys),
    ]


def load(world: World, bucket: str) -> Choices:
    """What was chosen before; nothing at first."""
    place = f"gs://{bucket}/{OBJECT}"
    ran = world.run("gcloud", "storage", "cat", place)
    if not ran.ok and NOT_THERE not in ran.stderr:
        # Asking anew here would overwrite what was chosen.
        raise Stopped(f"The settings in {place} can't be read: {ran.stderr.strip()}")
    kept: Choices = json.loads(ran.stdout) if ran.ok else {}
    return kept


def save(world: World, bucket: str, choices: Mapping[str, Any]) -> None:
    text = json.dumps(choices, indent=2, sort_keys=True) + "\n"
    place = f"gs://{bucket}/{OBJECT}"
    ran = world.run("gcloud", "storage", "cp", "-", place, stdin=text)
    if not ran.ok:
        raise Stopped(f"The settings could not be kept in {place}: {ran.stderr}")


def ask(world: World, kept: Choices, asked: Sequence[Question]) -> Choices:
    """What `kept` lacks, from the person."""
    answers = dict(kept)
    for question in asked:
        if question.variable not in answers:
            typed = world.person.chooses(question.words, question.default)
            answers[question.variable] = question.parse(typed)
    return answers


def refuse_what_functions_would(choices: Mapping[str, Any]) -> None:
    """Stopped before a plan where a function would not start with these settings."""
    environ = {name.upper(): _as_text(value) for name, value in choices.items()}
    environ |= {"GOOGLE_CLOUD_PROJECT": choices["project_id"], "BUCKET": "videos"}
    try:
        Settings.from_env(environ)
    except NotConfigured as problems:
        raise Stopped(f"{problems}. Change it: ARGS='--set name=value'.") from None


def _as_text(value: object) -> str:
    """As infra/functions.tf hands a variable to the functions; null is left out."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def assignment(text: str) -> tuple[str, Any]:
    """`name=value` of --set; the value is JSON, or else plain text.

    A list may be written as a,b: what make hands on has lost the quotes of JSON.
    """
    name, _, value = text.partition("=")
    if name.upper() in SECRETS:
        raise Stopped(f"{name} is a secret: put it into the environment or .env.")
    kinds = dict(VARIABLE.findall(VARIABLES.read_text()))
    if name not in kinds:
        near = "".join(f" ({each}?)" for each in get_close_matches(name, kinds, n=1))
        # Without its value, which may be a key under a misspelt name.
        raise Stopped(f"--set {name}: there is no such setting{near}; see {VARIABLES}.")
    if not value:
        raise Stopped(f"--set {text}: write {name}=value.")
    kind = kinds[name]
    try:
        parsed = json.loads(value)
    except ValueError:
        parsed = value
    if kind == "string" and not isinstance(parsed, str | None):
        parsed = value
    if kind in ("list", "set") and not isinstance(parsed, list | None):
        parsed = [part.strip() for part in value.strip("[]").split(",")]
    is_one = isinstance(parsed, TYPES[kind]) and (kind == "bool" or parsed is not True)
    if parsed is not None and not is_one:
        raise Stopped(f"--set {text}: {name} is a {kind}, written as {WRITTEN[kind]}.")
    return name, parsed

"""The questions of a deploy, whose answers become Terraform's variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.deploy.context import Context, DeployError
from ops.deploy.keys import PROVIDED
from ops.deploy.variables import Variables

# About 50 dollars in each: 50 units of a small currency would pause everything at once.
BUDGETS = dict.fromkeys(("USD", "EUR", "GBP", "CHF", "CAD", "AUD"), "50") | {
    "JPY": "7500",
    "KRW": "70000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`default`: as a user would type it."""

    variable: str
    text: str
    default: str
    kind: type[int] | type[float] | type[list[str]]

    def parse(self, typed: str) -> object:
        """Raises DeployError if a number is expected and something else was typed."""
        if self.kind is list:
            return [part.strip() for part in typed.split(",") if part.strip()]
        try:
            return self.kind(typed)
        except ValueError:
            raise DeployError(
                f"{self.variable}: {typed!r} is not a number; give one, or say "
                f"ARGS='--set {self.variable}=…'."
            ) from None


def budget_question(currency: str) -> Question:
    """`currency`: empty if it is unknown, in which case there is no default."""
    return Question(
        variable="gcp_budget_amount",
        text="What Google Cloud may cost a month, in whole "
        f"{currency or 'units of the currency'} of your billing account",
        default=BUDGETS.get(currency, ""),
        kind=int,
    )


def spend_cap_question(currency: str) -> Question:
    """Asked together with the budget; by default there is no cap."""
    return Question(
        variable="spend_cap_amount",
        text="Google's own spend cap on its models (Veo, Omni, translation), a month, "
        f"in whole {currency or 'units of the currency'}: Google stops them there "
        "until the month ends. 0: none",
        default="0",
        kind=int,
    )


def questions(account: str) -> tuple[Question, ...]:
    """Asked once, since answers are saved; each has a safe default."""
    return (
        Question(
            variable="daily_limit_usd",
            text="What all users together may spend on videos a day, in USD",
            default="20",
            kind=float,
        ),
        Question(
            variable="monthly_limit_usd",
            text="What all users together may spend on videos a month, in USD",
            default="200",
            kind=float,
        ),
        Question(
            variable="alert_emails",
            text="Who gets the alerts: comma-separated e-mail addresses",
            default=account,
            kind=list,
        ),
        Question(
            variable="allowed_origins",
            text="Origins of your own frontends, as https://app.example.com, "
            "comma-separated (the hosted page's are added)",
            default="",
            kind=list,
        ),
    )


def expected_questions(
    known: Mapping[str, Any], environ: Mapping[str, str], *, is_first: bool
) -> list[str]:
    """What a deploy with these settings will ask for, to be listed beforehand."""
    possible = (budget_question(""), spend_cap_question(""), *questions(""))
    keys = [name for name in PROVIDED if not environ.get(name)]
    return [
        *(["the region, in which your data stays permanently"] if is_first else []),
        "whether to enable APIs that are off, and whether to apply the plan",
        *(q.text for q in possible if q.variable not in known),
        *(f"{name}, unless it is stored already (it may be left out)" for name in keys),
    ]


def ask(context: Context, known: Variables, possible: Sequence[Question]) -> Variables:
    """`known`, completed by answers to the questions that it leaves open."""
    answers = dict(known)
    for question in possible:
        if question.variable not in answers:
            typed = context.console.prompt(question.text, question.default)
            answers[question.variable] = question.parse(typed)
    return answers

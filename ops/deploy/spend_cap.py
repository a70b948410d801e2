"""Google's own spend cap on the Agent Platform, which Terraform cannot set yet.

It is a budget for one service: when a month's gross cost reaches the amount, Google
refuses Veo, Omni and translation until the month ends or the cap is raised.
https://docs.cloud.google.com/billing/docs/how-to/budget-api-spend-cap, 2026-11-29

Also finds a second budget, which Terraform doesn't know.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ops.deploy.bootstrap import state_bucket
from ops.deploy.checks import Facts
from ops.deploy.context import Context, HttpResponse
from ops.deploy.google_rest import GoogleRest
from ops.deploy.variables import load, save

API = "https://billingbudgets.googleapis.com/v1"
# "Vertex AI" in the catalogue of Cloud Billing; a cap has exactly one service.
AGENT_PLATFORM = "services/C7E2-9256-1C43"
THRESHOLDS = (0.5, 0.8, 1.0)
OBJECT = "spend-cap.json"
CONSOLE = "https://console.cloud.google.com/billing/budgets"
NOT_SET = (
    "  Google's spend cap was not set: {why}. The service runs without it; reseller "
    f"accounts have none. Set it yourself: {CONSOLE}"
)
NOT_KNOWN = (
    "  It is not known whether Google's spend cap was set: its answer was lost. Run "
    f"the same command again, which looks for it, or look yourself: {CONSOLE}"
)
CHANGED_THERE = (
    "  Google has it at {actual} a month, not at {amount}: it was changed there, and "
    "stays. To change it: ARGS='--set spend_cap_amount=…'."
)

TWO_BUDGETS = (
    "  Note: there are {number} budgets called {name}. All of them move the kill "
    "switch, and only one follows gcp_budget_amount: delete them, and run the same "
    f"command again, which creates one: {CONSOLE}"
)


def apply_spend_cap(
    context: Context, project: str, facts: Facts, variables: Mapping[str, Any]
) -> None:
    """Create the cap, or change it if the chosen amount has changed; 0 means none.

    Its name and amount are saved beside the settings: Google's lists omit caps at
    times, and a second one would be created.
    """
    amount = variables.get("spend_cap_amount")
    saved = load(context, state_bucket(project), OBJECT)
    if not amount:
        say = "Google's spend cap stays as it is. To delete it: {}"
        context.console.say(f"  {say.format(CONSOLE) if saved else 'None.'}")
        return
    rest = GoogleRest(context=context, project=project)
    account = f"billingAccounts/{facts['billing_account']}"
    wanted = _cap(project, facts["project_number"], amount)
    try:
        cap = _existing(rest, account, saved, wanted)
        named = {"name": cap.get("name"), "amount": amount}
        is_chosen, actual = saved == named, _units(cap)
        if is_chosen and actual not in (0, amount):
            say = CHANGED_THERE.format(actual=actual, amount=amount)
        elif is_chosen or actual == amount:
            say = f"  It stays at {amount} a month."
        else:
            cap = _write(rest, account, str(cap.get("name", "")), wanted)
            say = f"  Google stops the Agent Platform at {amount} a month."
    except _NotAnswered as lost:
        context.console.say(str(lost))
        return
    context.console.say(say)
    now_set = {"name": cap["name"], "amount": amount}
    if now_set != saved:
        save(context, state_bucket(project), now_set, OBJECT)


class _NotAnswered(Exception):
    """Google refused, or its answer was lost: the message says what that means."""


def _existing(
    rest: GoogleRest, account: str, saved: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The cap as Google has it; empty if the account has none.

    The saved one, or else one in Google's list, whose creation was not answered.
    """
    name = str(saved.get("name", ""))
    if name.startswith(f"{account}/"):
        response = rest.call("GET", f"{API}/{name}")
        if response.status != 404:
            return _json(response) if response.status == 200 else {"name": name}
    (scope,) = wanted["budgetFilter"]["projects"]
    return next(iter(_named(rest, account, scope, wanted["displayName"])), {})


def _named(
    rest: GoogleRest, account: str, scope: str, name: str
) -> list[Mapping[str, Any]]:
    """The project's budgets, and caps, with this display name."""
    listing = f"{API}/{account}/budgets?scope={scope}&pageSize=100"
    budgets = _json(_require(rest.call("GET", listing))).get("budgets", [])
    return [each for each in budgets if each.get("displayName") == name]


def _write(
    rest: GoogleRest, account: str, name: str, wanted: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Change the cap with this name, or create one if it is empty."""
    if name:
        changed = json.dumps({"amount": wanted["amount"]}).encode()
        url = f"{API}/{name}?updateMask=amount"
        return _json(_require(rest.call("PATCH", url, changed)))
    made = json.dumps(wanted).encode()
    return _json(_require(rest.call("POST", f"{API}/{account}/budgets", made)))


def _require(response: HttpResponse) -> HttpResponse:
    if response.status == 200:
        return response
    if response.status == 0 or response.status >= 500:
        raise _NotAnswered(NOT_KNOWN)
    why = response.body.decode(errors="replace").strip()
    raise _NotAnswered(NOT_SET.format(why=why))


def _json(response: HttpResponse) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(response.body)
    return parsed


def _units(cap: Mapping[str, Any]) -> int:
    """Its amount; 0 if Google didn't show it."""
    return int(cap.get("amount", {}).get("specifiedAmount", {}).get("units", 0))


def warn_about_two_budgets(context: Context, project: str, facts: Facts) -> None:
    """Terraform creates a second one if the answer to the first creation was lost."""
    rest = GoogleRest(context=context, project=project)
    account = f"billingAccounts/{facts['billing_account']}"
    # As in infra/budget.tf.
    name, scope = f"Reelay {project}", f"projects/{facts['project_number']}"
    with suppress(_NotAnswered):
        number = len(_named(rest, account, scope, name))
        if number > 1:
            context.console.say(TWO_BUDGETS.format(number=number, name=name))


def spend_cap_notice(context: Context, project: str) -> list[str]:
    """Lines for `make destroy`, which doesn't delete the cap."""
    if not load(context, state_bucket(project), OBJECT).get("amount"):
        return []
    return [f"  Stays: Google's own spend cap. To delete it: open {CONSOLE}"]


def _cap(project: str, project_number: str, amount: int) -> dict[str, Any]:
    """Exactly the fields that a budget with a spend cap may have."""
    return {
        "displayName": f"Reelay {project}: cap",
        "amount": {"specifiedAmount": {"units": str(amount)}},
        "budgetFilter": {
            "projects": [f"projects/{project_number}"],
            "services": [AGENT_PLATFORM],
            "calendarPeriod": "MONTH",
            "creditTypesTreatment": "EXCLUDE_ALL_CREDITS",
        },
        "thresholdRules": [
            {"thresholdPercent": each, "spendBasis": "CURRENT_SPEND"}
            for each in THRESHOLDS
        ],
        "notificationsRule": {"enableProjectLevelRecipients": True},
        "spendCap": {"inputState": "CONFIGURED"},
    }

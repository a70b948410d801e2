"""Google's own spend cap on the Agent Platform, which Terraform cannot set yet.

A budget of one service that stops it: when a month's gross cost reaches the amount,
Google refuses Veo, Omni and translation until the month ends or the cap is raised.
https://docs.cloud.google.com/billing/docs/how-to/budget-api-spend-cap, 2026-11-29
"""

import json
from collections.abc import Mapping
from typing import Any

from ops.deploy.bootstrap import state_bucket
from ops.deploy.checks import Facts
from ops.deploy.google_rest import GoogleRest
from ops.deploy.world import World

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


def settle_cap(
    world: World, project: str, facts: Facts, choices: Mapping[str, Any]
) -> None:
    """Set it once, and change it when the chosen amount changes; 0 is none.

    What was set is kept beside the settings: Google's lists leave caps out at times,
    and a second one would be made.
    """
    amount = choices.get("spend_cap_amount") or 0
    kept = _kept(world, project)
    if amount == kept.get("amount", 0):
        said = f"It stays at {amount} a month." if amount else "None."
        world.person.say(f"  {said}")
        return
    if not amount:
        say = "  Google's spend cap stays as it is. To delete it: {}"
        world.person.say(say.format(CONSOLE))
        return
    rest = GoogleRest(world=world, project=project)
    money = {"specifiedAmount": {"units": str(amount)}}
    if name := kept.get("name"):
        asked = ("PATCH", f"{API}/{name}?updateMask=amount", {"amount": money})
    else:
        account = f"billingAccounts/{facts['billing_account']}"
        cap = _cap(project, facts["project_number"]) | {"amount": money}
        asked = ("POST", f"{API}/{account}/budgets", cap)
    method, url, body = asked
    answer = rest.call(method, url, json.dumps(body).encode())
    if answer.status != 200:
        said = answer.body.decode(errors="replace").strip() or "no answer"
        world.person.say(NOT_SET.format(why=said))
        return
    _keep(world, project, name or json.loads(answer.body)["name"], amount)
    world.person.say(f"  Google stops the Agent Platform at {amount} a month.")


def what_stays_of_it(world: World, project: str) -> list[str]:
    """Of `make destroy`, which doesn't delete it."""
    if not _kept(world, project).get("amount"):
        return []
    return [f"  Stays: Google's own spend cap. To delete it: open {CONSOLE}"]


def _cap(project: str, project_number: str) -> dict[str, Any]:
    """The fields, and no others, that a budget with a spend cap may have."""
    return {
        "displayName": f"Reelay {project}: cap",
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


def _kept(world: World, project: str) -> dict[str, Any]:
    ran = world.run(
        "gcloud", "storage", "cat", f"gs://{state_bucket(project)}/{OBJECT}"
    )
    kept: dict[str, Any] = json.loads(ran.stdout) if ran.ok else {}
    return kept


def _keep(world: World, project: str, name: str, amount: int) -> None:
    text = json.dumps({"name": name, "amount": amount}) + "\n"
    place = f"gs://{state_bucket(project)}/{OBJECT}"
    world.run("gcloud", "storage", "cp", "-", place, stdin=text)

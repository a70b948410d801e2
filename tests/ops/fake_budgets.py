"""Cloud Billing's budgets as far as a spend cap goes, with the fields it must have."""

import json
from dataclasses import dataclass, field
from typing import Any

from ops.deploy.world import Answer, Outgoing
from tests.ops.fake_gcloud import BILLING, NUMBER

FILTER = {
    "projects": [f"projects/{NUMBER}"],
    "services": ["services/C7E2-9256-1C43"],
    "calendarPeriod": "MONTH",
    "creditTypesTreatment": "EXCLUDE_ALL_CREDITS",
}
Budget = dict[str, Any]


@dataclass
class FakeBudgets:
    """`refuses`: as for accounts of resellers."""

    refuses: bool = False
    caps: list[Budget] = field(default_factory=list)

    def answer(self, asked: Outgoing) -> Answer:
        assert asked.headers["Authorization"] == "Bearer ya29.token"
        body = json.loads(asked.body or b"{}")
        place, _, query = asked.url.partition("/v1/")[2].partition("?")
        if self.refuses:
            return Answer(status=400, body=b"not for this account")
        if asked.method == "PATCH" and query == "updateMask=amount":
            cap = self.caps[int(place.rpartition("/")[2])]
            cap |= body
            return Answer(status=200, body=json.dumps(cap).encode())
        assert (asked.method, place) == ("POST", f"billingAccounts/{BILLING}/budgets")
        if body["budgetFilter"] != FILTER or not _is_a_cap(body):
            return Answer(status=400, body=b"INVALID_ARGUMENT")
        self.caps.append(body | {"name": f"{place}/{len(self.caps)}"})
        return Answer(status=200, body=json.dumps(self.caps[-1]).encode())


def _is_a_cap(budget: Budget) -> bool:
    rules = [
        (rule["thresholdPercent"], rule["spendBasis"])
        for rule in budget["thresholdRules"]
    ]
    return (
        rules == [(each, "CURRENT_SPEND") for each in (0.5, 0.8, 1.0)]
        and budget["notificationsRule"] == {"enableProjectLevelRecipients": True}
        and budget["spendCap"] == {"inputState": "CONFIGURED"}
        and len(budget["displayName"]) <= 60
    )

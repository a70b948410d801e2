"""A fake of Cloud Billing's budgets, as far as spend caps need it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from ops.deploy.context import HttpRequest, HttpResponse
from tests.ops.fake_gcloud import NUMBER

FILTER = {
    "projects": [f"projects/{NUMBER}"],
    "services": ["services/C7E2-9256-1C43"],
    "calendarPeriod": "MONTH",
    "creditTypesTreatment": "EXCLUDE_ALL_CREDITS",
}
BUDGETS = "billingAccounts/[-0-9A-F]+/budgets"
Budget = dict[str, Any]


@dataclass
class FakeBudgets:
    """With `refuses` every call is refused, as for resellers' accounts.

    With `loses_answers` a call that changes something does so without an answer, or
    with one of a proxy's: `lost_as` is the status. With `hides` no budget is shown.
    """

    refuses: bool = False
    loses_answers: bool = False
    lost_as: int = 0
    hides: bool = False
    caps: list[Budget] = field(default_factory=list)

    def answer(self, request: HttpRequest) -> HttpResponse:
        assert request.headers["Authorization"] == "Bearer ya29.token"
        body = json.loads(request.body or b"{}")
        place, _, query = request.url.partition("/v1/")[2].partition("?")
        if self.refuses:
            return HttpResponse(status=400, body=b"not for this account")
        if request.method == "GET":
            return self._shown(place, query)
        if request.method == "PATCH":
            assert query == "updateMask=amount"
            for cap in self.caps:
                cap |= body if cap["name"] == place else {}
            return self._answer_to_change(self._shown(place, ""))
        assert request.method == "POST"
        assert re.fullmatch(BUDGETS, place)
        if body["budgetFilter"] != FILTER or not _is_a_cap(body):
            return HttpResponse(status=400, body=b"INVALID_ARGUMENT")
        self.caps.append(body | {"name": f"{place}/{len(self.caps)}"})
        return self._answer_to_change(self._shown(self.caps[-1]["name"], ""))

    def _shown(self, place: str, query: str) -> HttpResponse:
        """One budget, or the list of an account's."""
        if re.fullmatch(BUDGETS, place):
            assert query == f"scope=projects/{NUMBER}&pageSize=100"
            own = [cap for cap in self.caps if cap["name"].startswith(f"{place}/")]
            own = [] if self.hides else own
            return HttpResponse(status=200, body=json.dumps({"budgets": own}).encode())
        if self.hides:
            return HttpResponse(status=503)
        found = [cap for cap in self.caps if cap["name"] == place]
        body = json.dumps(found[0]).encode() if found else b"not found"
        return HttpResponse(status=200 if found else 404, body=body)

    def _answer_to_change(self, answer: HttpResponse) -> HttpResponse:
        return HttpResponse(status=self.lost_as) if self.loses_answers else answer


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

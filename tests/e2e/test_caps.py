"""A stack with a cap that is nearly spent, and the kill switch."""

from datetime import UTC, datetime

import requests

from tests.domain.budgets import an_envelope
from tests.e2e.client import Frontend, list_usd, wait_for
from tests.e2e.conftest import StackFactory


def test_a_spent_budget_pauses_new_jobs_until_an_administrator_overrides_it(
    a_stack: StackFactory,
) -> None:
    """The cap pays for a video of 3 s, and not for 5 s more.

    Its day begins about twelve hours away from now.
    """
    now = datetime.now(UTC)
    cap_usd = str(7 * list_usd("gen4_turbo"))
    noon = f"Etc/GMT{now.hour - 12:+}"
    with a_stack(DAILY_LIMIT_USD=cap_usd, LIMITS_TIME_ZONE=noon) as capped:
        first, frontend = Frontend(capped), Frontend(capped, "somebody")
        admin = Frontend(capped, "owner", admin=True)
        first.wait(first.create(duration=3))
        body = {"prompt": "a raccoon", "image": "none", "duration": 5}

        def create() -> str:
            return str(frontend.call("POST", "/v1/videos", body).json().get("code"))

        envelope = an_envelope(
            published_at=now.isoformat(),
            costIntervalStart=now.replace(day=1, hour=0).isoformat(),
            costAmount=200000.0,
        )
        token = capped.invoker_token("budget_alert", "pubsub-invoker")
        pushed = requests.post(
            capped.addresses["budget_alert"],
            json=envelope,
            headers={"Authorization": f"Bearer {token}"},
            timeout=100,
        )
        assert pushed.status_code == 204
        wait_for(lambda: create() == "generation_paused")

        manual_override = {"level": "normal", "reason": "paid the bill"}
        refused = frontend.call("POST", "/v1/admin/generation", manual_override)
        answered = admin.call("POST", "/v1/admin/generation", manual_override)

        assert (refused.status_code, answered.status_code) == (403, 200)
        assert answered.json()["level"] == "normal"
        wait_for(lambda: create() == "daily_limit_reached")

"""A stack with settings of its own: another Runway, a cap, and the kill switch."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from local.simulators.runway import runway_simulator
from local.simulators.server import SimulatorServer
from local.simulators.vendor_backend import Pace
from local.stack import Stack
from tests.domain.budgets import an_envelope
from tests.e2e.client import Frontend, Video, list_usd, wait_for
from tests.e2e.conftest import FRAMES_PER_SECOND, StackFactory


@pytest.fixture(scope="module")
def runway() -> Iterator[SimulatorServer]:
    pace = Pace(seconds=1, frames_per_second=FRAMES_PER_SECOND)
    with runway_simulator(pace) as server:
        yield server


@pytest.fixture(scope="module")
def capped(runway: SimulatorServer, a_stack: StackFactory) -> Iterator[Stack]:
    """A cap that pays for `first`, of 3 s, and not for 5 s more.

    Its day begins about twelve hours away from now.
    """
    noon = f"Etc/GMT{datetime.now(UTC).hour - 12:+}"
    cap_usd = 7 * list_usd("gen4_turbo")
    caps = {"DAILY_LIMIT_USD": str(cap_usd), "LIMITS_TIME_ZONE": noon}
    vendor = {"RUNWAYML_BASE_URL": runway.address, "RUNWAY_API_KEY": "key_mine"}
    with a_stack(**caps, **vendor) as stack:
        yield stack


@pytest.fixture(scope="module")
def first(capped: Stack) -> Video:
    frontend = Frontend(capped)
    return frontend.wait(frontend.create(duration=3))


def test_the_servers_that_the_environment_names_are_used(
    capped: Stack, runway: SimulatorServer, firestore_emulator: str, first: Video
) -> None:
    assert capped.addresses["runway"] == runway.address
    assert capped.firestore == firestore_emulator
    assert first["ai_model"] == "runway"
    assert [s.prompt for s in runway.submissions] == [first["prompt"]]


@pytest.mark.usefixtures("first")
def test_a_spent_budget_pauses_new_jobs_until_an_administrator_overrides_it(
    capped: Stack,
) -> None:
    now = datetime.now(UTC)
    body = {"prompt": "a raccoon", "image": "none", "duration": 5}
    frontend = Frontend(capped, "somebody")
    admin = Frontend(capped, "owner", admin=True)

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

"""The page's figures of spending, providers and times."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend, Video, wait_for
from tests.e2e.page.acting import LOST, OFFLINE, arrived, await_paint, hold
from tests.e2e.page.conftest import Visit


@pytest.fixture
def spender(stack: Stack, earlier: Video) -> str:
    """The name of a user who made a video with Runway and makes none at the moment."""
    frontend = Frontend(stack, "min-ji")
    open_ones = "/v1/videos?status=processing"
    for video in frontend.call("GET", open_ones).json()["videos"]:
        frontend.call("POST", f"/v1/videos/{video['job_id']}/cancel")
    wait_for(lambda: not frontend.call("GET", open_ones).json()["videos"])
    return "민지"


def test_usage_starts_with_one_number_and_has_the_figures_behind_the_bars(
    visit: Visit, stack: Stack, spender: str
) -> None:
    # The period that the page shows first: a month may just have begun.
    first_day = datetime.now(UTC).date() - timedelta(days=29)
    path = f"/v1/usage?from={first_day}"
    told = Frontend(stack, "min-ji").call("GET", path).json()
    page = visit("/usage", user=spender).page

    spent = page.locator(".cap").first.locator("strong")
    used = Decimal(told["caps"]["daily"]["used_usd"])
    expect(spent).to_have_text(f"${used:.2f}")
    days = [day for day in told["usage"] if day["ai_model"] == "runway"]
    expect(page.locator(".chart rect[data-maker=runway]")).to_have_count(len(days))
    expect(page.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"모두 \$\d")
    )
    page.get_by_text("표로 보기").click()
    expect(page.locator("tbody tr").filter(has_text="Runway").first).to_be_visible()
    # Each provider with its success rate and its time.
    (of,) = (p for p in told["providers"] if p["ai_model"] == "runway")
    runway = page.locator(".providers li").filter(has_text="Runway").first
    did = f"요청 {of['attempts']}건 중 {of['completed']}건 성공"
    expect(runway).to_contain_text(re.compile(rf"{did}\(\d+%\)"))
    expect(runway).to_contain_text(re.compile(r"보통 \d+초 걸림"))


def test_bars_and_periods_can_be_used_with_the_keyboard_alone(
    visit: Visit, spender: str
) -> None:
    page = visit("/usage", user=spender).page

    page.get_by_role("radio", name="비용").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".chart-top")).to_have_text(re.compile(r"^\d+편$"))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")

    expect(page.get_by_role("heading", name="최근 7일")).to_be_visible()
    expect(page.locator(".chart g")).to_have_count(7)


def test_figures_that_cannot_be_loaded_are_requested_again(
    visit: Visit, spender: str
) -> None:
    page, usage = visit("/", user=spender, forgiven=LOST).page, "**/v1/usage*"
    page.route(usage, lambda route: route.abort())
    page.get_by_role("link", name="사용량").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("불러오지 못했습니다")

    page.unroute(usage)
    alert.get_by_role("button").click()

    expect(page.locator(".cap").first).to_be_visible()
    expect(alert).to_have_count(0)


def test_a_period_that_is_no_longer_shown_may_fail_to_load(
    visit: Visit, spender: str
) -> None:
    page = visit("/usage", user=spender, forgiven=LOST).page
    choices = page.locator(".choice")
    expect(choices.first).to_be_visible()
    usage = "**/v1/usage*"
    held = hold(page, usage)
    choices.get_by_text("90일", exact=True).click()
    earlier = arrived(page, held)
    # The title says what is below it, not what is on its way.
    expect(page.locator("#chart-title")).to_have_text("최근 30일")
    page.route(usage, lambda route: route.continue_())
    choices.get_by_text("7일", exact=True).click()
    expect(page.locator(".chart g")).to_have_count(7)

    with page.expect_event("requestfailed"):
        earlier.abort()

    await_paint(page)
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("lost", "times"),
    # Code is requested once or twice: it is preloaded before it is imported.
    [("**/view-*.js", None), ("**/v1/usage*", 1)],
)
def test_a_view_that_fails_just_before_the_connection_is_back_appears(
    visit: Visit, spender: str, lost: str, times: int | None
) -> None:
    page = visit("/", user=spender, forgiven=LOST).page
    expect(page.locator("#prompt")).to_be_visible()
    page.evaluate(
        """() => new MutationObserver((_, observer) => {
            if (!document.querySelector('[role=alert]')) return;
            observer.disconnect();
            dispatchEvent(new Event('online'));
        }).observe(document, { childList: true, subtree: true })"""
    )
    offline = [lost]

    def fetch(route: Route) -> None:
        """What the page asks for first once it is back online."""
        offline.clear()
        route.continue_()

    page.route("**/config.json", fetch)
    page.route(
        lost,
        lambda route: route.abort() if offline else route.continue_(),
        times=times,
    )

    page.get_by_role("link", name="사용량").click()

    expect(page.locator(".cap").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_view_opened_while_offline_appears_when_the_connection_is_back(
    visit: Visit, spender: str
) -> None:
    page = visit("/", user=spender, forgiven=OFFLINE).page
    expect(page.locator("#prompt")).to_be_visible()
    usage = page.get_by_role("link", name="사용량")
    # The second time, the view's code is loaded already.
    for failed in ("서비스에 연결할 수 없습니다", "불러오지 못했습니다"):
        page.context.set_offline(True)
        usage.click()
        expect(page.get_by_role("alert")).to_contain_text(failed)

        page.context.set_offline(False)

        expect(page.locator(".cap").first).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("link", name="만들기").click()
        expect(page.locator("#prompt")).to_be_visible()

"""What the page shows where a video has no price, or can't be made."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend
from tests.e2e.page.acting import choose, write
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import PHONE

CAP = {"limit_usd": "0.30", "used_usd": "0", "left_usd": "0.30"}


def test_a_request_that_the_only_provider_cannot_make_is_reported_before_the_click(
    visit: Visit,
) -> None:
    page = visit().page
    page.locator(".chips.model").get_by_text("Runway", exact=True).click()
    page.get_by_label("실패하면 다른 제공업체에도 요청").uncheck()
    write(page, "A raccoon that Runway would need an image for")

    expect(page.locator(".order .bad")).to_contain_text("제공업체가 없습니다.")
    expect(page.locator(".make-button")).to_be_disabled()
    expect(page.locator(".make-button .price")).to_have_count(0)


def test_over_the_cap_the_page_suggests_settings_that_fit(visit: Visit) -> None:
    visitor = visit(user=None)
    visitor.forgive("net::ERR_")
    page = visitor.page
    is_down = True

    def leave_little(route: Route) -> None:
        if is_down:
            return route.abort()
        answer = route.fetch().json()
        answer["caps"]["daily"] = CAP
        return route.fulfill(json=answer)

    def refuse(route: Route) -> None:
        answer = route.fetch().json()
        if float(answer["estimated_cost_usd"]) > 0.3:
            answer["refused"] = {"code": "exceeds_limit", "message": "Too expensive."}
        route.fulfill(json=answer)

    page.route("**/v1/usage*", leave_little)
    page.route("**/v1/estimates", refuse)
    visitor.sign_in()
    choose(page)
    write(page, "A raccoon that is too dear", seconds=8)
    # Without the figures, in the service's own words.
    expect(page.locator(".order-bar .bad")).to_have_text("Too expensive.")
    is_down = False
    page.evaluate("dispatchEvent(new Event('online'))")

    expect(page.locator(".order")).to_contain_text("한도가 $0.30 남았습니다")
    expect(page.locator(".make-button")).to_be_disabled()
    page.get_by_role("button", name=re.compile("가능한 설정")).click()

    expect(page.locator(".price:not(.old)")).to_contain_text("$0.30")
    expect(page.locator(".make-button")).to_be_enabled()


@pytest.mark.usefixtures("_paused")
def test_while_generation_is_paused_the_page_says_so_next_to_the_price(
    visit: Visit,
) -> None:
    page = visit(width=PHONE).page
    choose(page)
    write(page, "A raccoon that can't be made now")

    expect(page.locator(".frame")).to_have_text([re.compile("일시 중지$")] * 4)
    expect(page.locator(".order-bar")).to_contain_text("영상 생성을 일시 중지했습니다")
    expect(page.locator(".make-button")).to_be_disabled()
    expect(page.locator(".make-button .price")).to_contain_text("0.20")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".order-bar")).to_contain_text("New videos are paused")


@pytest.fixture
def _paused(stack: Stack) -> Iterator[None]:
    operator, switch = Frontend(stack, "seo-yeon", admin=True), "/v1/admin/generation"
    operator.call("POST", switch, {"level": "paused", "reason": "a test"})
    yield
    operator.call("POST", switch, {"level": "normal", "reason": "the test is over"})


def test_the_end_of_a_pause_is_noticed_without_a_reload(
    visit: Visit, stack: Stack
) -> None:
    visitor = visit(user=None)
    page = visitor.page
    page.clock.install()  # before the page starts any timer
    operator, switch = Frontend(stack, "seo-yeon", admin=True), "/v1/admin/generation"
    operator.call("POST", switch, {"level": "paused", "reason": "a test"})
    visitor.sign_in()
    choose(page)
    expect(page.locator(".order-bar")).to_contain_text("영상 생성을 일시 중지했습니다")
    operator.call("POST", switch, {"level": "normal", "reason": "the test is over"})

    page.clock.fast_forward(60_000)

    expect(page.locator(".make-button")).to_be_enabled()


def test_without_a_price_no_video_can_be_made(
    visit: Visit,
) -> None:
    visitor = visit()
    visitor.forgive("net::ERR_")
    page = visitor.page
    choose(page)
    write(page, "A raccoon of unknown price")
    expect(page.locator(".price:not(.old)")).to_have_text("$0.20–2.20")
    page.route("**/v1/estimates", lambda route: route.abort())

    page.locator(".chips.model").get_by_text("Veo", exact=True).click()

    expect(page.locator(".price")).to_have_count(0)
    expect(page.locator(".make-button")).to_be_disabled()
    page.unroute("**/v1/estimates")
    expect(page.locator(".price:not(.old)")).to_contain_text("$1.60")
    expect(page.locator(".make-button")).to_be_enabled()


def test_a_service_that_is_down_at_the_start_is_retried(visit: Visit) -> None:
    visitor = visit(user=None)
    visitor.forgive("net::ERR_")
    page = visitor.page
    page.route("**/v1/models", lambda route: route.abort())
    visitor.sign_in()
    expect(page.get_by_role("alert")).to_contain_text("서비스가 응답하지 않습니다")
    expect(page.locator(".make-button")).to_be_disabled()

    page.unroute("**/v1/models")

    expect(page.locator(".price:not(.old)")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)

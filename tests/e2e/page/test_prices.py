"""What the page shows where a video has no price, or can't be made."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from google.cloud.firestore import Increment
from playwright.sync_api import Page, expect

from local.database import firestore_of
from local.stack import Stack
from tests.e2e.client import Frontend, Video, wait_for
from tests.e2e.page.acting import (
    LOST,
    OFFLINE,
    choose,
    is_on_top,
    jobs,
    make,
    player,
    scroll_to_bar,
    stop_time,
    write,
)
from tests.e2e.page.conftest import SWITCH, Visit
from tests.e2e.visitor import NARROW, PHONE


def test_a_request_that_the_only_provider_cannot_make_is_reported_before_the_click(
    page: Page,
) -> None:
    page.locator(".chips.model").get_by_text("Runway", exact=True).click()
    page.get_by_label("실패하면 다른 제공업체에도 요청").uncheck()
    write(page, "A raccoon that Runway would need an image for")

    expect(page.locator(".order .bad")).to_contain_text("제공업체가 없습니다.")
    expect(page.locator(".make-button")).to_be_disabled()
    expect(page.locator(".make-button .price")).to_have_count(0)


@pytest.fixture
def _little_left(stack: Stack) -> Iterator[None]:
    """Seo-yeon, who makes no videos, has spent all of today's cap but $0.30."""
    told = Frontend(stack, "seo-yeon").call("GET", "/v1/usage").json()
    spent = Decimal(told["caps"]["daily"]["left_usd"]) - Decimal("0.30")
    _book(stack, "seo-yeon", spent)
    yield
    _book(stack, "seo-yeon", -spent)


def _book(stack: Stack, user: str, usd: Decimal) -> None:
    """As a job does that is created and settled today."""
    today, amount = datetime.now(UTC), Increment(int(usd * 1_000_000))
    with closing(firestore_of(stack.firestore, stack.project)) as client:
        for collection, name in (("spend", "held"), ("settled", "settled")):
            document = client.document(f"{collection}/user.{user}.{today:%Y-%m}")
            document.set({"days": {f"d{today:%d}": {name: amount}}}, merge=True)


@pytest.mark.usefixtures("_little_left")
def test_over_the_cap_the_page_suggests_settings_that_fit(
    visit: Visit, stack: Stack
) -> None:
    prompt = "A raccoon that is too dear"
    visitor = visit(user=None, forgiven=(*LOST, "429"))
    page = visitor.page
    page.route("**/v1/usage*", lambda route: route.abort())
    visitor.sign_in("서연")
    choose(page)
    write(page, prompt, seconds=8)
    # Without the figures, only the service knows.
    make(page)
    expect(page.get_by_role("alert")).to_contain_text("한도")
    assert jobs(Frontend(stack, "seo-yeon"), prompt) == []

    page.unroute("**/v1/usage*")
    page.evaluate("dispatchEvent(new Event('online'))")

    reset = re.compile(r"한도가 \$0.30 남았습니다. \d+월 \d+일 \d\d:\d\d에 초기화")
    expect(page.locator(".order")).to_contain_text(reset)
    expect(page.locator(".make-button")).to_be_disabled()
    page.get_by_role("button", name=re.compile("가능한 설정")).click()
    expect(page.locator(".price:not(.old)")).to_contain_text("$0.30")
    make(page)
    expect(player(page)).to_be_visible()
    expect(page.locator(".small-print")).to_contain_text(
        "오늘 한도가 $0.00 남았습니다."
    )


@pytest.mark.usefixtures("_little_left")
def test_the_button_keeps_the_focus_when_too_little_is_left_and_enter_makes_nothing(
    visit: Visit, stack: Stack
) -> None:
    prompt = "A raccoon that is today's last"
    page = visit(user="서연").page
    button = page.locator(".make-button")
    choose(page)
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_contain_text("$0.20")

    button.press("Enter")

    expect(player(page)).to_be_visible()
    expect(page.locator(".order-bar")).to_contain_text("한도가 $0.10 남았습니다")
    expect(button).to_be_disabled()
    expect(button).to_be_focused()
    expect(button).to_have_accessible_description(re.compile(r"\$0\.10 남았습니다"))
    page.keyboard.press("Enter")
    expect(page.locator(".make-button > span").first).to_have_text("영상 만들기")
    assert len(jobs(Frontend(stack, "seo-yeon"), prompt)) == 1


def test_enter_makes_nothing_while_the_current_price_is_refused(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon that is no longer accepted"
    page = visit(forgiven=("422",)).page
    button = page.locator(".make-button")
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_be_visible()
    button.focus()
    refusal = {"status": 422, "code": "invalid_request", "detail": "Not any more."}
    page.route("**/v1/estimates", lambda route: route.fulfill(status=422, json=refusal))
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".order-bar")).to_contain_text("Not any more.")

    expect(button).to_be_disabled()
    expect(button).to_be_focused()
    expect(button).to_have_accessible_description(re.compile("Not any more"))
    page.keyboard.press("Enter")

    page.unroute("**/v1/estimates")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(button).to_be_enabled()
    assert jobs(frontend, prompt) == []


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


@pytest.mark.usefixtures("_paused")
def test_the_reason_in_a_phones_bar_covers_nothing_and_stays_in_view(
    visit: Visit, earlier: Video
) -> None:
    path, permissions = f"/?video={earlier['job_id']}", ["clipboard-write"]
    page = visit(path, width=NARROW, permissions=permissions).page
    reason = page.locator(".order-bar .bad")
    expect(reason).to_be_visible()
    chip = page.locator(".chips.model .chip").first
    scroll_to_bar(chip, "top")
    assert not is_on_top(chip)
    chip.locator("input").focus()
    wait_for(lambda: is_on_top(chip))

    stop_time(page)  # the toast stays
    page.get_by_role("button", name="링크 복사").click()

    expect(page.locator(".toast")).to_be_visible()
    wait_for(lambda: is_on_top(reason))
    assert is_on_top(page.locator(".toast"))


@pytest.fixture
def _paused(operator: Frontend) -> None:
    operator.call("POST", SWITCH, {"level": "paused", "reason": "a test"})


def test_the_end_of_a_pause_is_noticed_without_a_reload(
    visit: Visit, operator: Frontend
) -> None:
    # To Firestore's client, the minute that is skipped is one without an answer.
    visitor = visit(user=None, forgiven=OFFLINE)
    page = visitor.page
    page.clock.install()  # before the page starts any timer
    operator.call("POST", SWITCH, {"level": "paused", "reason": "a test"})
    visitor.sign_in()
    choose(page)
    expect(page.locator(".order-bar")).to_contain_text("영상 생성을 일시 중지했습니다")
    operator.call("POST", SWITCH, {"level": "normal", "reason": "a test"})

    page.clock.fast_forward(60_000)

    expect(page.locator(".make-button")).to_be_enabled()


def test_without_a_price_no_video_can_be_made(
    visit: Visit,
) -> None:
    page = visit(forgiven=LOST).page
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
    visitor = visit(user=None, forgiven=LOST)
    page = visitor.page
    page.route("**/v1/models", lambda route: route.abort())
    visitor.sign_in()
    expect(page.get_by_role("alert")).to_contain_text("서비스가 응답하지 않습니다")
    expect(page.locator(".make-button")).to_be_disabled()

    page.unroute("**/v1/models")

    expect(page.locator(".price:not(.old)")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)

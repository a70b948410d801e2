"""Signing in and out on the page, and what each user sees."""

import time
from dataclasses import replace
from urllib.parse import urlsplit

from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend
from tests.e2e.page.acting import (
    CREATING,
    LOST,
    arrived,
    hold,
    is_on_top,
    jobs,
    open_another,
)
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW


def test_another_users_library_is_empty(visit: Visit, stack: Stack) -> None:
    frontend, other = Frontend(stack, "min-ji"), Frontend(stack, "jun-ho")
    frontend.create(prompt="only Min-ji sees this fox", duration=5)
    for video in other.call("GET", "/v1/videos?limit=100").json()["videos"]:
        other.wait(video)
        other.call("DELETE", f"/v1/videos/{video['job_id']}").raise_for_status()

    visitor = visit(user="민지")
    cards = visitor.page.locator(".library .cards > li")
    expect(cards.filter(has_text="only Min-ji sees this fox")).to_have_count(1)

    visitor.sign_out()
    visitor.sign_in("준호")
    expect(visitor.page.locator(".library .empty")).to_be_visible()
    expect(cards).to_have_count(0)


def test_a_view_that_cannot_be_loaded_says_so_and_offers_a_reload(
    visit: Visit,
) -> None:
    visitor = visit(forgiven=LOST)
    page = visitor.page
    expect(page.locator("#prompt")).to_be_visible()
    # As after a deploy, which removes the files of the previous release.
    page.route("**/assets/*.js", lambda route: route.abort())
    page.get_by_role("link", name="사용량").click()
    expect(page.locator("main")).to_contain_text("서비스에 연결할 수 없습니다")
    assert visitor.violations() == []

    page.unroute("**/assets/*.js")
    page.get_by_role("button", name="새로고침").click()

    expect(page.locator("main h1")).to_have_text("사용량")


def test_a_start_that_fails_says_so_and_succeeds_once_online(visit: Visit) -> None:
    page = visit(user=None, forgiven=LOST).page
    entry = page.request.get(page.url).text()

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        is_first = path == "/" or path in entry
        return route.continue_() if is_first else route.abort()

    page.route("**/*", answer)
    page.reload()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("서비스에 연결할 수 없습니다")
    page.unroute("**/*")

    page.evaluate("dispatchEvent(new Event('online'))")

    expect(page.get_by_role("button", name="민지")).to_be_visible()


def test_a_view_on_its_way_over_a_slow_network_says_so(visit: Visit) -> None:
    page = visit().page
    expect(page.locator("#prompt")).to_be_visible()
    held = hold(page, "**/assets/*.js")
    page.get_by_role("link", name="사용량").click()
    arrived(page, held)

    expect(page.locator("main").get_by_role("status")).to_have_text("불러오는 중 …")

    page.unroute("**/assets/*.js")
    expect(page.locator("main h1")).to_have_text("사용량")


def test_an_unknown_path_shows_that_there_is_no_page(visit: Visit) -> None:
    page = visit("/nothing").page

    expect(page.locator("main")).to_have_text("페이지를 찾을 수 없습니다.")
    page.get_by_role("link", name="만들기").click()
    expect(page.locator("#prompt")).to_be_visible()


def test_only_administrators_see_the_admin_page(visit: Visit) -> None:
    visitor = visit("/admin", user="민지")

    expect(visitor.page.locator("main")).to_contain_text("관리자만")
    expect(visitor.page.get_by_role("link", name="관리")).to_have_count(0)

    visitor.sign_out()
    visitor.sign_in("서연")
    expect(visitor.page.locator("main h1")).to_have_text("관리")


def test_a_reload_keeps_the_sign_in_the_view_and_the_language(
    visit: Visit,
) -> None:
    page = visit("/usage", user="Min-ji", language="en").page
    expect(page.locator("main h1")).to_have_text("Usage")

    page.get_by_role("button", name="한국어").click()
    expect(page.locator("main h1")).to_have_text("사용량")
    page.reload()

    expect(page.locator("main h1")).to_have_text("사용량")
    expect(page.locator("html")).to_have_attribute("lang", "ko")


def test_signing_out_asks_whether_unfinished_work_stays(visit: Visit) -> None:
    visitor = visit(user="me")
    page, secret = visitor.page, "What nobody else may read"
    page.locator("#prompt").fill(secret)

    page.get_by_role("button", name="로그아웃").click()
    question = page.get_by_role("dialog")
    expect(question).to_be_visible()
    assert visitor.violations() == []
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    visitor.sign_out(answer="남기고 로그아웃")
    visitor.sign_in("me")
    expect(page.locator("#prompt")).to_have_value(secret)

    visitor.sign_out(answer="지우고 로그아웃")

    assert secret not in page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    visitor.sign_in("me")
    expect(page.locator("#prompt")).to_have_value("")
    page.get_by_role("button", name="로그아웃").click()
    expect(page.locator(".sign-in")).to_be_visible()


def test_work_erased_in_one_tab_is_gone_from_the_others(
    visit: Visit, frontend: Frontend
) -> None:
    visitor, prompt = visit(forgiven=LOST), f"Erased elsewhere, {time.time_ns()}"
    page = visitor.page
    page.route(CREATING, lambda route: route.abort())
    page.locator("#prompt").fill(prompt)
    page.locator(".make-button").click()
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")
    other = replace(visitor, page=open_another(page))

    other.sign_out(answer="지우고 로그아웃")

    expect(page.locator(".sign-in")).to_be_visible()
    page.unroute(CREATING)
    visitor.sign_in("민지")
    expect(page.locator("#prompt")).to_have_value("")
    expect(page.locator(".invitation")).to_be_visible()
    assert jobs(frontend, prompt) == []


def test_the_page_says_if_nothing_is_paid(visit: Visit) -> None:
    visitor = visit(user=None, language="en", width=NARROW)
    header = visitor.page.locator("header")
    expect(header).to_contain_text("Simulated: nothing is paid")
    assert is_on_top(header.get_by_text("nothing is paid"))
    visitor.page.get_by_role("button", name="한국어").click()
    expect(header).to_contain_text("시뮬레이션: 결제되지 않습니다")
    assert is_on_top(header.get_by_text("결제되지 않습니다"))
    visitor.sign_in("서연")
    assert is_on_top(header.get_by_text("결제되지 않습니다"))

    def pay(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"simulated": False})

    visitor.page.route("**/config.json", pay)
    visitor.page.reload()

    expect(header.get_by_role("link", name="관리")).to_be_visible()
    expect(visitor.page.locator(".badge")).to_have_count(0)

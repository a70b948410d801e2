"""Another user signs in to the same browser while something is unfinished."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from tests.e2e.client import Frontend
from tests.e2e.page.acting import CREATING, LOST, hold, jobs, order, stop_time
from tests.e2e.page.conftest import Visit


def test_a_click_that_could_not_be_sent_waits_for_its_own_user(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon of Min-ji's alone"
    visitor = visit(forgiven=LOST)
    page = visitor.page
    is_down, sent = True, list[str]()

    def answer(route: Route) -> None:
        if is_down:
            return route.abort()
        sent.append(route.request.headers["idempotency-key"])
        return route.continue_()

    page.route(CREATING, answer)
    order(page, prompt, image=None)
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")

    visitor.sign_out()
    is_down = False
    visitor.sign_in("준호")

    expect(page.locator("#prompt")).to_have_value("")
    expect(page.locator(".price:not(.old)")).to_be_visible()
    expect(page.locator(".make-button")).to_be_enabled()
    assert not sent

    visitor.sign_out()
    visitor.sign_in("민지")

    expect(page.locator(".stage video.there")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value(prompt)
    assert len(set(sent)) == 1
    assert len(jobs(frontend, prompt)) == 1


def test_an_answer_that_arrives_on_another_view_is_still_one_job(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that is answered late"
    held = hold(page, CREATING)
    order(page, prompt, image=None)
    expect(page.locator(".headline")).to_be_visible()
    page.get_by_role("link", name="사용량").click()
    expect(page.locator("main h1")).to_have_text("사용량")
    with page.expect_response(CREATING):
        held.pop().continue_()
    expect(page).to_have_url(re.compile("/usage$"))

    page.get_by_role("link", name="만들기").click()

    expect(page.locator(".stage video.there")).to_be_visible()
    assert not held, "one click is sent once"
    assert len(jobs(frontend, prompt)) == 1


def test_a_view_that_is_left_is_closed_even_if_nothing_is_painted(page: Page) -> None:
    expect(page.locator(".price:not(.old)")).to_be_visible()
    stop_time(page)  # and with it the frames, as in a tab in the background
    page.get_by_role("link", name="사용량").click()
    expect(page.locator(".cap").first).to_be_visible()
    expect(page).to_have_title("사용량 · Reelay")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))

    page.evaluate("() => { dispatchEvent(new Event('online')); }")

    page.evaluate("fetch('/icon.svg')")
    assert asked == ["/icon.svg"]

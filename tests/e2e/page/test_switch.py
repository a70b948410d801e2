"""Another user signs in at the same browser, in the middle of something."""

import re

import pytest
from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend
from tests.e2e.page.conftest import Visit
from tests.e2e.page.test_make import make, write

pytestmark = pytest.mark.timeout(300)
# A browser on a busy machine; conditions are waited for, never times.
expect.set_options(timeout=110_000)


def test_a_click_that_could_not_be_sent_waits_for_its_user(
    visit: Visit, stack: Stack
) -> None:
    prompt = "A raccoon of Min-ji's alone"
    visitor = visit()
    visitor.forgive("net::ERR_")
    page = visitor.page
    is_down, sent = True, list[str]()

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        if is_down:
            return route.abort()
        sent.append(route.request.headers["idempotency-key"])
        return route.continue_()

    page.route(re.compile("/v1/videos$"), answer)
    write(page, prompt)
    make(page)
    expect(page.locator(".headline")).to_contain_text("연결이 끊겼습니다")

    visitor.sign_out()
    is_down = False
    visitor.sign_in("Jun-ho")

    expect(page.locator("#prompt")).to_have_value("")
    expect(page.locator(".price:not(.old)")).to_be_visible()
    expect(page.locator(".make-button")).to_be_enabled()
    assert not sent

    visitor.sign_out()
    visitor.sign_in("Min-ji")

    expect(page.locator(".stage video.there")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value(prompt)
    assert len(set(sent)) == 1
    listed = Frontend(stack, "min-ji").call("GET", "/v1/videos?limit=100").json()
    assert [v["prompt"] for v in listed["videos"]].count(prompt) == 1


def test_an_answer_that_comes_while_one_looks_elsewhere_is_still_one_job(
    visit: Visit, stack: Stack
) -> None:
    prompt = "A raccoon that is answered late"
    visitor = visit()
    page = visitor.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route(re.compile("/v1/videos$"), hold)
    write(page, prompt)
    make(page)
    expect(page.locator(".headline")).to_be_visible()
    page.get_by_role("link", name="사용량").click()
    expect(page.locator("main h1")).to_have_text("사용량")
    with page.expect_response(re.compile("/v1/videos$")):
        held.pop().continue_()
    expect(page).to_have_url(re.compile("/usage$"))

    page.get_by_role("link", name="만들기").click()

    expect(page.locator(".stage video.there")).to_be_visible()
    assert not held, "one click is sent once"
    listed = Frontend(stack, "min-ji").call("GET", "/v1/videos?limit=100").json()
    assert [v["prompt"] for v in listed["videos"]].count(prompt) == 1

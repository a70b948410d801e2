"""A click pays what its button shows, and once."""

import re
from collections.abc import Callable
from functools import partial

from playwright.sync_api import Page, Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend, set_faults, submissions, wait_for
from tests.e2e.page.acting import (
    CREATING,
    ENDLESS,
    LOST,
    OFFLINE,
    LostAnswers,
    choose,
    hold,
    jobs,
    make,
    order,
    player,
    stop_time,
    write,
)
from tests.e2e.page.conftest import Visit

PRICING = "**/v1/estimates"


def draft(page: Page, prompt: str, *, has_image: bool = True) -> None:
    """What a click would ask for, with its price shown."""
    if has_image:
        choose(page)
    write(page, prompt)
    shown = "$0.20–2.20" if has_image else "$1.60–2.00"
    expect(page.locator(".price:not(.old)")).to_have_text(shown)


def hold_prices(page: Page) -> Callable[[Callable[[Route], None]], None]:
    """Hold requests for prices; the returned function lets them go on as it is told."""
    held = hold(page, PRICING)

    def release(act: Callable[[Route], None]) -> None:
        page.route(PRICING, lambda route: act(route))
        for route in held:
            act(route)

    return release


def test_a_click_before_the_new_price_is_known_pays_no_more_than_was_shown(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that became dearer"
    button = page.locator(".make-button")
    draft(page, prompt)
    release = hold_prices(page)
    page.locator(".chips.model").get_by_text("Veo", exact=True).click()
    button.dblclick()
    expect(button).to_have_text("가격을 확인하는 중")

    release(Route.continue_)

    expect(page.get_by_role("alert")).to_contain_text("가격이 올랐습니다")
    assert jobs(frontend, prompt) == []
    expect(page.locator(".price")).to_contain_text("$1.60")
    make(page)
    expect(player(page)).to_be_visible()
    assert len(jobs(frontend, prompt)) == 1


def test_a_click_before_the_first_price_pays_nothing_and_the_button_says_why(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon without a price yet"
    visitor = visit(user=None)
    page, button = visitor.page, visitor.page.locator(".make-button")
    release = hold_prices(page)
    visitor.sign_in()
    page.locator("#prompt").fill(prompt)

    button.press("Enter")

    expect(button).to_be_focused()
    expect(button).to_have_accessible_name("가격을 확인하는 중")
    release(Route.continue_)
    expect(button).to_be_enabled()
    expect(button).to_be_focused()
    assert jobs(frontend, prompt) == []


def test_if_only_the_maximum_rose_the_page_says_so(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon whose image came last"
    draft(page, prompt, has_image=False)
    release = hold_prices(page)
    choose(page)
    page.locator(".make-button").click()

    release(Route.continue_)

    expect(page.get_by_role("alert")).to_contain_text("최대 금액이 올랐습니다")
    expect(page.locator(".price:not(.old)")).to_have_text("$0.20–2.20")
    assert jobs(frontend, prompt) == []


def test_what_is_written_after_a_click_is_not_in_its_video(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that was clicked"
    draft(page, prompt)
    release = hold_prices(page)
    page.locator("#prompt").fill(prompt + " at once")
    page.locator(".make-button").click()
    page.locator("#prompt").fill("The next racc")

    release(Route.continue_)

    expect(player(page)).to_be_visible()
    assert len(jobs(frontend, prompt + " at once")) == 1
    assert jobs(frontend, "The next racc") == []
    expect(page.locator("#prompt")).to_have_value("The next racc")


def test_a_click_whose_price_cannot_be_had_says_so(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon whose price is lost"
    page = visit(forgiven=LOST).page
    draft(page, prompt)
    release = hold_prices(page)
    page.locator("#prompt").fill(prompt + " again")
    page.locator(".make-button").click()
    expect(page.locator(".make-button")).to_have_text("가격을 확인하는 중")

    release(Route.abort)

    expect(page.get_by_role("alert")).to_contain_text("서비스가 응답하지 않습니다")
    assert jobs(frontend, prompt + " again") == []


def test_a_click_that_was_impossible_is_explained_even_if_the_draft_has_changed(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that Runway alone can't make from text"
    draft(page, prompt, has_image=False)
    release = hold_prices(page)
    page.locator(".chips.model").get_by_text("Runway", exact=True).click()
    page.get_by_label("실패하면 다른 제공업체에도 요청").uncheck()
    page.locator(".make-button").click()
    expect(page.locator(".make-button")).to_have_text("가격을 확인하는 중")
    page.get_by_label("실패하면 다른 제공업체에도 요청").check()

    release(Route.continue_)

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("누를 때의 설정으로는 만들지 않았습니다")
    expect(alert).to_contain_text("제공업체가 없습니다")
    assert jobs(frontend, prompt) == []


def test_the_same_video_is_paid_again_only_after_a_question_until_its_end_is_seen(
    visit: Visit, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    first, later = "A raccoon that someone forgets", "A raccoon in between"
    frontend, page = Frontend(stack, "me"), visit(user="me").page
    choose(page)
    for prompt in (first, later):
        write(page, prompt)
        make(page)
        expect(page.locator(".frame.working")).to_be_visible()
        page.go_back()
        expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    order(page, first, image=None)

    question = page.get_by_role("dialog", name="이미 시작한 영상입니다")
    # Holding Enter down doesn't answer that it shall be paid again.
    expect(question.get_by_role("button", name="그 영상 보기")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".frame.working")).to_be_visible()
    assert len(jobs(frontend, first)) == 1
    make(page)
    question.get_by_role("button", name="하나 더 만들기 · $0.20–2.20").click()

    def are_made(count: int) -> bool:
        return len(jobs(frontend, first)) == count

    wait_for(partial(are_made, 2))

    set_faults(stack, [])
    for video in jobs(frontend, first):
        frontend.call("POST", f"/v1/videos/{video['job_id']}/cancel")
        page.locator(f".card.failed a[href$='{video['job_id']}']").click()
        expect(page.locator(".headline")).to_have_text("취소했습니다")
    for count in (3, 4):
        make(page)
        wait_for(partial(are_made, count))
        expect(player(page)).to_be_visible()


def test_a_double_click_is_one_job(page: Page, frontend: Frontend) -> None:
    # Without an image to upload, the first click is sent at once.
    prompt = "A raccoon that is clicked twice"
    draft(page, prompt, has_image=False)
    page.locator(".make-button").dblclick()

    expect(player(page)).to_be_visible()

    assert len(jobs(frontend, prompt)) == 1
    assert len(submissions(frontend.stack, prompt)) == 1


def test_a_lost_answer_is_requested_again_even_after_a_reload(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon whose answer is lost"
    page = visit(forgiven=LOST).page
    answers = LostAnswers(page)
    order(page, prompt, image=None)
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")

    answers.end()
    page.reload()

    expect(player(page)).to_be_visible()
    assert len(set(answers.keys)) == 1
    assert len(answers.keys) > 1
    assert len(jobs(frontend, prompt)) == 1


def test_retrying_an_abandoned_request_creates_no_second_job(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon that was given up"
    # The clock's jump is also one for the listener of the video, which had arrived.
    page = visit(forgiven=OFFLINE).page
    answers = LostAnswers(page)
    order(page, prompt, image=None)
    page.get_by_role("button", name="보내기 취소").click()
    expect(page.get_by_role("region", name="이미지와 영상")).to_be_focused()
    answers.end()
    stop_time(page)

    make(page)

    said = "앞서 보낸 요청이 도착해 있었습니다"
    expect(page.locator(".toast")).to_contain_text(said)
    page.clock.resume()
    expect(player(page)).to_be_visible()
    assert len(jobs(frontend, prompt)) == 1


def test_a_click_whose_tab_slept_is_asked_for_again_and_paid_once(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon that sleeps for hours"
    page = visit(forgiven=LOST).page
    answers = LostAnswers(page)
    page.clock.install()
    order(page, prompt, image=None)
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")

    page.clock.fast_forward("03:00:00")

    expect(page.locator(".order .bad")).to_contain_text("다시 눌러 주세요")
    answers.end()
    make(page)
    expect(page).to_have_url(re.compile("video="))
    assert len(set(answers.keys)) == 1
    assert len(jobs(frontend, prompt)) == 1


def test_a_click_whose_token_is_refused_after_a_lost_answer_is_paid_once(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon whose session ended too early"
    page = visit(forgiven=(*LOST, "401")).page
    answers = LostAnswers(page)
    refused = {"status": 401, "json": {"code": "unauthenticated"}}
    # Also with a new token.
    page.route(CREATING, lambda route: route.fulfill(**refused), times=2)
    page.route(CREATING, answers.pass_on, times=1)

    order(page, prompt, image=None)

    expect(page.get_by_role("alert")).to_be_visible()
    answers.end()
    make(page)
    expect(player(page)).to_be_visible()
    assert len(set(answers.keys)) == 1
    assert len(jobs(frontend, prompt)) == 1


def test_the_video_of_an_abandoned_request_appears_without_a_reload(
    visit: Visit,
) -> None:
    prompt = "A raccoon that was given up, but arrived"
    page = visit(forgiven=LOST).page
    LostAnswers(page)
    order(page, prompt, image=None)

    page.get_by_role("button", name="보내기 취소").click()

    expect(page.locator(".card", has_text=prompt)).to_be_visible()


def test_being_offline_is_shown_and_recovers(visit: Visit, frontend: Frontend) -> None:
    prompt = "A raccoon goes offline"
    page = visit(forgiven=OFFLINE).page
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".offline")).to_contain_text("오프라인입니다")
    make(page)
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")

    page.context.set_offline(False)

    expect(page.locator(".offline")).to_be_empty()
    expect(player(page)).to_be_visible()
    assert len(jobs(frontend, prompt)) == 1

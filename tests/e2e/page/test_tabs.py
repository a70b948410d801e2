"""Two tabs of one browser, which share its storage."""

import re

from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.client import Frontend, set_faults, wait_for
from tests.e2e.page.acting import (
    ENDLESS,
    LOST,
    LostAnswers,
    arrived,
    choose,
    hold,
    jobs,
    make,
    natural_size,
    open_another,
    order,
    portrait,
    write,
)
from tests.e2e.page.conftest import Visit

# The other tab's storage has the videos that the first one has started.
STARTED = "() => localStorage.getItem('reelay.ordered.me') !== null"

# The PUT of an image into the bucket.
UPLOAD = re.compile("/uploads/")


def open_deaf(page: Page) -> Page:
    """Another tab, which, as if it had been frozen, isn't told what others store."""
    other = page.context.new_page()
    stop = "(event) => event.stopImmediatePropagation()"
    other.add_init_script(f"addEventListener('storage', {stop})")
    other.goto(page.url)
    return other


def test_an_image_chosen_in_one_tab_leaves_the_other_tabs_image(page: Page) -> None:
    choose(page)
    other = open_another(page)
    other.get_by_role("button", name="이미지 제거").click()
    choose(other, portrait())
    chosen = page.get_by_alt_text("선택한 이미지")

    page.reload()

    expect(chosen).to_be_visible()
    width, height = natural_size(chosen)
    assert width > height


def test_a_video_started_in_one_tab_is_asked_about_in_the_other(
    visit: Visit, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    page = visit(user="me").page  # whose running job keeps no other test waiting
    choose(page)
    write(page, "A raccoon in two tabs")
    other = open_deaf(page)
    button = other.locator(".make-button")
    expect(button).to_be_enabled()

    make(page)
    wait_for(lambda: other.evaluate(STARTED))
    make(other)

    question = other.get_by_role("dialog", name="이미 시작한 영상입니다")
    expect(question).to_be_visible()
    question.get_by_role("button", name="닫기").click()
    expect(button).to_be_focused()
    assert len(jobs(Frontend(stack, "me"), "A raccoon in two tabs")) == 1


def test_a_click_on_the_draft_that_another_tab_still_uploads_is_paid_once(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon that two tabs upload"
    page = visit().page
    choose(page)
    write(page, prompt)
    other = open_another(page)
    expect(other.get_by_alt_text("선택한 이미지")).to_be_visible()
    held = hold(page, UPLOAD)
    make(page)
    upload = arrived(page, held)

    make(other)
    expect(other).to_have_url(re.compile("video="))
    upload.continue_()

    expect(page).to_have_url(other.url)
    assert len(jobs(frontend, prompt)) == 1


def test_a_click_given_up_in_one_of_two_tabs_and_clicked_again_is_paid_once(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon given up in one of two tabs"
    page = visit().page
    choose(page)
    write(page, prompt)
    other = open_another(page)
    expect(other.get_by_alt_text("선택한 이미지")).to_be_visible()
    uploads = [hold(tab, UPLOAD) for tab in (page, other)]
    for tab, held in zip((page, other), uploads, strict=True):
        make(tab)
        arrived(tab, held)

    other.get_by_role("button", name="보내기 취소").click()
    other.unroute(UPLOAD)
    make(other)
    expect(other).to_have_url(re.compile("video="))
    uploads[0][0].continue_()

    expect(page).to_have_url(other.url)
    assert len(jobs(frontend, prompt)) == 1


def test_a_page_that_the_browser_had_put_away_learns_who_is_signed_in(
    visit: Visit,
) -> None:
    visitor = visit()
    other = open_deaf(visitor.page)
    expect(other.locator("#prompt")).to_be_visible()
    visitor.sign_out()
    back = "new PageTransitionEvent('pageshow', {persisted: true})"

    other.evaluate(f"() => {{ dispatchEvent({back}); }}")

    expect(other.locator(".sign-in")).to_be_visible()


def test_a_click_whose_tab_is_closed_before_the_answer_is_paid_once(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon whose tab is closed"
    visitor = visit(forgiven=LOST)
    page = visitor.page
    LostAnswers(page)
    order(page, prompt, image=None)
    expect(page.locator(".headline")).to_contain_text("아직 응답이 없습니다")
    other = page.context.new_page()
    page.close()
    other.goto(visitor.stack.addresses["web"])
    expect(other.locator(".card", has_text=prompt)).to_be_visible()

    make(other)

    expect(other).to_have_url(re.compile("video="))
    assert len(jobs(frontend, prompt)) == 1

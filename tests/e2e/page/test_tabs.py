"""Two tabs of one browser, which share its storage."""

from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.client import set_faults
from tests.e2e.page.acting import ENDLESS, choose, make, natural_size, portrait, write
from tests.e2e.page.conftest import Visit


def open_another(page: Page) -> Page:
    with page.context.expect_page() as opened:
        page.evaluate("() => { open('/', '', 'noopener') }")
    return opened.value


def test_an_image_chosen_in_one_tab_leaves_the_other_tabs_image(visit: Visit) -> None:
    page = visit().page
    choose(page)
    other = open_another(page)
    other.get_by_role("button", name="이미지 제거").click()
    choose(other, portrait())
    chosen = page.get_by_alt_text("선택한 이미지")

    page.reload()

    expect(chosen).to_be_visible()
    width, height = natural_size(chosen)
    assert width > height


def test_a_video_started_in_one_tab_cannot_be_started_again_in_the_other(
    visit: Visit, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    page = visit(user="me").page  # whose running job keeps no other test waiting
    choose(page)
    write(page, "A raccoon in two tabs")
    other = open_another(page)
    button = other.locator(".make-button")
    expect(button).to_be_enabled()

    make(page)

    expect(button).to_have_text("만드는 중")
    expect(button).to_be_disabled()
    other.locator("#prompt").fill("Another raccoon")
    expect(button).to_be_enabled()

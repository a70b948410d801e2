"""Images that are pasted, dropped, or named by an address."""

from base64 import b64encode

from playwright.sync_api import Page, expect

from tests.e2e.client import IMAGE, Frontend, Video
from tests.e2e.page.acting import choose_another, jobs, make, player, write
from tests.e2e.page.conftest import Visit

PASTE = """(element, [text, image]) => {
    const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    if (text) clipboardData.setData("text/plain", text);
    clipboardData.items.add(new File([bytes], "a.jpg", {type: "image/jpeg"}));
    const event = {clipboardData, bubbles: true, cancelable: true};
    return element.dispatchEvent(new ClipboardEvent("paste", event));
}"""


def test_an_image_can_be_pasted_anywhere_but_text_with_an_image_stays_text(
    page: Page,
) -> None:
    image = b64encode(IMAGE.read_bytes()).decode()
    prompt = page.locator("#prompt")
    # The field still gets the text, because the event isn't stopped.
    assert prompt.evaluate(PASTE, ["A cell of a table", image])
    expect(page.locator(".invitation")).to_be_visible()

    assert not prompt.evaluate(PASTE, ["", image])

    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()


DROP = """(element, link) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/uri-list", link);
    for (const type of ["dragover", "drop"]) {
        const event = {dataTransfer, bubbles: true, cancelable: true};
        element.dispatchEvent(new DragEvent(type, event));
    }
}"""


def test_a_dropped_link_becomes_the_images_url(page: Page) -> None:
    link = "https://example.com/raccoon.jpg"
    page.locator(".library").evaluate(DROP, link)

    expect(page.locator("#address")).to_have_value(link)
    expect(page.locator(".stage.dragged")).to_have_count(0)
    page.get_by_role("button", name="주소 지우기").click()
    # Text dropped into a field stays there.
    page.locator("#prompt").evaluate(DROP, link)
    expect(page.locator("#address")).to_have_count(0)
    # Nor is a card of the library, dragged by accident, an image.
    library = page.locator(".library")
    for happened, addresses in (("dragstart", 0), ("dragend", 1)):
        library.dispatch_event(happened)
        library.evaluate(DROP, link)
        expect(page.locator("#address")).to_have_count(addresses)


def test_a_url_can_be_typed_cleared_and_typed_again(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon of an address"
    # A slow machine may ask for the price of half a URL.
    page = visit(forgiven=("422",)).page
    write(page, prompt)
    page.get_by_role("button", name="주소로 가져오기").click()
    address = page.locator("#address")
    expect(address).to_be_focused()
    page.keyboard.type("https://example.com/raccoon.jpg")
    expect(address).to_have_value("https://example.com/raccoon.jpg")

    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Backspace")
    make(page)

    # Not a video from text alone, which another provider makes for more.
    expect(page.get_by_role("alert")).to_contain_text("이미지 주소를 입력하거나")
    expect(address).to_be_focused()
    assert jobs(frontend, prompt) == []
    page.keyboard.type("https://example.com/b.jpg")
    expect(address).to_have_value("https://example.com/b.jpg")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="주소 지우기").click()
    expect(page.get_by_role("button", name="주소로 가져오기")).to_be_visible()


def test_a_wrong_url_is_reported_next_to_it_and_no_video_is_planned(
    visit: Visit,
) -> None:
    page = visit(forgiven=("422",)).page
    page.get_by_role("button", name="주소로 가져오기").click()
    page.keyboard.type("ftp://example.com/a.jpg")
    expect(page.locator(".frame").first).to_have_text("Runway–")
    expect(page.get_by_role("alert")).to_have_count(0)

    page.keyboard.press("Enter")

    alert = page.get_by_role("alert")
    expect(alert).to_have_text("주소: 공개된 https:// URL이어야 합니다.")
    expect(page.locator(".invitation").get_by_role("alert")).to_be_visible()
    # Nothing confirms it, and the reason is also next to the button that it disables.
    for _ in ("typed", "stored"):
        expect(page.locator(".order-bar")).to_contain_text("공개된 https:// URL")
        expect(page.locator(".make-button")).to_be_disabled()
        expect(page.locator(".invitation")).to_contain_text("이미지의 주소를 입력")
        expect(page.locator(".invitation")).not_to_contain_text("사용합니다")
        page.reload()


def test_an_error_of_the_draft_is_not_shown_under_a_video(
    visit: Visit, earlier: Video
) -> None:
    page = visit(forgiven=("422",)).page
    page.get_by_role("button", name="주소로 가져오기").click()
    page.keyboard.type("http://example.com/a.jpg")
    page.keyboard.press("Enter")
    choose_another(page, b"no image")
    alert = page.locator(".stage").get_by_role("alert")
    expect(alert).to_contain_text("사용할 수 없는 파일입니다")
    expect(alert).to_contain_text("공개된 https:// URL이어야 합니다")

    page.locator(f"#card-{earlier['job_id']} a").first.click()

    expect(player(page)).to_be_visible()
    expect(alert).to_have_count(0)


def test_a_file_pasted_over_a_video_that_is_no_image_is_reported_there(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page
    expect(player(page)).to_be_visible()

    page.locator(".library").evaluate(PASTE, ["", b64encode(b"no image").decode()])

    alert = page.locator(".stage").get_by_role("alert")
    expect(alert).to_contain_text("사용할 수 없는 파일입니다")

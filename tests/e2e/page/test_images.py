"""Images that are chosen from files: read, turned, cropped, kept."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.client import IMAGE, Frontend, wait_for
from tests.e2e.page.acting import (
    JPEG,
    await_paint,
    choose,
    choose_another,
    jobs,
    make,
    natural_size,
    order,
    player,
    portrait,
    write,
)
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import PHONE, WIDE


def of_an_iphone() -> bytes:
    return Path(__file__).with_name("raccoon.heic").read_bytes()


@pytest.mark.parametrize(
    ("photo", "width", "shape"),
    [(portrait, PHONE, "3:4"), (of_an_iphone, WIDE, "4:3")],
)
def test_a_phones_photo_is_turned_and_converted(
    visit: Visit,
    frontend: Frontend,
    photo: Callable[[], bytes],
    width: int,
    shape: str,
) -> None:
    prompt = f"A raccoon in {shape}"
    page = visit(width=width).page
    order(page, prompt, image=photo())

    expect(player(page)).to_be_visible()

    (video,) = jobs(frontend, prompt)
    assert video["delivered"]["aspect_ratio"] == shape


def test_a_photo_is_shrunk_before_it_is_uploaded(visit: Visit) -> None:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        image.resize((8064, 6048)).save(made, "JPEG")
    page = visit().page
    choose(page, made.getvalue())

    assert natural_size(page.get_by_alt_text("선택한 이미지")) == (3840, 2880)


def test_another_ratio_shows_a_crop_that_can_be_moved_and_is_sent(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A square of it"
    choose(page)
    write(page, prompt)
    page.get_by_text("1:1").click()
    part = page.get_by_role("slider")
    before = part.bounding_box()
    part.press("ArrowRight")
    after = part.bounding_box()
    make(page)

    assert before and after and after["x"] > before["x"]
    assert round(after["width"]) == round(after["height"])
    expect(player(page)).to_be_visible()
    (video,) = jobs(frontend, prompt)
    assert video["delivered"]["width"] == video["delivered"]["height"]
    assert video["input_crop"] is None


def test_a_dragged_crop_stays_under_the_pointer(page: Page) -> None:
    choose(page)
    page.get_by_text("1:1").click()
    part = page.get_by_role("slider")
    place = part.bounding_box()
    assert place
    x, y = place["x"] + 20, place["y"] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    # Beyond the image's edge, and back again.
    page.mouse.move(x + 1000, y)
    expect(part).to_have_attribute("aria-valuenow", "100")
    page.mouse.move(x, y)

    expect(part).to_have_attribute("aria-valuenow", "50")


def test_a_crop_is_moved_only_by_what_grabbed_it(visit: Visit) -> None:
    page = visit(has_touch=True).page
    choose(page)
    page.get_by_text("1:1").click()
    part = page.get_by_role("slider")
    place = part.bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + 20

    # Pressed beside it, and moved over it.
    page.mouse.move(place["x"] - 5, y)
    page.mouse.down()
    page.mouse.move(x, y)
    page.mouse.up()
    expect(part).to_have_attribute("aria-valuenow", "50")

    # A second finger, as for a pinch.
    touch = page.context.new_cdp_session(page)
    first, second = {"x": x, "y": y, "id": 1}, {"x": x + 100, "y": y, "id": 2}
    for event, points in (
        ("touchStart", [first]),
        ("touchStart", [first, second]),
        ("touchMove", [{**first, "x": x - 1}, {**second, "x": x + 101}]),
        ("touchEnd", []),
    ):
        values = {"type": event, "touchPoints": points}
        touch.send("Input.dispatchTouchEvent", values)
        await_paint(page)
        expect(part).to_have_attribute("aria-valuenow", re.compile("^(49|50)$"))


def test_a_finger_on_a_crop_scrolls_the_page(visit: Visit) -> None:
    page = visit(width=PHONE, has_touch=True, is_mobile=True).page
    choose(page)
    page.get_by_text("1:1").click()
    page.evaluate("scrollTo(0, 0)")
    part = page.get_by_role("slider").bounding_box()
    assert part
    x, y = part["x"] + part["width"] / 2, part["y"] + part["height"] - 10
    send = page.context.new_cdp_session(page).send
    for event, points in (
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x, "y": y - up}]) for up in range(10, 160, 10)),
        ("touchEnd", []),
    ):
        send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})

    wait_for(lambda: bool(page.evaluate("scrollY > 50")))
    await_paint(page)
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuenow", "50")


def test_the_strip_shows_the_ratio_that_each_provider_makes_from_the_image(
    page: Page,
) -> None:
    choose(page)

    frames = page.locator(".frame")
    expect(frames.filter(has_text="Runway").first).to_contain_text("8초 · 4:3 · $0.40")
    expect(frames.filter(has_text="Veo")).to_contain_text("8초 · 16:9 · $3.20")


def test_the_longest_screenshot_leaves_room_on_a_phone(visit: Visit) -> None:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        image.resize((400, 4000)).save(made, "JPEG")
    page = visit(width=PHONE).page

    choose(page, made.getvalue())

    screen = page.locator(".screen").bounding_box()
    assert screen and screen["height"] < 600, "of 800"


# The first image to be decoded waits until `letGo` is called.
HOLD_FIRST = """() => {
    const read = createImageBitmap;
    const gate = new Promise((letGo) => { window.letGo = letGo; });
    window.createImageBitmap = (...given) => {
        window.createImageBitmap = read;
        window.held = gate.then(() => read(...given));
        return window.held;
    };
}"""


def let_go(page: Page) -> None:
    page.evaluate("() => { letGo(); return held.then(() => {}); }")
    await_paint(page)


def choose_held(page: Page) -> None:
    """Choose an image that isn't decoded before `let_go`."""
    page.evaluate(HOLD_FIRST)
    choose_another(page, IMAGE.read_bytes())
    wait_for(lambda: page.evaluate("'held' in window"))


def test_no_video_can_be_made_before_the_image_is_loaded(page: Page) -> None:
    write(page, "A raccoon, and not just any")
    expect(page.locator(".make-button")).to_be_enabled()

    choose_held(page)

    # Else it would be a video from text alone, which another provider makes for more.
    expect(page.locator(".make-button")).to_have_text("이미지를 불러오는 중")
    expect(page.locator(".make-button")).to_be_disabled()
    let_go(page)
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    expect(page.locator(".price:not(.old)")).to_have_text("$0.20–2.20")


def test_the_stage_says_that_an_image_is_read_and_nothing_below_it_moves(
    page: Page,
) -> None:
    stage, strip = page.locator(".screen"), page.locator(".strip")
    expect(page.locator(".frame strong").first).to_be_visible()
    before = strip.bounding_box()

    choose_held(page)

    expect(stage).to_contain_text("이미지를 불러오는 중")
    assert strip.bounding_box() == before
    let_go(page)
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    expect(stage).not_to_contain_text("이미지를 불러오는 중")


def test_a_wide_image_keeps_its_height_while_another_is_read(visit: Visit) -> None:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        image.resize((1200, 400)).save(made, "JPEG")
    page = visit(width=PHONE).page
    choose(page, made.getvalue())
    strip = page.locator(".strip")
    expect(strip).to_be_visible()
    before = strip.bounding_box()

    page.evaluate(HOLD_FIRST)
    files: Any = {**JPEG, "buffer": IMAGE.read_bytes()}
    page.locator(".under input[type=file]").set_input_files(files)

    expect(page.locator(".screen")).to_contain_text("이미지를 불러오는 중")
    assert strip.bounding_box() == before
    let_go(page)


def test_a_last_frame_that_is_read_leaves_the_first_one_as_it_is(page: Page) -> None:
    choose(page)
    page.get_by_text("설정 더 보기").click()
    page.evaluate(HOLD_FIRST)

    files: Any = {**JPEG, "buffer": IMAGE.read_bytes()}
    page.locator(".last-image input[type=file]").set_input_files(files)

    expect(page.locator(".make-button")).to_have_text("이미지를 불러오는 중")
    expect(page.locator(".screen")).not_to_contain_text("이미지를 불러오는 중")
    let_go(page)


def test_the_image_chosen_last_stays_even_if_an_earlier_one_loads_later(
    page: Page,
) -> None:
    choose_held(page)
    choose_another(page, portrait())
    chosen = page.get_by_alt_text("선택한 이미지")
    expect(chosen).to_be_visible()

    let_go(page)

    width, height = natural_size(chosen)
    assert width < height


def test_a_url_typed_while_an_image_loads_is_not_replaced_by_it(page: Page) -> None:
    choose_held(page)
    page.get_by_role("button", name="주소로 가져오기").click()
    address = page.locator("#address")
    address.fill("https://example.com/raccoon.jpg")

    let_go(page)

    expect(address).to_have_value("https://example.com/raccoon.jpg")
    expect(page.get_by_alt_text("선택한 이미지")).to_have_count(0)


def test_a_file_that_is_deleted_after_it_was_chosen_is_still_sent(
    visit: Visit, tmp_path: Path
) -> None:
    page, photo = visit(user="me").page, tmp_path / "photo.jpg"
    photo.write_bytes(IMAGE.read_bytes())
    page.locator(".choices input[type=file]").first.set_input_files(photo)
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    photo.unlink()

    order(page, "A raccoon from a card that was taken out", image=None)

    expect(player(page)).to_be_visible()


def test_a_file_that_is_no_image_is_refused_and_other_input_stays(page: Page) -> None:
    write(page, "What was typed")
    broken: Any = {**JPEG, "buffer": b"no image"}
    page.locator(".choices input[type=file]").first.set_input_files(broken)

    alert = page.locator(".invitation").get_by_role("alert")
    expect(alert).to_contain_text("사용할 수 없는 파일입니다")
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.locator("#prompt")).to_have_value("What was typed")


FORGET_IMAGES = """() => new Promise((done) => {
    const asked = indexedDB.open("reelay", 1);
    asked.onsuccess = () => {
        const images = asked.result.transaction("images", "readwrite");
        images.objectStore("images").clear();
        images.oncomplete = done;
    };
})"""


def test_an_image_that_the_browser_discarded_is_reported_as_lost(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that was thrown away"
    choose(page)
    write(page, prompt)
    page.reload()
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()

    page.evaluate(FORGET_IMAGES)
    page.reload()

    lost = page.get_by_role("alert")
    expect(lost).to_contain_text("이미지가 남아 있지 않습니다")
    # Not a video from text alone, which another provider makes for more.
    make(page)
    expect(page.locator(".make-button")).to_be_enabled()
    expect(lost).to_contain_text("이미지가 남아 있지 않습니다")
    assert jobs(frontend, prompt) == []


def test_the_last_frame_is_shown_until_it_is_removed(page: Page) -> None:
    files: Any = {**JPEG, "buffer": IMAGE.read_bytes()}
    choose(page)
    page.get_by_text("설정 더 보기").click()
    page.locator(".more-choices input[type=file]").set_input_files(files)
    last = page.get_by_role("img", name="마지막 프레임")
    expect(last).to_be_visible()

    page.get_by_role("button", name="마지막 프레임 제거").click()

    expect(last).to_be_hidden()


def test_a_shape_that_the_chosen_provider_cannot_make_shows_no_crop(
    page: Page,
) -> None:
    choose(page)
    page.get_by_text("1:1").click()
    expect(page.get_by_role("slider")).to_be_visible()

    page.locator(".chips.model").get_by_text("Veo", exact=True).click()

    expect(page.get_by_label("이미지 그대로")).to_be_checked()
    expect(page.get_by_role("slider")).to_have_count(0)

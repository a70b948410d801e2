"""Making, watching and playing on the web page, against the running stack."""

import io
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend, Video, set_faults, submissions, wait_for
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import PHONE, WIDE, visiting

pytestmark = pytest.mark.timeout(300)
# A browser on a busy machine; conditions are waited for, never times.
expect.set_options(timeout=110_000)

JPEG = {"name": "photo.jpg", "mimeType": "image/jpeg"}
BUSY = [{"provider": p, "kind": "429"} for p in ("runway", "runway-http")]
ENDLESS = [{"provider": "runway", "place": "task", "kind": "running"}]


def choose(page: Page, image: bytes | None = None) -> None:
    content = image or IMAGE.read_bytes()
    files: Any = {**JPEG, "buffer": content}
    page.locator(".choices input[type=file]").first.set_input_files(files)
    expect(page.get_by_alt_text("고른 이미지")).to_be_visible()


def write(page: Page, prompt: str, *, seconds: int = 4) -> None:
    """A short video by default: each frame is rendered, checked and played."""
    page.locator("#prompt").fill(prompt)
    durations = page.locator(".chips.duration")
    durations.get_by_text(str(seconds), exact=True).click()


def make(page: Page) -> None:
    page.locator(".make-button").click()


def film(page: Page) -> Any:
    return page.locator(".stage video.there")


def jobs(frontend: Frontend, prompt: str) -> list[dict[str, Any]]:
    """Those that the API knows, whatever the page shows."""
    listed = frontend.call("GET", "/v1/videos?limit=100").json()["videos"]
    return [video for video in listed if video["prompt"] == prompt]


def test_what_would_be_refused_is_said_before_the_click_beside_its_price(
    visit: Visit,
) -> None:
    page, said = visit().page, "New videos are paused."

    def refuse(route: Route) -> None:
        answer = route.fetch()
        refused = {"code": "generation_paused", "message": said}
        links = [each | {"skipped": refused["code"]} for each in answer.json()["links"]]
        shown = answer.json() | {"refused": refused, "links": links}
        route.fulfill(response=answer, json=shown)

    page.route(re.compile("/v1/estimates$"), refuse)
    choose(page)
    write(page, "A raccoon that can't be made now")

    expect(page.locator(".order .bad")).to_have_text(said)
    expect(page.locator(".make-button")).to_be_disabled()
    expect(page.locator(".make-button .price")).to_contain_text("0.20")


def test_an_image_and_a_sentence_become_a_film_that_plays(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon becomes a film"
    page = visit().page
    choose(page)
    write(page, prompt, seconds=8)
    expect(page.locator(".price:not(.old)")).to_have_text("$0.40–4.40")
    make(page)

    expect(film(page)).to_be_visible()

    wait_for(lambda: film(page).evaluate("v => v.currentTime") > 0.2)
    (video,) = jobs(frontend, prompt)
    assert page.url.endswith(f"?video={video['job_id']}")
    expect(page).to_have_title("완성 · Reelay")
    expect(page.locator(".frame.delivered")).to_contain_text("완성 · $0.40")
    expect(page.locator(".about")).to_contain_text("AI로 만든 영상 · Runway")
    expect(page.locator(".card").first).to_contain_text(prompt)
    assert page.locator(".film").evaluate("v => v.muted && v.loop")


def test_a_download_is_a_file(visit: Visit, earlier: Video) -> None:
    page = visit(f"/?video={earlier['job_id']}").page

    with page.expect_download() as downloading:
        page.get_by_role("link", name="다운로드").click()

    content = downloading.value.path().read_bytes()
    assert len(content) == earlier["delivered"]["size"]
    assert downloading.value.suggested_filename.endswith(".mp4")


def test_the_translation_that_is_shown_is_what_is_sent(
    visit: Visit, stack: Stack
) -> None:
    page = visit().page
    write(page, "너구리가 고개를 들고 손을 흔든다")
    english = page.get_by_label("영어로 이렇게 보냅니다")
    expect(english).not_to_have_value("")
    mine = english.input_value() + ", slowly"
    english.fill(mine)
    make(page)

    expect(film(page)).to_be_visible()

    assert len(submissions(stack, mine)) == 1
    expect(page.locator(".about")).to_contain_text("너구리가 고개를 들고 손을 흔든다")
    expect(page.locator(".about")).to_contain_text(mine)


def test_a_portrait_photo_stays_a_portrait(visit: Visit, frontend: Frontend) -> None:
    prompt = "A portrait stays upright"
    page = visit(width=PHONE).page
    choose(page, portrait())
    write(page, prompt)
    make(page)

    expect(film(page)).to_be_visible()

    (video,) = jobs(frontend, prompt)
    assert video["delivered"]["aspect_ratio"] == "3:4"


def portrait() -> bytes:
    """As a phone stores it: lying on its side, with a note how to turn it."""
    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(IMAGE) as image:
        image.save(made, "JPEG", exif=exif)
    return made.getvalue()


def test_an_iphones_photo_is_converted_in_the_page(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon of an iPhone"
    page = visit().page
    choose(page, Path(__file__).with_name("raccoon.heic").read_bytes())
    write(page, prompt)
    make(page)

    expect(film(page)).to_be_visible()

    (video,) = jobs(frontend, prompt)
    assert video["delivered"]["aspect_ratio"] == "4:3"


def test_a_photo_is_shrunk_before_it_is_uploaded(visit: Visit) -> None:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        image.resize((8064, 6048)).save(made, "JPEG")
    page = visit().page
    choose(page, made.getvalue())

    shown = page.get_by_alt_text("고른 이미지")
    assert shown.evaluate("i => [i.naturalWidth, i.naturalHeight]") == [3840, 2880]


def test_another_shape_shows_its_part_which_can_be_moved_and_is_what_is_sent(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A square of it"
    page = visit().page
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
    expect(film(page)).to_be_visible()
    (video,) = jobs(frontend, prompt)
    assert video["delivered"]["width"] == video["delivered"]["height"]
    assert video["input_crop"] is None


def test_a_hand_over_is_said_in_words(visit: Visit, stack: Stack) -> None:
    set_faults(stack, BUSY)
    page = visit().page
    choose(page)
    write(page, "A raccoon is handed over")
    make(page)

    headline = page.locator(".headline")
    expect(headline).to_have_text("Runway가 혼잡해서 Veo에 요청했습니다")
    expect(film(page)).to_be_visible()
    expect(page.locator(".frame.failed").first).to_have_text("Runway혼잡 · 비용 없음")
    expect(page.locator(".frame.delivered")).to_contain_text("Veo")
    expect(page.locator(".about")).to_contain_text("AI로 만든 영상 · Gemini Veo 3.1")


def test_a_refusal_says_why_what_it_cost_and_what_helps(
    visit: Visit, stack: Stack
) -> None:
    fault = {"provider": "runway", "place": "task", "kind": "SAFETY.INPUT.TEXT"}
    set_faults(stack, [fault])
    prompt = "Something that is refused"
    page = visit().page
    choose(page)
    write(page, prompt, seconds=8)
    make(page)

    stage = page.locator(".stage")
    expect(stage).to_contain_text("안전 정책에 따라 프롬프트를 거부했습니다")
    expect(stage).to_contain_text("$0.40가 들었습니다")
    page.get_by_role("button", name="English").click()
    expect(stage).to_contain_text("refused the prompt")
    page.get_by_role("button", name="한국어").click()
    expect(stage).to_contain_text("안전 정책에 따라 프롬프트를 거부했습니다")
    page.get_by_role("button", name="프롬프트 고치기").click()

    expect(page.locator("#prompt")).to_be_focused()
    expect(page.locator("#prompt")).to_have_value(prompt)
    expect(page.get_by_alt_text("고른 이미지")).to_be_visible()


def test_cancelling_says_what_it_will_cost(visit: Visit, stack: Stack) -> None:
    set_faults(stack, ENDLESS)
    page = visit().page
    choose(page)
    write(page, "A raccoon that is cancelled", seconds=8)
    make(page)
    expect(page.locator(".frame.working")).to_contain_text("Runway")
    page.get_by_role("button", name="취소", exact=True).click()
    expect(page.locator(".ask")).to_contain_text("$0.40가 청구될 수 있습니다")

    page.get_by_role("button", name="영상 취소하기").click()

    expect(page.locator(".headline")).to_have_text("취소했습니다")


def test_a_reload_in_mid_job_loses_nothing(visit: Visit, stack: Stack) -> None:
    set_faults(stack, ENDLESS)
    prompt = "A raccoon that outlives a reload"
    page = visit().page
    choose(page)
    chips = page.locator(".chips.model")
    chips.get_by_text("Omni", exact=True).click()
    chips.get_by_text("Runway", exact=True).click()
    write(page, prompt, seconds=5)
    make(page)
    expect(page.locator(".frame.working")).to_be_visible()

    page.reload()

    expect(page.locator(".frame.working")).to_contain_text("Runway")
    expect(page.locator(".stage .still")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value(prompt)
    expect(page.get_by_label("5", exact=True)).to_be_checked()
    expect(page.get_by_label("Runway", exact=True)).to_be_checked()
    expect(page.locator(".make-button")).to_be_disabled()
    set_faults(stack, [])


def test_a_double_click_is_one_job(visit: Visit, frontend: Frontend) -> None:
    prompt = "A raccoon that is clicked twice"
    page = visit().page
    choose(page)
    write(page, prompt)
    page.locator(".make-button").dblclick()

    expect(film(page)).to_be_visible()

    assert len(jobs(frontend, prompt)) == 1
    assert len(submissions(frontend.stack, prompt)) == 1


def lose_answers(page: Page, count: int) -> list[str]:
    """Of `POST /v1/videos`: the API does as it is asked, and the page never hears."""
    keys: list[str] = []

    def pass_on(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        return route.abort() if len(keys) <= count else route.fulfill(response=answer)

    page.route(re.compile("/v1/videos$"), pass_on)
    return keys


def test_a_lost_answer_is_asked_for_again_even_by_a_reloaded_page(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon whose answer is lost"
    visitor = visit()
    visitor.forgive("net::ERR_")
    page = visitor.page
    keys = lose_answers(page, 2)
    write(page, prompt)
    make(page)
    expect(page.locator(".headline")).to_contain_text("연결이 끊겼습니다")

    page.reload()

    expect(film(page)).to_be_visible()
    assert len(set(keys)) == 1
    assert len(keys) > 1
    assert len(jobs(frontend, prompt)) == 1


def test_offline_is_said_and_heals(visit: Visit, frontend: Frontend) -> None:
    prompt = "A raccoon goes offline"
    visitor = visit()
    # Firestore tests the network with an image, which the page's policy refuses it.
    visitor.forgive("net::ERR_", "Could not reach Cloud Firestore", "cleardot.gif")
    page = visitor.page
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".offline")).to_contain_text("오프라인입니다")
    make(page)
    expect(page.locator(".headline")).to_contain_text("연결이 끊겼습니다")

    page.context.set_offline(False)

    expect(page.locator(".offline")).to_be_empty()
    expect(film(page)).to_be_visible()
    assert len(jobs(frontend, prompt)) == 1


def test_deleting_can_be_undone_until_it_is_done(
    visit: Visit, frontend: Frontend
) -> None:
    prompts = ["A raccoon that stays", "A raccoon that goes"]
    for video in [frontend.create(prompt=prompt, duration=3) for prompt in prompts]:
        frontend.wait(video)
    page = visit().page
    page.clock.install()
    stays, goes = (page.locator(".card", has_text=prompt) for prompt in prompts)
    page.get_by_label(f"삭제: {prompts[0]}").click()
    expect(stays).to_be_hidden()

    page.get_by_role("button", name="되돌리기").click()
    expect(stays).to_be_visible()
    page.get_by_label(f"삭제: {prompts[1]}").click()

    expect(goes).to_be_hidden()
    page.clock.fast_forward(7_000)
    assert len(jobs(frontend, prompts[1])) == 1, "there is still a way back"
    page.clock.fast_forward(1_000)
    wait_for(lambda: not jobs(frontend, prompts[1]))
    assert len(jobs(frontend, prompts[0])) == 1
    expect(page.locator(".toast")).to_be_hidden()


def test_settings_of_an_earlier_video_are_used_again(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page

    page.get_by_role("button", name="이 설정으로 다시").click()

    expect(page.locator("#prompt")).to_have_value("An earlier raccoon")
    expect(page.get_by_label("4", exact=True)).to_be_checked()
    expect(page.get_by_label("9:16")).to_be_checked()
    expect(page.get_by_alt_text("고른 이미지")).to_be_visible()


def test_over_the_cap_it_says_what_fits(
    browser: Browser, a_stack: Callable[..., Stack]
) -> None:
    with (
        a_stack(USER_DAILY_LIMIT_USD="0.30") as poor,
        visiting(browser, poor) as visitor,
    ):
        visitor.go()
        visitor.sign_in()
        visitor.forgive("422")
        page = visitor.page
        choose(page)
        write(page, "A raccoon that is too dear", seconds=8)

        expect(page.locator(".order")).to_contain_text("한도가 $0.30 남았습니다")
        expect(page.locator(".make-button")).to_be_disabled()
        page.get_by_role("button", name=re.compile("가능한 설정")).click()

        expect(page.locator(".price:not(.old)")).to_contain_text("$0.30")
        expect(page.locator(".make-button")).to_be_enabled()


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_a_click_without_a_prompt_asks_for_one(visit: Visit, width: int) -> None:
    page = visit(width=width).page
    choose(page)
    make(page)

    prompt, alert = page.locator("#prompt"), page.get_by_role("alert")
    expect(alert).to_contain_text("무엇이 일어날지 적어 주세요")
    expect(prompt).to_be_focused()
    wait_for(lambda: is_on_top(alert), most_seconds=10)
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_accessible_description(re.compile("무엇이 일어날지"))
    page.keyboard.type("A raccoon")
    expect(alert).to_be_hidden()


def is_on_top(what: Locator) -> bool:
    """In the window, and under nothing that stays in its place."""
    return bool(
        what.evaluate(
            """(element) => {
                const {left, right, top, bottom} = element.getBoundingClientRect();
                const x = (left + right) / 2;
                return [top + 1, bottom - 1].every(
                    (y) => element.contains(document.elementFromPoint(x, y)));
            }"""
        )
    )


@pytest.mark.parametrize("width", [PHONE, WIDE])
def test_a_copied_link_is_said_where_it_is_seen(
    visit: Visit, earlier: Video, width: int
) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    visitor = visit(
        f"/?video={earlier['job_id']}", width=width, permissions=permissions
    )
    page = visitor.page
    page.get_by_role("button", name="링크 복사").click()

    toast = page.locator(".toast")
    expect(toast).to_contain_text("링크를 복사했습니다")
    assert is_on_top(toast)
    link = page.locator(".film").get_attribute("src")
    assert page.evaluate("navigator.clipboard.readText()") == link


def test_a_link_that_may_not_be_copied_is_shown_and_selected(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    page.get_by_role("button", name="링크 복사").click()

    link = page.get_by_label("이 링크를 직접 복사해 주세요")
    expect(link).to_have_value(page.locator(".film").get_attribute("src") or "")
    assert link.evaluate("e => e.selectionEnd - e.selectionStart == e.value.length")


def test_the_strip_says_what_shape_each_provider_makes_of_the_image(
    visit: Visit,
) -> None:
    page = visit().page
    choose(page)

    frames = page.locator(".frame")
    expect(frames.filter(has_text="Runway").first).to_contain_text("8초 · 4:3 · $0.40")
    expect(frames.filter(has_text="Veo")).to_contain_text("8초 · 16:9 · $3.20")


def test_a_poster_whose_link_has_expired_gets_another_link(
    visit: Visit, earlier: Video
) -> None:
    visitor = visit(user=None)
    visitor.forgive("net::ERR_")
    page, job_id = visitor.page, earlier["job_id"]

    def renew(route: Route) -> None:
        answer = route.fetch()
        poster = answer.json()["poster_url"] + "#renewed"
        route.fulfill(response=answer, json=answer.json() | {"poster_url": poster})

    expired = re.compile(rf"{job_id}\.jpg")
    page.route(expired, lambda route: route.abort(), times=1)
    page.route(re.compile(f"/v1/videos/{job_id}$"), renew)
    visitor.sign_in("Min-ji")

    poster = page.locator(f".card a[href$='{job_id}'] img")
    expect(poster).to_have_attribute("src", re.compile("#renewed$"))
    wait_for(lambda: poster.evaluate("image => image.naturalWidth") > 0)


@pytest.mark.usefixtures("_paused")
def test_while_generation_is_paused_the_page_says_so(visit: Visit) -> None:
    page = visit(width=PHONE).page

    expect(page.locator(".frame")).to_have_text([re.compile("일시 중지$")] * 4)
    expect(page.locator(".order-bar")).to_contain_text("영상 생성을 일시 중지했습니다")
    expect(page.locator(".make-button")).to_be_disabled()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".order-bar")).to_contain_text("New videos are paused")


@pytest.fixture
def _paused(stack: Stack) -> Iterator[None]:
    operator, switch = Frontend(stack, "seo-yeon", admin=True), "/v1/admin/generation"
    operator.call("POST", switch, {"level": "paused", "reason": "a test"})
    yield
    operator.call("POST", switch, {"level": "normal", "reason": "the test is over"})


def test_what_is_no_image_is_refused_and_the_rest_stays(visit: Visit) -> None:
    page = visit().page
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
        images.objectStore("images").clear().onsuccess = done;
    };
})"""


def test_an_image_that_the_browser_has_thrown_away_is_said_to_be_lost(
    visit: Visit, frontend: Frontend
) -> None:
    page, prompt = visit().page, "A raccoon that was thrown away"
    choose(page)
    write(page, prompt)
    page.reload()
    expect(page.get_by_alt_text("고른 이미지")).to_be_visible()

    page.evaluate(FORGET_IMAGES)
    page.reload()

    lost = page.get_by_role("alert")
    expect(lost).to_contain_text("이미지가 남아 있지 않습니다")
    # Not a video of the prompt alone, which another provider makes for more.
    make(page)
    expect(page.locator(".make-button")).to_be_enabled()
    expect(lost).to_contain_text("이미지가 남아 있지 않습니다")
    assert jobs(frontend, prompt) == []


PASTE = """(element, [text, image]) => {
    const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    if (text) clipboardData.setData("text/plain", text);
    clipboardData.items.add(new File([bytes], "a.jpg", {type: "image/jpeg"}));
    const event = {clipboardData, bubbles: true, cancelable: true};
    return element.dispatchEvent(new ClipboardEvent("paste", event));
}"""


def test_an_image_is_pasted_anywhere_and_text_with_an_image_of_itself_stays_text(
    visit: Visit,
) -> None:
    page, image = visit().page, b64encode(IMAGE.read_bytes()).decode()
    prompt = page.locator("#prompt")
    # Nothing is taken from the field, as the event isn't stopped.
    assert prompt.evaluate(PASTE, ["A cell of a table", image])
    expect(page.locator(".invitation")).to_be_visible()

    assert not prompt.evaluate(PASTE, ["", image])

    expect(page.get_by_alt_text("고른 이미지")).to_be_visible()


DROP = """(element, link) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData("text/uri-list", link);
    for (const type of ["dragover", "drop"]) {
        const event = {dataTransfer, bubbles: true, cancelable: true};
        element.dispatchEvent(new DragEvent(type, event));
    }
}"""


def test_a_link_that_is_dropped_is_the_address_of_the_image(visit: Visit) -> None:
    page, link = visit().page, "https://example.com/raccoon.jpg"
    page.locator(".library").evaluate(DROP, link)

    expect(page.locator("#address")).to_have_value(link)
    expect(page.locator(".stage.dragged")).to_have_count(0)
    page.get_by_role("button", name="주소 빼기").click()
    # Text that is dropped into a field stays there.
    page.locator("#prompt").evaluate(DROP, link)
    expect(page.locator("#address")).to_have_count(0)
    # So is a card of the library that slips under the pointer no image.
    library = page.locator(".library")
    for happened, addresses in (("dragstart", 0), ("dragend", 1)):
        library.dispatch_event(happened)
        library.evaluate(DROP, link)
        expect(page.locator("#address")).to_have_count(addresses)


def test_the_last_frame_is_shown_until_it_is_removed(visit: Visit) -> None:
    page = visit().page
    files: Any = {**JPEG, "buffer": IMAGE.read_bytes()}
    choose(page)
    page.get_by_text("설정 더 보기").click()
    page.locator(".more-choices input[type=file]").set_input_files(files)
    last = page.get_by_role("img", name="마지막 프레임")
    expect(last).to_be_visible()

    page.get_by_role("button", name="마지막 프레임 빼기").click()

    expect(last).to_be_hidden()


def test_an_address_is_typed_cleared_and_typed_again_in_one_field(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon of an address"
    page = visit().page
    write(page, prompt)
    page.get_by_role("button", name="주소로 가져오기").click()
    address = page.locator("#address")
    expect(address).to_be_focused()
    page.keyboard.type("https://example.com/raccoon.jpg")
    expect(address).to_have_value("https://example.com/raccoon.jpg")

    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Backspace")
    make(page)

    # Not a video of the prompt alone, which another provider makes for more.
    expect(page.get_by_role("alert")).to_contain_text("이미지 주소를 적거나")
    expect(address).to_be_focused()
    assert jobs(frontend, prompt) == []
    page.keyboard.type("https://example.com/b.jpg")
    expect(address).to_have_value("https://example.com/b.jpg")
    expect(page.get_by_role("alert")).to_be_hidden()
    page.get_by_role("button", name="주소 빼기").click()
    expect(page.get_by_role("button", name="주소로 가져오기")).to_be_visible()


def test_a_wrong_address_is_said_beside_it_and_nothing_is_planned(visit: Visit) -> None:
    visitor = visit()
    visitor.forgive("422")
    page = visitor.page
    page.get_by_role("button", name="주소로 가져오기").click()
    page.keyboard.type("ftp://example.com/a.jpg")
    expect(page.locator(".frame").first).to_have_text("Runway–")
    expect(page.get_by_role("alert")).to_have_count(0)

    page.keyboard.press("Enter")

    alert = page.get_by_role("alert")
    expect(alert).to_have_text("주소: 공개된 https:// URL이어야 합니다.")
    expect(page.locator(".invitation").get_by_role("alert")).to_be_visible()


def test_whether_there_is_to_be_sound_is_chosen_in_the_panel(visit: Visit) -> None:
    page = visit().page
    page.get_by_text("설정 더 보기").click()

    panel = page.locator(".panel").bounding_box()
    for name in ("상관없음", "있음", "없음"):
        chip = page.locator(".chip", has=page.get_by_label(name, exact=True))
        place = chip.bounding_box()
        assert panel and place and place["y"] > panel["y"] + panel["height"] / 2
    page.get_by_text("있음", exact=True).click()
    expect(page.get_by_label("있음", exact=True)).to_be_checked()


def test_a_video_is_made_with_the_keyboard_alone(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon made by keys"
    page = visit(reduced_motion="reduce").page
    expect(page.locator(".price:not(.old)")).to_be_visible()

    press_to(page, "#prompt")
    page.keyboard.type(prompt)
    press_to(page, ".chips.model input")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Veo", exact=True)).to_be_checked()
    press_to(page, ".make-button")
    page.keyboard.press("Enter")

    # Nothing moves by itself for those who asked for that.
    expect(film(page)).to_be_visible()
    assert page.locator(".film").evaluate("v => v.paused")
    assert len(jobs(frontend, prompt)) == 1


def press_to(page: Page, selector: str) -> None:
    """Tab, until this has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches('{selector}')"):
            return
    raise AssertionError(f"Tab never comes to {selector}")

"""Every screen of making and following videos: both themes, desktop and phones.

See sheet.py for the images made from them.
"""

import io
from collections.abc import Mapping

from PIL import Image, ImageOps
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend, set_faults
from tests.e2e.page.acting import BUSY, choose, make, write
from tests.e2e.page.conftest import Visit
from tests.e2e.page.sheet import FOLDER, Sheet
from tests.e2e.visitor import NARROW, PHONE, THEMES, WIDE, Theme, Visitor

PROMPT = "너구리가 고개를 들고 손을 흔든다"
EARLIER = ("해 질 녘 바다에서 파도가 천천히 밀려온다", "고양이가 창밖을 바라본다")
REFUSED = {"provider": "runway", "place": "task", "kind": "SAFETY.INPUT.TEXT"}
# Which of a theme's screens to save by itself: a running job, and a finished one.
LARGE: Mapping[Theme, int] = {"dark": 4, "light": 2}
LANGUAGES = ("ko", "en")
NEVER_DONE = {"provider": "gemini-veo-3.1", "place": "task", "kind": "running"}


Sheets = Mapping[tuple[Theme, str], Sheet]


def check(visitor: Visitor, sheets: Sheets) -> None:
    """Assert at each width that axe finds nothing and nothing overflows."""
    page = visitor.page
    # A price that is being fetched again, as after a change of language, is dimmed.
    expect(page.locator(".price.old")).to_have_count(0)
    for width in (NARROW, PHONE, WIDE):
        page.set_viewport_size({"width": width, "height": 812})
        assert not visitor.overflows(), width
        if width != NARROW:
            assert visitor.violations() == [], width
            add(sheets, "ko", width, page)
    fits_in_english(visitor, sheets)


def add(sheets: Sheets, language: str, width: int, page: Page) -> None:
    for theme in THEMES if FOLDER else ():
        page.emulate_media(color_scheme=theme)
        sheets[theme, language].add(width, page)


def fits_in_english(visitor: Visitor, sheets: Sheets) -> None:
    page = visitor.page
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for width in (WIDE, PHONE, NARROW):
        page.set_viewport_size({"width": width, "height": 812})
        assert not visitor.overflows(), width
        if width != NARROW:
            add(sheets, "en", width, page)
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.set_viewport_size({"width": WIDE, "height": 812})


def another_photo() -> bytes:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        evening = ImageOps.colorize(ImageOps.grayscale(image), "#1a1230", "#ffd9a0")
        ImageOps.mirror(evening).save(made, "JPEG")
    return made.getvalue()


def test_every_screen_of_making_is_accessible(visit: Visit, stack: Stack) -> None:
    frontend = Frontend(stack, "jun-ho")
    visitor = visit(user="준호", reduced_motion="reduce", forgiven=("422",))
    page = visitor.page
    sheets = {(theme, one): Sheet() for theme in THEMES for one in LANGUAGES}
    expect(page.locator(".library .empty")).to_be_visible()
    expect(page.locator(".frame strong").first).to_be_visible()
    check(visitor, sheets)

    page.get_by_role("button", name="주소로 가져오기").click()
    page.keyboard.type("http://example.com/raccoon.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="주소 지우기").click()

    photo = frontend.upload(another_photo())
    for video in [frontend.create(prompt=p, image=photo, duration=4) for p in EARLIER]:
        frontend.wait(video)
    page.reload()
    choose(page)
    write(page, PROMPT, seconds=8)
    expect(page.get_by_label("영어로 이렇게 보냅니다")).not_to_have_value("")
    page.get_by_text("1:1").click()
    expect(page.get_by_role("slider")).to_be_visible()
    expect(page.locator(".price:not(.old)")).to_be_visible()
    check(visitor, sheets)

    page.get_by_text("이미지 그대로").click()
    make(page)
    expect(page.locator(".stage video.there")).to_be_visible()
    expect(page.locator(".card img").first).to_be_visible()
    check(visitor, sheets)

    set_faults(stack, [REFUSED])
    make(page)
    expect(page.get_by_role("button", name="프롬프트 수정하기")).to_be_visible()
    check(visitor, sheets)

    set_faults(stack, [*BUSY, NEVER_DONE])
    page.get_by_role("button", name="프롬프트 수정하기").click()
    expect(page.locator("#prompt")).to_be_focused()
    make(page)
    handed_over = "Runway가 혼잡해서 Veo에 요청했습니다"
    expect(page.locator(".headline")).to_have_text(handed_over)
    expect(page.locator(".details")).to_contain_text("Veo가 만드는 중")
    check(visitor, sheets)

    page.get_by_role("button", name="취소", exact=True).click()
    check(visitor, sheets)
    page.get_by_role("button", name="영상 생성 취소").click()
    expect(page.locator(".headline")).to_have_text("취소했습니다")
    for (theme, language), sheet in sheets.items():
        name = theme if language == "ko" else f"{theme}-{language}"
        sheet.keep(name, large=LARGE[theme])

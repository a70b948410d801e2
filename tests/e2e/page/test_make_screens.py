"""Every screen of making and watching, in both themes, on a desk and on phones.

See sheet.py for the pictures that are made of them.
"""

import io

import pytest
from PIL import Image, ImageOps
from playwright.sync_api import expect

from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend, set_faults
from tests.e2e.page.conftest import Visit
from tests.e2e.page.sheet import Sheet
from tests.e2e.page.test_make import BUSY, choose, make, write
from tests.e2e.visitor import NARROW, PHONE, WIDE, Visitor

pytestmark = pytest.mark.timeout(300)

PROMPT = "너구리가 고개를 들고 손을 흔든다"
EARLIER = ("해 질 녘 바다에서 파도가 천천히 밀려온다", "고양이가 창밖을 바라본다")
REFUSED = {"provider": "runway", "place": "task", "kind": "SAFETY.INPUT.TEXT"}
# Which of a theme's screens: a job that is watched, and a finished one.
LARGE = {"dark": 4, "light": 2}
NEVER_DONE = {"provider": "gemini-veo-3.1", "place": "task", "kind": "running"}


def check(visitor: Visitor, sheet: Sheet) -> None:
    """Nothing for axe to find, nothing beyond the edge, at each width."""
    for width in (NARROW, PHONE, WIDE):
        visitor.page.set_viewport_size({"width": width, "height": 812})
        assert not visitor.overflows(), width
        if width != NARROW:
            assert visitor.violations() == [], width
            sheet.add(width, visitor.page.screenshot(full_page=True))


def another_photo() -> bytes:
    made = io.BytesIO()
    with Image.open(IMAGE) as image:
        evening = ImageOps.colorize(ImageOps.grayscale(image), "#1a1230", "#ffd9a0")
        ImageOps.mirror(evening).save(made, "JPEG")
    return made.getvalue()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_screen_can_be_read_and_used_by_everybody(
    visit: Visit, stack: Stack, theme: str
) -> None:
    frontend = Frontend(stack, "jun-ho" if theme == "dark" else "seo-yeon")
    user = "Jun-ho" if theme == "dark" else "Seo-yeon"
    visitor = visit(user=user, theme=theme, reduced_motion="reduce")
    visitor.forgive("422")
    page, sheet = visitor.page, Sheet()
    expect(page.locator(".library .empty")).to_be_visible()
    expect(page.locator(".frame").first).to_be_visible()
    check(visitor, sheet)

    page.get_by_role("button", name="주소로 가져오기").click()
    page.keyboard.type("http://example.com/raccoon.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="주소 빼기").click()

    photo = frontend.upload(another_photo())
    for prompt in EARLIER:
        frontend.wait(frontend.create(prompt=prompt, image=photo, duration=4))
    page.reload()
    choose(page)
    write(page, PROMPT)
    expect(page.get_by_label("영어로 이렇게 보냅니다")).not_to_have_value("")
    page.get_by_text("1:1").click()
    expect(page.get_by_role("slider")).to_be_visible()
    expect(page.locator(".price:not(.old)")).to_be_visible()
    check(visitor, sheet)

    page.get_by_text("이미지 그대로").click()
    make(page)
    expect(page.locator(".stage video.there")).to_be_visible()
    expect(page.locator(".card img").first).to_be_visible()
    check(visitor, sheet)

    set_faults(stack, [REFUSED])
    make(page)
    expect(page.get_by_role("button", name="프롬프트 고치기")).to_be_visible()
    check(visitor, sheet)

    set_faults(stack, [*BUSY, NEVER_DONE])
    page.get_by_role("button", name="프롬프트 고치기").click()
    make(page)
    expect(page.locator(".details")).to_contain_text("Veo가 만드는 중")
    check(visitor, sheet)

    page.get_by_role("button", name="취소", exact=True).click()
    check(visitor, sheet)
    page.get_by_role("button", name="영상 취소하기").click()
    expect(page.locator(".headline")).to_have_text("취소했습니다")
    sheet.keep(theme, large=LARGE[theme])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_first_screen_says_that_videos_are_made_by_ai(
    visit: Visit, theme: str
) -> None:
    visitor = visit(user=None, theme=theme)

    expect(visitor.page.locator(".sign-in")).to_contain_text("AI가 만드는 영상")

    check(visitor, Sheet())

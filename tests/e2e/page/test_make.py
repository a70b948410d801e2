"""Making videos on the web page, against the running stack."""

import re

import pytest
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.client import Frontend, set_faults, submissions, wait_for
from tests.e2e.page.acting import (
    BUSY,
    arrived,
    choose,
    hold,
    is_on_top,
    jobs,
    make,
    order,
    player,
    write,
)
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW, PHONE, WIDE


def test_an_image_and_a_prompt_become_a_video_that_plays(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon becomes a video"
    choose(page)
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_have_text("$0.20–2.20")
    expect(page.locator(".order")).to_contain_text("AI가 만드는 영상입니다")
    make(page)

    expect(player(page)).to_be_visible()

    wait_for(lambda: player(page).evaluate("v => v.currentTime") > 0.2)
    (video,) = jobs(frontend, prompt)
    assert page.url.endswith(f"?video={video['job_id']}")
    expect(page).to_have_title("완성 · Reelay")
    expect(page.locator(".frame.delivered")).to_contain_text("완성 · $0.20")
    expect(page.locator(".about")).to_contain_text("AI로 만든 영상 · Runway")
    expect(page.locator(".card").first).to_contain_text(prompt)
    assert page.locator(".film").evaluate("v => v.muted && v.loop")


def test_the_translation_shown_is_the_one_sent(page: Page, stack: Stack) -> None:
    write(page, "너구리가 고개를 들고 손을 흔든다")
    english = page.get_by_label("영어로 이렇게 보냅니다")
    expect(english).not_to_have_value("")
    mine = english.input_value() + ", slowly"
    english.fill(mine)
    make(page)

    expect(player(page)).to_be_visible()

    assert len(submissions(stack, mine)) == 1
    about = page.locator(".about")
    expect(about).to_contain_text("너구리가 고개를 들고 손을 흔든다")
    expect(about).to_contain_text("(시뮬레이션: 실제로는 Gemini가 번역합니다)")
    expect(about).to_contain_text(mine)


def test_a_new_prompt_is_not_sent_with_the_last_ones_translation(
    page: Page,
) -> None:
    prompt, english = (
        page.locator("#prompt"),
        page.get_by_label("영어로 이렇게 보냅니다"),
    )
    prompt.fill("너구리가 고개를 든다")
    english.fill("My own words")
    prompt.fill("")

    prompt.fill("A fox runs")

    expect(page.locator(".count")).to_contain_text("10 /")
    expect(english).to_have_count(0)


def test_a_translation_keeps_its_place_until_another_replaces_it(page: Page) -> None:
    prompt, english = page.locator("#prompt"), page.locator(".english textarea")
    prompt.fill("너구리가 손을 흔든다")
    expect(english).to_have_value(re.compile("son"))
    below = page.locator(".chips.shape")
    before = below.bounding_box()
    held = hold(page, "**/v1/prompts")

    prompt.fill("너구리가 발을 흔든다")
    request = arrived(page, held)

    expect(page.locator(".english")).to_contain_text("번역하는 중")
    expect(english).not_to_be_editable()
    assert below.bounding_box() == before
    request.continue_()
    expect(page.get_by_label("영어로 이렇게 보냅니다")).to_have_value(re.compile("bal"))


def test_translating_again_keeps_the_text_in_its_place_and_takes_the_focus(
    page: Page,
) -> None:
    write(page, "너구리가 꼬리를 흔든다")
    english = page.locator(".english textarea")
    expect(english).to_have_value(re.compile("ggori"))
    made = english.input_value()
    english.fill("My own words")
    held = hold(page, "**/v1/prompts")

    page.get_by_role("button", name="다시 번역").press("Enter")
    request = arrived(page, held)

    expect(english).not_to_be_editable()
    expect(english).to_be_focused()
    request.continue_()
    expect(english).to_have_value(made)
    expect(english).to_be_editable()


def test_a_prompt_that_is_too_long_says_how_long_it_is(visit: Visit) -> None:
    page = visit(forgiven=("422",)).page
    page.locator("#prompt").fill("가" * 2003)

    expect(page.locator("#prompt-count")).to_contain_text("2003")


def test_the_strip_says_why_a_provider_failed_and_which_one_delivered(
    page: Page, stack: Stack
) -> None:
    set_faults(stack, BUSY)
    order(page, "A raccoon is handed over")

    expect(player(page)).to_be_visible()
    expect(page.locator(".frame.failed").first).to_have_text("Runway혼잡 · 비용 없음")
    expect(page.locator(".frame.delivered")).to_contain_text("Veo")
    expect(page.locator(".about")).to_contain_text("AI로 만든 영상 · Gemini Veo 3.1")


def test_a_refusal_shows_why_what_it_cost_and_what_helps(
    page: Page, stack: Stack
) -> None:
    fault = {"provider": "runway", "place": "task", "kind": "SAFETY.INPUT.TEXT"}
    set_faults(stack, [fault])
    prompt = "Something that is refused"
    order(page, prompt, seconds=8)

    stage = page.locator(".stage")
    expect(stage).to_contain_text("안전 정책에 따라 프롬프트를 거부했습니다")
    expect(stage).to_contain_text("$0.40가 들었습니다")
    page.get_by_role("button", name="English").click()
    expect(stage).to_contain_text("refused the prompt")
    page.get_by_role("button", name="한국어").click()
    expect(stage).to_contain_text("안전 정책에 따라 프롬프트를 거부했습니다")
    page.get_by_role("button", name="프롬프트 수정하기").click()

    expect(page.locator("#prompt")).to_be_focused()
    expect(page.locator("#prompt")).to_have_value(prompt)
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()


def test_a_click_without_a_prompt_asks_for_one(visit: Visit) -> None:
    page = visit(width=PHONE).page
    choose(page)
    make(page)

    prompt, alert = page.locator("#prompt"), page.get_by_role("alert")
    expect(alert).to_contain_text("무슨 일이 일어날지 입력해 주세요")
    expect(prompt).to_be_focused()
    wait_for(lambda: is_on_top(alert))
    expect(prompt).to_have_attribute("aria-invalid", "true")
    expect(prompt).to_have_accessible_description(re.compile("무슨 일이 일어날지"))
    page.set_viewport_size({"width": WIDE, "height": 800})
    wait_for(lambda: is_on_top(alert))
    page.keyboard.type("A raccoon")
    expect(alert).to_be_hidden()


def test_a_screen_reader_is_told_that_the_video_is_made_and_finished(
    visit: Visit,
) -> None:
    page = visit(reduced_motion="reduce").page
    # A region that is there before its text is announced whenever it changes.
    announced = page.locator(".stage > [role=status]").first.element_handle()
    page.evaluate(
        """region => {
            window.heard = [];
            const hear = () => heard.push(region.textContent);
            const all = {childList: true, characterData: true, subtree: true};
            new MutationObserver(hear).observe(region, all);
        }""",
        announced,
    )
    order(page, "A raccoon that is heard", image=None)

    expect(player(page)).to_be_visible()

    assert page.evaluate("heard") == ["만드는 중", "완성"]


@pytest.mark.parametrize("letter", ["W", "가"])
def test_a_very_long_word_does_not_overflow_the_page(
    visit: Visit, frontend: Frontend, letter: str
) -> None:
    asked = {"prompt": letter * 300, "image": None, "model": "gemini-omni-flash"}
    video = frontend.wait(frontend.create(**asked, duration=3))
    path = f"/?video={video['job_id']}"
    visitor = visit(path, user="Min-ji", language="en")
    expect(visitor.page.locator(".about")).to_contain_text("AI-generated")
    for width in (WIDE, PHONE):
        visitor.page.set_viewport_size({"width": width, "height": 800})
        assert not visitor.overflows()


# The words that continue on the next line.
_BROKEN = """({firstChild: text}) => [...text.data.matchAll(/\\S+/g)].filter((word) => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return new Set([...range.getClientRects()].map(({top}) => top)).size > 1;
}).map(([word]) => word)"""


def test_korean_prompts_break_between_words_on_the_english_page_too(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "너구리가 고개를 들어 카메라를 바라보고, 저녁빛이 숲속에 부드럽게 번진다"
    asked = {"prompt": prompt, "image": None, "model": "gemini-omni-flash"}
    video = frontend.wait(frontend.create(**asked, duration=3))
    path = f"/?video={video['job_id']}"
    page = visit(path, user="Min-ji", language="en", width=NARROW).page
    for place in (".about > p:first-child", ".card-title"):
        text = page.locator(place, has_text=prompt)
        expect(text).to_have_count(1)
        assert text.evaluate(_BROKEN) == []


def test_sound_is_chosen_in_the_panel(page: Page) -> None:
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
    press_to(page, ".chips.duration input")
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("4", exact=True)).to_be_checked()
    press_to(page, ".chips.model input")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Veo", exact=True)).to_be_checked()
    press_to(page, ".make-button")
    expect(page.locator(".price:not(.old)")).to_be_visible()
    page.keyboard.press("Enter")

    # Nothing plays by itself for users who prefer reduced motion.
    expect(player(page)).to_be_visible()
    assert page.locator(".film").evaluate("v => v.paused")
    assert len(jobs(frontend, prompt)) == 1
    expect(page.locator(".make-button")).to_be_focused()


def test_enter_on_a_choice_selects_it_and_makes_no_video(
    page: Page, frontend: Frontend
) -> None:
    prompt = "A raccoon that is not ordered yet"
    write(page, prompt)
    expect(page.locator(".price:not(.old)")).to_be_visible()

    page.get_by_label("Veo", exact=True).press("Enter")
    page.get_by_text("설정 더 보기").press("Enter")

    expect(page.get_by_text("상관없음", exact=True)).to_be_visible()
    expect(page.locator(".invitation")).to_be_visible()
    assert jobs(frontend, prompt) == []


def press_to(page: Page, selector: str) -> None:
    """Press Tab until this element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.matches('{selector}')"):
            return
    raise AssertionError(f"Tab never comes to {selector}")

"""Which video is on the stage while another one changes."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from local.database import firestore_of
from local.stack import Stack
from tests.e2e.client import Frontend, Video, set_faults, wait_for
from tests.e2e.page.acting import (
    ENDLESS,
    LOST,
    OFFLINE,
    arrived,
    await_paint,
    choose,
    hold,
    is_on_top,
    jobs,
    make,
    order,
    player,
    portrait,
    scroll_to_bar,
    stop_time,
)
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import NARROW, PHONE, WIDE


def test_a_late_answer_to_a_cancellation_leaves_the_video_opened_meanwhile(
    visit: Visit, frontend: Frontend
) -> None:
    other = frontend.wait(frontend.create(duration=4, model="runway"))
    set_faults(frontend.stack, ENDLESS)
    page = visit().page
    order(page, "A raccoon whose cancellation takes its time")
    held = hold(page, "**/cancel")
    page.get_by_role("button", name="취소", exact=True).click()
    page.get_by_role("button", name="영상 생성 취소").click()
    asked = arrived(page, held)
    expect(page.locator(".headline")).to_have_text("취소하는 중")
    job_id = page.url.partition("=")[2]
    page.locator(f".card a[href$='{other['job_id']}']").click()
    expect(player(page)).to_be_visible()

    cancelled = {"status": "failed", "error": {"code": "cancelled", "message": ""}}
    # Newer than any state of the job, which goes on.
    cancelled |= {"updated_at": "9999-12-31T00:00:00.000Z"}
    asked.fulfill(json=frontend.get({"job_id": job_id}) | cancelled)

    expect(page.locator(f".card.failed a[href$='{job_id}']")).to_be_visible()
    expect(player(page)).to_be_visible()


def test_cancelling_shows_what_it_will_cost(page: Page, stack: Stack) -> None:
    set_faults(stack, ENDLESS)
    order(page, "A raccoon that is cancelled", seconds=8)
    expect(page.locator(".frame.working")).to_contain_text("Runway")
    page.get_by_role("button", name="취소", exact=True).click()
    said = "Runway가 이미 시작해서 $0.40가 청구될 수 있습니다."
    expect(page.locator(".ask p")).to_have_text(said)
    # Holding Enter down doesn't answer the question as well.
    expect(page.get_by_role("button", name="계속 만들기")).to_be_focused()

    page.get_by_role("button", name="영상 생성 취소").click()

    expect(page.locator(".headline")).to_have_text("취소했습니다")


def test_a_cancellation_that_fails_says_so_and_can_be_tried_again(
    visit: Visit, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    page = visit(forgiven=LOST).page
    order(page, "A raccoon that goes on")
    headline = page.locator(".headline")
    expect(headline).to_have_text("Runway가 만드는 중")
    page.route("**/cancel", lambda route: route.abort())
    cancel = page.get_by_role("button", name="취소", exact=True)
    cancel.click()
    page.get_by_role("button", name="영상 생성 취소").click()
    expect(page.get_by_role("alert")).to_contain_text("서비스가 응답하지 않습니다")
    expect(headline).to_have_text("Runway가 만드는 중")

    page.unroute("**/cancel")
    cancel.click()
    page.get_by_role("button", name="영상 생성 취소").click()

    expect(headline).to_have_text("취소했습니다")


@pytest.mark.parametrize("is_cancelled_here", [True, False])
def test_the_focus_moves_to_the_stage_from_buttons_that_disappear(
    page: Page, frontend: Frontend, is_cancelled_here: bool
) -> None:
    set_faults(frontend.stack, ENDLESS)
    prompt = f"A raccoon that is cancelled here: {is_cancelled_here}"
    order(page, prompt)
    expect(page.locator(".headline")).to_have_text("Runway가 만드는 중")
    page.get_by_role("button", name="취소", exact=True).press("Enter")
    expect(page.get_by_role("button", name="계속 만들기")).to_be_focused()

    if is_cancelled_here:
        page.get_by_role("button", name="영상 생성 취소").press("Enter")
    else:
        (video,) = jobs(frontend, prompt)
        frontend.call("POST", f"/v1/videos/{video['job_id']}/cancel")

    expect(page.locator(".headline")).to_have_text("취소했습니다")
    expect(page.get_by_role("region", name="이미지와 영상")).to_be_focused()


def test_the_question_before_a_cancellation_is_above_the_phones_bar(
    visit: Visit, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    page = visit(width=NARROW).page
    page.set_viewport_size({"width": NARROW, "height": 480})
    order(page, "A raccoon that is almost cancelled")
    cancel = page.get_by_role("button", name="취소", exact=True)
    scroll_to_bar(cancel, "bottom")  # which at first hides what opens below it
    cancel.click()

    keep_going = page.get_by_role("button", name="계속 만들기")
    expect(keep_going).to_be_focused()
    wait_for(lambda: is_on_top(keep_going))


def test_a_reload_during_a_job_loses_nothing(page: Page, stack: Stack) -> None:
    set_faults(stack, ENDLESS)
    prompt = "A raccoon that outlives a reload"
    choose(page)
    chips = page.locator(".chips.model")
    chips.get_by_text("Omni", exact=True).click()
    chips.get_by_text("Runway", exact=True).click()
    order(page, prompt, seconds=5, image=None)
    expect(page.locator(".frame.working")).to_be_visible()

    page.reload()

    expect(page.locator(".frame.working")).to_contain_text("Runway")
    expect(page.locator(".stage .still")).to_be_visible()
    expect(page.locator("#prompt")).to_have_value(prompt)
    expect(page.get_by_label("5", exact=True)).to_be_checked()
    expect(page.get_by_label("Runway", exact=True)).to_be_checked()
    make(page)
    expect(page.get_by_role("dialog", name="이미 시작한 영상입니다")).to_be_visible()
    set_faults(stack, [])


def test_a_portrait_image_keeps_its_shape_while_its_video_is_made(
    page: Page, stack: Stack
) -> None:
    set_faults(stack, ENDLESS)
    choose(page, portrait())
    chosen = page.get_by_alt_text("선택한 이미지").bounding_box()
    order(page, "A tall raccoon", image=None)
    expect(page.locator(".frame.working")).to_be_visible()

    shown = page.locator(".still").bounding_box()

    assert chosen and shown
    for key in ("x", "y", "width", "height"):
        assert shown[key] == pytest.approx(chosen[key], abs=2)


def test_the_panel_of_a_linked_video_comes_into_view_only_at_its_place(
    visit: Visit, earlier: Video
) -> None:
    page = visit(width=PHONE, forgiven=OFFLINE).page
    hold(page, re.compile("/v1/videos[/?]|/Listen/"))

    page.goto(f"{page.url}?video={earlier['job_id']}")

    expect(page.locator(".screen[aria-busy=true]")).to_be_visible()
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".panel")).not_to_be_in_viewport()


def test_a_switch_of_language_does_not_empty_the_stage_of_a_missing_video(
    visit: Visit,
) -> None:
    page = visit("/?video=missing", forgiven=("404", *OFFLINE)).page
    said = page.locator(".stage .words p")
    for language, name in (("English", "한국어"), ("한국어", "English")):
        # Both languages' messages are loaded.
        page.get_by_role("button", name=language).click()
        expect(page.get_by_role("button", name=name)).to_be_visible()
    expect(said).to_contain_text("없는 영상")
    page.context.set_offline(True)

    page.get_by_role("button", name="English").click()

    expect(page.locator("html")).to_have_attribute("lang", "en")
    await_paint(page)
    assert said.all_inner_texts() == ["This video doesn't exist or was deleted."]


def test_a_video_whose_url_has_expired_is_played_from_a_new_one(
    visit: Visit, earlier: Video
) -> None:
    def renew(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        renewed = {"video_url": told["video_url"] + "#renewed"}
        renewed |= {"video_url_expires_at": "9999-12-31T00:00:00.000Z"}
        route.fulfill(response=answer, json=told | renewed)

    visitor = visit(f"/?video={earlier['job_id']}", user=None, forgiven=LOST)
    page = visitor.page
    expired = re.compile(r"\.mp4")
    page.route(expired, lambda route: route.abort(), times=1)
    page.route(re.compile(f"/v1/videos/{earlier['job_id']}$"), renew)
    visitor.sign_in("민지")

    expect(player(page)).to_have_attribute("src", re.compile("#renewed$"))


def test_a_video_that_could_not_be_loaded_offline_plays_once_online(
    visit: Visit, earlier: Video
) -> None:
    visitor = visit(f"/?video={earlier['job_id']}", user=None, forgiven=LOST)
    page = visitor.page
    lost = re.compile(rf"\.mp4|/v1/videos/{earlier['job_id']}$")
    page.route(lost, lambda route: route.abort())
    visitor.sign_in("민지")
    expect(page.locator(".stage .words")).to_contain_text("재생할 수 없습니다")
    page.unroute(lost)

    page.evaluate("dispatchEvent(new Event('online'))")

    expect(player(page)).to_be_visible()
    expect(page.locator(".stage .words")).to_have_count(0)


def test_a_download_is_a_file(visit: Visit, earlier: Video) -> None:
    page = visit(f"/?video={earlier['job_id']}").page

    with page.expect_download() as downloading:
        page.get_by_role("link", name="다운로드").click()

    content = downloading.value.path().read_bytes()
    assert len(content) == earlier["delivered"]["size"]
    assert downloading.value.suggested_filename.endswith(".mp4")


@pytest.fixture
def unstored(stack: Stack, earlier: Video) -> Iterator[Video]:
    """A video of "me" that has been finished for hours, but can't be stored."""
    began = datetime.now(UTC) - timedelta(hours=2)
    attempt = {"outcome": "running", "started_at": began, "ended_at": None}
    with closing(firestore_of(stack.firestore, stack.project)) as client:
        made = client.document(f"videos/{earlier['job_id']}").get().to_dict()
        fields: Video = {"job_id": "unstored", "user_id": "me"}
        fields |= {"status": "processing", "stage": "storing"}
        fields["aspect_ratio"] = "16:9"  # the least room for words
        gone = {"video_url": None, "poster_url": None, "delivered": None}
        document = client.document("videos/unstored")
        attempts = [made["attempts"][-1] | attempt]
        document.set(made | fields | gone | {"attempts": attempts})
        yield fields
        document.delete()


def test_a_video_that_cannot_be_stored_is_said_to_be_safe(
    visit: Visit, unstored: Video
) -> None:
    visitor = visit(user="me", width=NARROW, language="en", forgiven=LOST)
    # Only the listener knows this video: a slow page would ask the API, too.
    path = f"/v1/videos/{unstored['job_id']}"
    visitor.page.route(f"**{path}", lambda route: route.abort())
    visitor.go(f"/?video={unstored['job_id']}")
    page = visitor.page

    said = "Runway has finished, but saving takes longer"
    expect(page.locator(".headline")).to_have_text(said)
    wait_for(lambda: is_on_top(page.locator(".headline")))
    wait_for(lambda: is_on_top(page.locator(".details")))
    expect(page.locator(".details")).to_contain_text("2 h so far")
    expect(page.locator(".details")).to_contain_text("Nothing is lost")


def test_copying_a_link_is_confirmed_in_view(visit: Visit, earlier: Video) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    page = visit(f"/?video={earlier['job_id']}", permissions=permissions).page
    copy = page.get_by_role("button", name="링크 복사")
    expect(copy).to_be_visible()
    stop_time(page)  # the toast stays
    copy.click()

    toast = page.locator(".toast")
    expect(toast).to_contain_text("링크를 복사했습니다")
    for width in (WIDE, PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        wait_for(lambda: is_on_top(toast))
    link = page.locator(".film").get_attribute("src")
    assert page.evaluate("navigator.clipboard.readText()") == link


def test_a_link_that_cannot_be_copied_is_shown_and_selected(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject() }")
    page.get_by_role("button", name="링크 복사").click()

    link = page.get_by_label("이 링크를 직접 복사해 주세요")
    expect(link).to_have_value(page.locator(".film").get_attribute("src") or "")
    is_selected = "e => e.selectionEnd - e.selectionStart == e.value.length"
    wait_for(lambda: link.evaluate(is_selected))

"""The list of a user's videos."""

import re

from playwright.sync_api import Route, expect

from tests.e2e.client import Frontend, Video, set_faults, wait_for
from tests.e2e.page.acting import ENDLESS, LOST, jobs, player, stop_time
from tests.e2e.page.conftest import Visit


def test_a_deletion_by_keyboard_can_be_undone_until_it_is_carried_out(
    visit: Visit, frontend: Frontend
) -> None:
    prompts = ["A raccoon that stays", "A raccoon to delete"]
    for video in [frontend.create(prompt=prompt, duration=3) for prompt in prompts]:
        frontend.wait(video)
    page = visit().page
    stays, goes = (page.locator(".card", has_text=prompt) for prompt in prompts)
    expect(goes).to_be_visible()
    stop_time(page)
    page.get_by_label(f"삭제: {prompts[1]}").press("Enter")
    expect(goes).to_be_hidden()
    expect(stays).to_be_focused()

    page.get_by_role("button", name="되돌리기").press("Enter")
    expect(goes).to_be_visible()
    page.clock.run_for(100)  # the focus follows the next frame
    expect(goes).to_be_focused()
    page.get_by_label(f"삭제: {prompts[1]}").press("Enter")

    expect(goes).to_be_hidden()
    page.clock.fast_forward(7_000)
    assert len(jobs(frontend, prompts[1])) == 1, "there is still a way back"
    page.clock.fast_forward(1_000)
    wait_for(lambda: not jobs(frontend, prompts[1]))
    assert len(jobs(frontend, prompts[0])) == 1
    expect(page.locator(".toast")).to_be_hidden()


def test_a_poster_whose_url_has_expired_gets_a_new_one(
    visit: Visit, frontend: Frontend
) -> None:
    # The newest one is on the list's first page.
    job_id = frontend.wait(frontend.create(duration=3))["job_id"]
    visitor = visit(user=None, forgiven=LOST)
    page = visitor.page

    def renew(route: Route) -> None:
        answer = route.fetch()
        poster = answer.json()["poster_url"] + "#renewed"
        route.fulfill(response=answer, json=answer.json() | {"poster_url": poster})

    expired = re.compile(rf"{job_id}.*\.jpg")
    page.route(expired, lambda route: route.abort(), times=1)
    page.route(re.compile(f"/v1/videos/{job_id}$"), renew)
    visitor.sign_in("민지")

    poster = page.locator(f".card a[href$='{job_id}'] img")
    poster.scroll_into_view_if_needed()  # posters are loaded lazily
    expect(poster).to_have_attribute("src", re.compile("#renewed$"))
    wait_for(lambda: poster.evaluate("image => image.naturalWidth") > 0)


def test_a_video_that_is_opened_by_keyboard_can_be_played_next(
    visit: Visit, frontend: Frontend
) -> None:
    # The newest one is on the list's first page.
    job_id = frontend.wait(frontend.create(duration=3))["job_id"]
    page = visit().page

    page.locator(f".card a[href$='{job_id}']").press("Enter")

    expect(page.get_by_role("region", name="이미지와 영상")).to_be_focused()
    expect(player(page)).to_be_visible()
    page.keyboard.press("Tab")
    expect(player(page)).to_be_focused()


def test_a_button_that_clears_the_stage_leaves_the_focus_there(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page

    page.get_by_role("button", name="같은 설정으로 다시 만들기").press("Enter")

    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    expect(page.get_by_role("region", name="이미지와 영상")).to_be_focused()
    page.go_back()
    delete = page.get_by_role("button", name="삭제", exact=True)
    expect(delete).to_be_visible()
    stop_time(page)  # or the video would be deleted before a slow test undoes it
    delete.press("Enter")
    expect(page.get_by_role("button", name="되돌리기")).to_be_visible()
    expect(page.get_by_role("region", name="이미지와 영상")).to_be_focused()
    page.get_by_role("button", name="되돌리기").click()


def test_a_long_library_is_loaded_page_by_page_and_can_be_filtered(
    visit: Visit, earlier: Video
) -> None:
    def respond(route: Route) -> None:
        url = route.request.url
        numbers = range(24, 27) if "cursor=next" in url else range(24)
        videos = [earlier | {"job_id": f"{number:032}"} for number in numbers]
        if "status=failed" in url:
            videos = []
        cursor = "next" if len(videos) == 24 else None
        listed = {"videos": videos, "next_cursor": cursor}
        # The real API doesn't know this cursor.
        answer = route.fetch(url=url.replace("&cursor=next", ""))
        route.fulfill(response=answer, json=listed)

    visitor = visit(user=None)
    page = visitor.page
    page.route("**/v1/videos?*", respond)
    visitor.sign_in("민지")

    expect(page.locator(".card")).to_have_count(24)
    more = page.get_by_role("button", name="더 보기", exact=True)
    more.scroll_into_view_if_needed()
    expect(page.locator(".card")).to_have_count(27)
    expect(more).to_be_hidden()

    page.get_by_label("영상 필터").select_option("실패")

    expect(page.locator(".library .empty")).to_have_text("해당하는 영상이 없습니다.")
    page.get_by_label("영상 필터").select_option("전체")
    expect(page.locator(".card").first).to_be_visible()


def test_a_video_in_progress_ends_in_the_list_without_a_reload(
    visit: Visit, frontend: Frontend
) -> None:
    set_faults(frontend.stack, ENDLESS)
    video = frontend.create(prompt="A raccoon in the list")
    card = visit().page.locator(f".card a[href$='{video['job_id']}']").locator("..")
    expect(card).to_contain_text("만드는 중")

    frontend.call("POST", f"/v1/videos/{video['job_id']}/cancel")

    expect(card).to_contain_text("취소됨")

"""Using the settings of an earlier video again, in a browser without its images."""

import re
from typing import Any

from playwright.sync_api import expect

from local.stack import Stack
from tests.e2e.client import IMAGE, Frontend, Video, set_faults
from tests.e2e.page.acting import JPEG, LOST, jobs, make, player
from tests.e2e.page.conftest import Visit


def test_a_last_frame_that_this_browser_lacks_has_to_be_chosen_or_removed(
    visit: Visit, frontend: Frontend
) -> None:
    prompt = "A raccoon with a last frame"
    last = frontend.upload(IMAGE.read_bytes())
    fields = {"prompt": prompt, "duration": 4, "last_image": last}
    video = frontend.wait(frontend.create(**fields))
    page = visit(f"/?video={video['job_id']}").page

    page.get_by_role("button", name="같은 설정으로 다시 만들기").click()
    expect(page.locator("#prompt")).to_have_value(prompt)
    make(page)

    # Not a video without it: that would be another one than asked for.
    alert = page.locator(".more-choices").get_by_role("alert")
    expect(alert).to_contain_text("이미지가 남아 있지 않습니다")
    expect(page.locator(".make-button")).to_be_enabled()
    assert len(jobs(frontend, prompt)) == 1
    files: Any = {**JPEG, "buffer": IMAGE.read_bytes()}
    page.locator(".more-choices input[type=file]").set_input_files(files)
    expect(page.get_by_role("img", name="마지막 프레임")).to_be_visible()
    expect(alert).to_have_count(0)


def test_a_failed_videos_image_that_this_browser_lacks_is_not_left_out(
    visit: Visit, frontend: Frontend, stack: Stack
) -> None:
    fault = {"provider": "runway", "place": "task", "kind": "SAFETY.INPUT.TEXT"}
    set_faults(stack, [fault])
    prompt = "A raccoon that was refused elsewhere"
    video = frontend.wait(frontend.create(prompt=prompt))
    page = visit(f"/?video={video['job_id']}").page

    page.get_by_role("button", name="프롬프트 수정하기").click()
    expect(page.locator("#prompt")).to_have_value(prompt)
    make(page)

    # Not a video from text alone, which another provider makes for more.
    lost = page.get_by_role("alert")
    expect(lost).to_contain_text("이미지가 남아 있지 않습니다")
    expect(page.locator(".make-button")).to_be_enabled()
    assert len(jobs(frontend, prompt)) == 1


def test_settings_of_an_earlier_video_are_used_again(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page

    page.get_by_role("button", name="같은 설정으로 다시 만들기").click()

    expect(page.locator("#prompt")).to_have_value("An earlier raccoon")
    expect(page.get_by_label("4", exact=True)).to_be_checked()
    expect(page.get_by_label("9:16")).to_be_checked()
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()


def test_reusing_settings_whose_image_is_gone_says_so(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}", forgiven=LOST).page
    expect(player(page)).to_be_visible()
    page.route(re.compile(rf"{earlier['job_id']}.*\.jpg"), lambda route: route.abort())

    page.get_by_role("button", name="같은 설정으로 다시 만들기").click()

    expect(page.get_by_role("alert")).to_contain_text("이미지가 남아 있지 않습니다")


def test_another_provider_is_tried_with_the_same_settings(
    visit: Visit, earlier: Video
) -> None:
    page = visit(f"/?video={earlier['job_id']}").page
    page.get_by_role("button", name="다른 제공업체로 다시 만들기").click()

    expect(page.get_by_role("radio", name="Veo")).to_be_checked()
    expect(page.get_by_role("radio", name="9:16")).to_be_checked()
    expect(page.get_by_role("radio", name="4", exact=True)).to_be_checked()
    expect(page.locator("#prompt")).to_have_value("An earlier raccoon")
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()

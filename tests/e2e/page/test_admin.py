"""The page for administrators: the kill switch, and all users' usage."""

from decimal import Decimal

from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.e2e.client import Frontend, Video
from tests.e2e.page.acting import LOST, arrived, hold
from tests.e2e.page.conftest import SWITCH, Visit


def _budget(name: str, *, overridden: bool = False, **state: str) -> dict[str, object]:
    month = "2026-11-01T08:00:00Z"
    own = {"budget_id": name, "interval_start": month, "overridden": overridden}
    return own | state


# As it is while one budget is almost used up, and an administrator overrode another.
BUDGETED = {
    "level": "tight",
    "automatic": {
        "level": "tight",
        "budgets": [
            _budget("a", ratio="0.914", level="tight"),
            _budget("b", ratio="1.2", level="paused", overridden=True),
        ],
    },
    "by_hand": None,
}


def test_the_switch_pauses_with_a_reason_and_shows_who_set_it(
    visit: Visit, stack: Stack, operator: Frontend
) -> None:
    page = visit("/admin", user="서연").page
    expect(page.get_by_role("button", name="정상으로 바꾸기")).to_be_disabled()
    page.get_by_role("radio", name="일시 중지").check()
    page.get_by_role("button", name="일시 중지로 바꾸기").click()
    # Nothing is set without a reason.
    reason = page.get_by_label("이유")
    expect(reason).to_be_focused()
    expect(reason).to_have_accessible_description("바꾸는 이유를 적어 주세요.")
    assert operator.call("GET", SWITCH).json()["level"] == "normal"

    page.get_by_label("이유").fill("청구액이 이상합니다")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("일시 중지로 바꿨습니다.")
    expect(page.locator(".level")).to_have_text("지금: 일시 중지")
    expect(page.locator("blockquote")).to_contain_text("청구액이 이상합니다")
    expect(page.locator("blockquote")).to_contain_text("seo-yeon")
    refused = Frontend(stack).call("POST", "/v1/videos", {"prompt": "a fox"})
    assert refused.json()["code"] == "generation_paused"


def test_a_reason_is_kept_if_the_switch_could_not_be_set(
    visit: Visit, operator: Frontend
) -> None:
    page = visit("/admin", user="서연", forgiven=LOST).page
    page.get_by_role("radio", name="절약").check()
    page.route(f"**{SWITCH}", lambda route: route.abort())
    page.get_by_label("이유").fill("월말까지")
    page.get_by_role("button", name="절약으로 바꾸기").click()
    expect(page.get_by_role("status")).to_contain_text("바꾸지 못했습니다")

    page.unroute(f"**{SWITCH}")
    expect(page.get_by_label("이유")).to_have_value("월말까지")
    page.get_by_role("button", name="절약으로 바꾸기").click()

    expect(page.locator(".level")).to_have_text("지금: 절약")


def test_a_reason_written_while_another_one_is_sent_stays(
    visit: Visit, operator: Frontend
) -> None:
    page = visit("/admin", user="서연").page
    page.get_by_role("radio", name="절약").check()
    reason = page.get_by_label("이유")
    reason.fill("월말까지")
    held = hold(page, f"**{SWITCH}")
    page.keyboard.press("Enter")
    sent = arrived(page, held)
    reason.fill("청구액이 이상합니다")

    sent.continue_()

    expect(page.locator(".level")).to_have_text("지금: 절약")
    expect(reason).to_have_value("청구액이 이상합니다")


def test_the_budgets_say_what_they_require_and_which_is_overridden(
    visit: Visit,
) -> None:
    def respond(route: Route) -> None:
        route.fulfill(response=route.fetch(), json=BUDGETED)

    visitor = visit("/admin", user=None)
    page = visitor.page
    page.route(f"**{SWITCH}", respond)
    visitor.sign_in("서연")

    budgets = page.get_by_role("region", name="Google Cloud 예산")
    expect(budgets).to_contain_text("예산에 따른 단계: 절약")
    overridden = "다음 기간까지 관리자 설정이 우선"
    first, second = (budgets.get_by_role("listitem").nth(n) for n in (0, 1))
    expect(first).to_contain_text("91% 사용")
    expect(first).not_to_contain_text(overridden)
    expect(second).to_contain_text("120% 사용")
    expect(second).to_contain_text(overridden)
    # An administrator may want it to stay, whatever the budgets say next.
    expect(page.get_by_role("button", name="절약으로 바꾸기")).to_be_enabled()


def test_administrators_see_all_users_usage(
    visit: Visit, stack: Stack, operator: Frontend, earlier: Video
) -> None:
    frontend = Frontend(stack, "min-ji")
    own = frontend.call("GET", "/v1/usage").json()["caps"]["daily"]["used_usd"]

    page = visit("/admin", user="서연").page

    spent = page.locator(".cap").first.locator("strong").inner_text()
    # The page shows cents; translations cost less than one.
    assert Decimal(spent.removeprefix("$")) >= round(Decimal(own), 2)
    expect(page.locator(".chart rect[data-maker=runway]").first).to_be_attached()

"""The production sign-in against Firebase's own Auth emulator.

The page is served with a deployment's configuration. The api accepts no unsigned
tokens, so the emulator's are replaced on their way by signed ones of the same user.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, expect

from local.identity import user_token
from local.stack import Stack
from ops.page_headers import POLICY, on_one_machine
from tests.e2e.auth_emulator import auth_emulator, claims_of, link_sent_to
from tests.e2e.page.acting import arrived, hold
from tests.e2e.page.conftest import Visit
from tests.e2e.visitor import launched

GAPI = Path(__file__).with_name("gapi.js")
GAPI_HOST = "https://apis.google.com"
ANN = "ann@example.com"
# The emulator's own page loads decoration from other machines.
ELSEWHERE = re.compile(r"^https?://(?!127\.0\.0\.1)")


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    # A response that a test alters has no address space, so Chromium would block its
    # requests to this machine.
    flag = "--disable-features=LocalNetworkAccessChecks"
    with launched(playwright, flag) as browser:
        yield browser


@pytest.fixture(scope="module")
def emulator(
    running_stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("auth")
    with auth_emulator(running_stack.project, folder) as address:
        yield address


class Deployed:
    """A visitor of a deployed page; records the tokens that it sends."""

    def __init__(self, visit: Visit, emulator: str) -> None:
        self.visitor = visitor = visit("/config.json", user=None)
        self.tokens: list[dict[str, Any]] = []
        self._emulator = emulator
        self.page: Page = visitor.page
        parts = visitor.stack.addresses
        route = self.page.context.route
        route(ELSEWHERE, lambda route: route.abort())
        route(f"{GAPI_HOST}/**", lambda route: route.fulfill(path=GAPI))
        route(f"{parts['web']}/config.json", self._configure)
        route(re.compile(rf"^{parts['web']}/(\?.*)?$"), self._allow)
        route(f"{parts['api']}/**", self._sign)

    def ask_for_link(self, email: str) -> None:
        self.page.get_by_label("이메일").fill(email)
        self.page.get_by_role("button", name="링크 받기").click()

    def _configure(self, route: Route) -> None:
        config = route.fetch().json()
        config["developmentUsers"] = None
        config["signIn"] = ["google", "email"]
        config["firebase"] = {"apiKey": "local", "authDomain": self._emulator}
        config["emulators"]["auth"] = self._emulator
        route.fulfill(json=config)

    def _allow(self, route: Route) -> None:
        """Set the headers as Hosting does, with the emulator in place of Firebase."""
        parts, auth = self.visitor.stack.addresses, f"http://{self._emulator}"
        reached = [parts["api"], f"http://{parts['firestore']}", parts["storage"], auth]
        sources = {
            "script-src": [GAPI_HOST],
            "connect-src": reached,
            "frame-src": [auth],
            "img-src": [parts["storage"]],
        }
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, **_policy(sources)})

    def _sign(self, route: Route) -> None:
        headers = route.request.headers
        if "authorization" in headers:
            claims = claims_of(headers["authorization"])
            self.tokens.append(claims)
            token = user_token(claims["aud"], claims["sub"])
            headers = {**headers, "authorization": f"Bearer {token}"}
        route.continue_(headers=headers)


def _policy(sources: dict[str, list[str]]) -> dict[str, str]:
    return {POLICY.lower(): on_one_machine(sources)[POLICY]}


def test_a_link_in_an_email_signs_in(visit: Visit, emulator: str, stack: Stack) -> None:
    deployed = Deployed(visit, emulator)
    page = deployed.page
    deployed.visitor.go()
    deployed.ask_for_link(ANN)
    expect(page.get_by_role("status")).to_contain_text(ANN)

    page.goto(link_sent_to(ANN, emulator, stack.project))

    # The api answered, so it got a token.
    expect(page.locator(".library .empty")).to_be_visible()
    assert "oobCode" not in page.url
    claims = deployed.tokens[-1]
    assert (claims["email"], claims["email_verified"]) == (ANN, True)
    held = hold(page, "**/accounts:lookup*")
    page.reload()
    arrived(page, held)
    # Firebase waits for its server; the page is not empty meanwhile.
    expect(page.get_by_role("status")).to_have_text("불러오는 중 …")
    held.pop().continue_()
    expect(page.locator(".library")).to_be_visible()


def test_a_link_opened_in_another_browser_asks_for_the_address_and_works_once(
    visit: Visit, emulator: str, stack: Stack
) -> None:
    first, elsewhere = Deployed(visit, emulator), Deployed(visit, emulator)
    first.visitor.go()
    first.ask_for_link(ANN)
    expect(first.page.get_by_role("status")).to_contain_text(ANN)
    link = link_sent_to(ANN, emulator, stack.project)

    elsewhere.page.goto(link)
    elsewhere.ask_for_link(ANN)
    expect(elsewhere.page.locator(".library")).to_be_visible()

    first.page.goto(link)
    expect(first.page.get_by_role("status")).to_contain_text("이미 쓴 링크")
    first.visitor.said.clear()  # the browser's error about the refusal


def test_google_signs_in_by_a_popup_and_signing_out_forgets(
    visit: Visit, emulator: str
) -> None:
    deployed = Deployed(visit, emulator)
    visitor = deployed.visitor
    visitor.go()
    with visitor.page.expect_popup() as popup:
        visitor.page.get_by_role("button", name="Google로 계속하기").click()
    account = popup.value
    account.wait_for_load_state()  # its buttons do nothing before
    account.get_by_text("Add new account").click()
    account.locator("#email-input").fill("min-ji@gmail.com")
    account.locator("#display-name-input").fill("Min-ji")
    account.locator("#sign-in").click()

    expect(visitor.page.locator(".library .empty")).to_be_visible()
    claims = deployed.tokens[-1]
    assert claims["firebase"]["sign_in_provider"] == "google.com"
    assert json.dumps(visitor.strange).count(GAPI_HOST) == len(visitor.strange)
    visitor.strange.clear()

    visitor.sign_out()
    visitor.page.reload()
    expect(visitor.page.locator(".sign-in")).to_be_visible()

"""A visitor of the web page: a browser window, and the errors in it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from local.preflight import NO_CHROMIUM, find_chromium
from local.stack import Stack
from ops import npm

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
WIDE, PHONE, NARROW = 1280, 375, 320
LANGUAGES = {"ko": "ko-KR", "en": "en-US"}
# Long for a browser on a busy machine; tests wait for conditions, never for times.
TIMEOUT_MS = 110_000
expect.set_options(timeout=TIMEOUT_MS)
# A theme changes only colours, so the second one is checked only for those.
Theme = Literal["light", "dark"]
_COLOURS = ("color-contrast", "link-in-text-block")
THEMES: Mapping[Theme, Sequence[str]] = {"light": (), "dark": _COLOURS}
# axe's rules: WCAG 2.2 A and AA, and its own best practices.
_AXE = """async (options) => {
    const {violations} = await axe.run(document, options);
    return violations.flatMap(({id, nodes}) =>
        nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}"""


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright, *flags) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.fail(NO_CHROMIUM, pytrace=False)
    options = [*FLAGS, *flags]
    browser = playwright.chromium.launch(executable_path=program, args=options)
    yield browser
    browser.close()


@dataclass(kw_only=True)
class Visitor:
    """`said` has errors on the console, `strange` requests to other machines.

    `forgiven`: parts of errors that the test itself causes.
    """

    page: Page
    stack: Stack
    said: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    forgiven: Sequence[str] = ()

    @property
    def complaints(self) -> list[str]:
        found = [*self.said, *self.strange]
        return [each for each in found if not any(p in each for p in self.forgiven)]

    def watch(self) -> None:
        page = self.page
        page.context.set_default_timeout(TIMEOUT_MS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(message.text)

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme.startswith("http") and url.hostname != "127.0.0.1":
            self.strange.append(request.url)

    def go(self, path: str = "/") -> None:
        self.page.goto(self.stack.addresses["web"] + path)

    def sign_in(self, name: str = "민지") -> None:
        self.page.locator(".sign-in").get_by_role("button", name=name).click()
        expect(self.page.locator(".sign-in")).to_have_count(0)

    def sign_out(self, *, answer: str = "남기고 로그아웃") -> None:
        """`answer`: whether unfinished work stays, if the page asks."""
        self.page.get_by_role("button", name="로그아웃", exact=True).click()
        gone, question = self.page.locator(".sign-in"), self.page.get_by_role("dialog")
        expect(gone.or_(question)).to_be_visible()
        if question.is_visible():
            question.get_by_role("button", name=answer).click()
        expect(gone).to_be_visible()

    def violations(self) -> list[str]:
        """What axe finds wrong with the current screen, in both themes."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe())
        found: list[str] = []
        for theme, rules in THEMES.items():
            self.page.emulate_media(color_scheme=theme)
            options = {"runOnly": list(rules)} if rules else {}
            found += [f"{theme}: {one}" for one in self.page.evaluate(_AXE, options)]
        return found

    def overflows(self) -> bool:
        """Whether the page scrolls sideways."""
        root = "document.documentElement"
        return bool(self.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


@cache
def axe() -> str:
    npm.install()
    return (npm.WEB / "node_modules" / "axe-core" / "axe.min.js").read_text()


@contextmanager
def visiting(
    browser: Browser,
    stack: Stack,
    *,
    language: str = "ko",
    width: int = WIDE,
    forgiven: Sequence[str] = (),
    **context: Any,
) -> Iterator[Visitor]:
    """At the end, asserts that the console is empty and no other machine was asked."""
    chosen: Any = {"locale": LANGUAGES[language], "color_scheme": "dark"}
    size: Any = {"width": width, "height": 800}
    with browser.new_context(viewport=size, **chosen, **context) as window:
        visitor = Visitor(page=window.new_page(), stack=stack, forgiven=forgiven)
        visitor.watch()
        yield visitor
        assert not visitor.complaints, visitor.complaints
        # What a test's handlers still wait for would fail a later test.
        for page in window.pages:
            page.unroute_all(behavior="ignoreErrors")

"""The built page of a running stack, and its visitors."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from local.stack import Stack
from ops import npm
from tests.e2e.auth_emulator import tools_on_their_way
from tests.e2e.client import Frontend, Video
from tests.e2e.visitor import Visitor, launched, visiting

Visit = Callable[..., Visitor]
SWITCH = "/v1/admin/generation"


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    if missing := npm.missing_for_page():
        pytest.fail("\n".join(missing), pytrace=False)
    npm.build()


@pytest.fixture(scope="session", autouse=True)
def _auth_emulator_on_its_way(request: pytest.FixtureRequest) -> Iterator[None]:
    items = request.session.items
    wanted = any("test_with_firebase" in each.nodeid for each in items)
    with tools_on_their_way() if wanted else nullcontext():
        yield


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # Only in this folder: while it exists, no other test may run an event loop.
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launched(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def earlier(running_stack: Stack) -> Video:
    """A video that Min-ji made earlier with Runway."""
    min_ji = Frontend(running_stack, "min-ji")
    fields = {"prompt": "An earlier raccoon", "duration": 4, "aspect_ratio": "9:16"}
    return min_ji.wait(min_ji.create(**fields, model="runway"))


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """Starts a visitor at `path`, signed in as `user`; see `visiting` for options."""
    with ExitStack() as visits:

        def start(
            path: str = "/", *, user: str | None = "민지", **options: Any
        ) -> Visitor:
            visitor = visits.enter_context(visiting(browser, stack, **options))
            visitor.go(path)
            if user:
                visitor.sign_in(user)
            return visitor

        yield start


@pytest.fixture
def page(visit: Visit) -> Page:
    """Where Min-ji makes videos."""
    return visit().page


@pytest.fixture
def operator(stack: Stack) -> Iterator[Frontend]:
    """An administrator; resets the switch at the end."""
    operator = Frontend(stack, "seo-yeon", admin=True)
    yield operator
    operator.call("POST", SWITCH, {"level": "normal", "reason": "the test is over"})

"""The built page of a running stack, and visitors of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from local.stack import Stack
from ops import npm
from tests.e2e.visitor import Visitor, chromium, visiting

Visit = Callable[..., Visitor]


@pytest.fixture(scope="session", autouse=True)
def _built() -> None:
    if missing := npm.missing_for_page():
        pytest.fail("\n".join(missing), pytrace=False)
    npm.build()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of a module: while it is there, no other test may run an event loop.
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A visitor, signed in as `user`, at `path`: see `visiting` for what else."""
    with ExitStack() as visits:

        def start(
            path: str = "/", *, user: str | None = "Min-ji", **options: Any
        ) -> Visitor:
            visitor = visits.enter_context(visiting(browser, stack, **options))
            visitor.go(path)
            if user:
                visitor.sign_in(user)
            return visitor

        yield start

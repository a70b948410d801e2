"""What a visitor does on the page that makes videos, for its tests."""

import io
import re
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.client import IMAGE, Frontend, wait_for

JPEG = {"name": "photo.jpg", "mimeType": "image/jpeg"}
BUSY = [{"provider": p, "kind": "429"} for p in ("runway", "runway-http")]
ENDLESS = [{"provider": "runway", "place": "task", "kind": "running"}]
# POST /v1/videos: lists are requested with a query.
CREATING = re.compile("/v1/videos$")
RACCOON = IMAGE.read_bytes()
# What the console says about a request without an answer, and without a network.
# Firestore tests the network with an image, which the page's policy blocks.
LOST = ("net::ERR_",)
OFFLINE = (*LOST, "Could not reach Cloud Firestore", "cleardot.gif")


def open_another(page: Page) -> Page:
    """Another tab of the same browser."""
    with page.context.expect_page() as opened:
        page.evaluate("() => { open('/', '', 'noopener') }")
    return opened.value


def order(
    page: Page, prompt: str, *, image: bytes | None = RACCOON, seconds: int = 4
) -> None:
    """Ask for a video. `image` None: of the image chosen before, if any."""
    if image:
        choose(page, image)
    write(page, prompt, seconds=seconds)
    make(page)


def choose(page: Page, image: bytes = RACCOON) -> None:
    choose_another(page, image)
    expect(page.get_by_alt_text("선택한 이미지")).to_be_visible()
    # Shown before it is stored: a reload or another tab would not have it yet.
    expect(page.locator(".reading")).to_be_empty()


def choose_another(page: Page, image: bytes) -> None:
    """Choose a file, without waiting until it is shown."""
    files: Any = {**JPEG, "buffer": image}
    page.locator(".choices input[type=file]").first.set_input_files(files)


def write(page: Page, prompt: str, *, seconds: int = 4) -> None:
    """Enter a prompt for a short video: each frame is rendered, checked and played."""
    page.locator("#prompt").fill(prompt)
    durations = page.locator(".chips.duration")
    durations.get_by_text(str(seconds), exact=True).click()


def make(page: Page) -> None:
    """Click once the price is current: if it turns out higher, no video is made."""
    expect(page.locator(".price:not(.old)")).to_be_visible()
    page.locator(".make-button").click()


def stop_time(page: Page) -> None:
    """Timers fire only when `page.clock` moves on, however slow the machine is."""
    page.clock.install()
    # Never in the page's past, however long this call takes.
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 600)


def await_paint(page: Page) -> None:
    """Wait until the page has painted what it got before."""
    painted = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
    page.evaluate(painted)


def natural_size(image: Locator) -> tuple[int, int]:
    """Width and height of an image's file, once it is loaded."""
    width, height = image.evaluate(
        "image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])"
    )
    return width, height


def hold(page: Page, url: str | re.Pattern[str]) -> list[Route]:
    """The requests to `url` from now on, held for any time, in the order they come."""
    # The page itself would give up after a while.
    page.evaluate("AbortSignal.timeout = () => new AbortController().signal")
    held: list[Route] = []
    page.route(url, lambda route: held.append(route))
    return held


def arrived(page: Page, held: list[Route]) -> Route:
    """The first of the requests that `hold` holds, once it is there."""
    # Playwright handles what has come only during a call.
    wait_for(lambda: bool(page.evaluate("true") and held))
    return held[0]


class LostAnswers:
    """`POST /v1/videos` reaches the API, but until `end` its answers are lost."""

    def __init__(self, page: Page) -> None:
        self.keys: list[str] = []
        self._are_lost = True
        page.route(CREATING, self.pass_on)

    def pass_on(self, route: Route) -> None:
        self.keys.append(route.request.headers["idempotency-key"])
        answer = route.fetch()
        return route.abort() if self._are_lost else route.fulfill(response=answer)

    def end(self) -> None:
        self._are_lost = False


def player(page: Page) -> Any:
    return page.locator(".stage video.there")


def jobs(frontend: Frontend, prompt: str) -> list[dict[str, Any]]:
    """The jobs that the API has for this prompt."""
    listed = frontend.call("GET", "/v1/videos?limit=100").json()["videos"]
    return [video for video in listed if video["prompt"] == prompt]


def portrait() -> bytes:
    """A photo as a phone stores it: on its side, with an EXIF orientation."""
    made = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(IMAGE) as image:
        image.save(made, "JPEG", exif=exif)
    return made.getvalue()


def scroll_to_bar(what: Locator, edge: Literal["top", "bottom"]) -> None:
    """Scroll until this edge is level with the top of the bar at a phone's bottom."""
    what.evaluate(
        """(element, edge) => {
            const bar = document.querySelector(".order-bar").getBoundingClientRect();
            scrollBy(0, element.getBoundingClientRect()[edge] - bar.top);
        }""",
        edge,
    )


def is_on_top(what: Locator) -> bool:
    """Whether it is inside the window and not covered by anything fixed."""
    return bool(
        what.evaluate(
            """(element) => {
                const {left, right, top, bottom} = element.getBoundingClientRect();
                const x = (left + right) / 2;
                return [top + 1, bottom - 1].every(
                    (y) => element.contains(document.elementFromPoint(x, y)));
            }"""
        )
    )

"""The page of `make dev`: Vite serves its sources, with the page's server behind."""

import os
from collections.abc import Iterator

import pytest
import requests

import local.identity
from local.page import Page
from local.processes import RunningProcess, answers, free_port, wait_until
from ops import npm
from tests.local.conftest import ADDRESSES


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    npm.install()
    folder = tmp_path_factory.mktemp("live")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    page = Page(project="demo", addresses=ADDRESSES, folder=folder)
    with pytest.MonkeyPatch.context() as patch, page.server(origins=[url]) as server:
        patch.setattr(local.identity, "CHECKOUT_KEY", folder / "key.pem")
        with RunningProcess(
            npm.live_command(port),
            environment=os.environ | {"REELAY_PAGE": server.url},
            log=folder / "vite.log",
        ) as vite:
            wait_until(answers(url), vite)
            yield url


def test_the_page_is_served_from_its_sources_with_live_reload(live: str) -> None:
    page = requests.get(f"{live}/usage", timeout=100).text

    assert "/src/main.tsx" in page
    assert "/@vite/client" in page
    assert requests.get(f"{live}/config.json", timeout=100).json()["project"] == "demo"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="the page"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="a stranger"),
        pytest.param({"Host": "evil.example"}, 403, id="a rebound name"),
    ],
)
def test_only_the_page_itself_can_sign_in_through_vite(
    live: str, headers: dict[str, str], status: int
) -> None:
    sent = {"Origin": live, **headers}
    url = f"{live}/development/token"
    answer = requests.post(url, json={"user": "min-ji"}, headers=sent, timeout=100)

    assert answer.status_code == status
    assert ("token" in answer.text) is (status == 200)

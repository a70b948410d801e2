"""Real keys on a developer's machine: spending is capped, even without Firestore."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local.money import money_notice, spending_limits
from local.paid_posts import LimitedProviders, PaidPosts
from local.vendors import choose
from shared.domain.catalogue import ProviderId
from shared.domain.outcomes import Accepted, NotSent

KEY = {"RUNWAY_API_KEY": "key"}
OWN = {"RUNWAYML_BASE_URL": "http://127.0.0.1:1"}


@dataclass
class Vendor:
    """A provider, and a set of providers, that record paid POSTs."""

    sent: list[object] = field(default_factory=list)
    name: str = "a vendor"

    def get(self, _: ProviderId) -> "Vendor":
        return self

    def start(self, request: Any) -> Accepted:
        self.sent.append(request)
        return Accepted(task_id="t")


def limited(vendor: Vendor, path: Path, most: int) -> Any:
    return LimitedProviders(vendor, PaidPosts(path, most)).get(ProviderId.RUNWAY)


def test_no_paid_request_is_sent_beyond_the_days_limit(tmp_path: Path) -> None:
    vendor, file = Vendor(), tmp_path / "paid-posts"

    with ThreadPoolExecutor(8) as workers:
        calls = [
            workers.submit(limited(vendor, file, 3).start, number)
            for number in range(20)
        ]
    answers = [call.result() for call in calls]

    assert len(vendor.sent) == 3
    assert sum(isinstance(answer, NotSent) for answer in answers) == 17
    assert "LOCAL_PAID_POSTS_LIMIT" in str(limited(vendor, file, 3).start(0))
    assert limited(vendor, file, 3).name == "a vendor"


def test_each_day_has_its_own_limit(tmp_path: Path) -> None:
    file = tmp_path / "paid-posts"
    file.write_text("2020-01-01 30")

    assert [PaidPosts(file, 2).take() for _ in range(3)] == [True, True, False]


def disk_is_full(*_: object) -> NoReturn:
    raise OSError(ENOSPC, "full")


def test_a_count_that_cannot_be_written_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = PaidPosts(tmp_path / "paid-posts", 1)
    assert posts.take()
    more = PaidPosts(posts.path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", disk_is_full)
        with pytest.raises(OSError, match="full"):
            more.take()

    assert not posts.take()


# As long as Google's keys, which are the shortest that are real.
LONG = {"RUNWAY_API_KEY": "AIzaSyD-" + "x" * 31}
ELSEWHERE = {"RUNWAYML_BASE_URL": "https://gateway.example/runway"}
LOWER = {"DAILY_LIMIT_USD": "4", "LOCAL_PAID_POSTS_LIMIT": "2"}
NOTHING, REAL, SET = "No keys are set", "REAL MONEY", "RUNWAYML_BASE_URL is set: "


@pytest.mark.parametrize(
    ("environ", "daily", "posts", "notice"),
    [
        ({}, None, None, NOTHING),
        ({"RUNWAY_API_KEY": "unset"}, None, None, NOTHING),
        (KEY, "10", "20", REAL),
        (KEY | LOWER, "4", "2", REAL),
        # Whatever answers there may charge money: for example, a proxy that passes
        # requests on to the vendor.
        (OWN, None, None, SET),
        (KEY | OWN, None, None, SET),
        (LONG | OWN, "10", "20", SET),
        (KEY | ELSEWHERE, "10", "20", SET),
        (KEY | OWN | {"GEMINI_API_KEY": "k"}, "10", "20", REAL),
    ],
)
def test_what_may_cost_real_money_is_capped_and_the_notice_says_so(
    environ: dict[str, str], daily: str | None, posts: str | None, notice: str
) -> None:
    chosen = choose(environ)

    limits = spending_limits(environ, chosen)

    assert limits.get("DAILY_LIMIT_USD") == daily
    assert limits.get("LOCAL_PAID_POSTS_LIMIT") == posts
    said = money_notice(environ, chosen)
    assert said.startswith(notice)
    assert (f"${daily} (DAILY_LIMIT_USD) and {posts} paid requests" in said) is (
        daily is not None
    )
    assert ("nothing is paid" in said) is chosen.nothing_is_paid is (notice == NOTHING)
    assert chosen.real is (notice == REAL)


@pytest.mark.parametrize("environ", [KEY, {}])
def test_an_emulator_without_a_guard_is_mentioned(environ: dict[str, str]) -> None:
    given, chosen = (
        environ | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080"},
        choose(environ),
    )

    assert "127.0.0.1:8080: no guard keeps" in money_notice(given, chosen)
    assert "no guard" not in money_notice(environ, chosen)


def test_a_custom_vendor_gets_no_real_key() -> None:
    chosen = choose({"GEMINI_API_KEY": "real", "RUNWAYML_BASE_URL": "http://a"})

    assert chosen.environment["RUNWAY_API_KEY"] == "local"
    assert chosen.environment["GEMINI_API_KEY"] == "real"

"""Real keys on a developer's machine: what may be spent, whatever Firestore says."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.money import sentence, spending_limits
from local.paid_posts import LimitedProviders, PaidPosts
from local.vendors import choose
from shared.domain.catalogue import ProviderId
from shared.domain.outcomes import Accepted, NotSent

KEY = {"RUNWAY_API_KEY": "key"}


@dataclass
class Vendor:
    """A provider, and all providers, that count their paid POSTs."""

    sent: list[object] = field(default_factory=list)
    name: str = "a vendor"

    def get(self, _: ProviderId) -> "Vendor":
        return self

    def start(self, request: Any) -> Accepted:
        self.sent.append(request)
        return Accepted(task_id="t")


def limited(vendor: Vendor, path: Path, most: int) -> Any:
    return LimitedProviders(vendor, PaidPosts(path, most)).get(ProviderId.RUNWAY)


def test_beyond_the_days_limit_no_paid_request_is_sent(tmp_path: Path) -> None:
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


def test_another_day_has_its_own(tmp_path: Path) -> None:
    file = tmp_path / "paid-posts"
    file.write_text("2020-01-01 3")

    assert PaidPosts(file, 3).take()


@pytest.mark.parametrize(
    ("environ", "daily", "posts"),
    [
        ({}, "10", "20"),
        ({"DAILY_LIMIT_USD": "4", "LOCAL_PAID_POSTS_LIMIT": "2"}, "4", "2"),
    ],
)
def test_real_keys_are_capped_and_the_start_says_so(
    environ: dict[str, str], daily: str, posts: str
) -> None:
    limits = spending_limits(environ, real=True)

    assert limits["DAILY_LIMIT_USD"] == daily
    assert limits["LOCAL_PAID_POSTS_LIMIT"] == posts
    said = sentence(environ, real=True)
    assert "REAL MONEY" in said
    assert f"${daily}" in said and f"{posts} paid requests" in said


def test_simulators_have_no_caps_of_their_own() -> None:
    assert spending_limits({}, real=False) == {}
    assert "nothing is paid" in sentence({}, real=False)


def test_keys_with_an_address_of_ones_own_are_not_said_to_be_missing() -> None:
    said = sentence(KEY | {"RUNWAYML_BASE_URL": "http://127.0.0.1:1"}, real=False)

    assert said.startswith("RUNWAYML_BASE_URL is set: ")
    assert "nothing is paid" not in said and "No keys" not in said


@pytest.mark.parametrize("real", [True, False])
def test_an_emulator_that_no_guard_stands_before_is_named(real: bool) -> None:
    given = KEY | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080"}

    assert "127.0.0.1:8080: no guard keeps" in sentence(given, real=real)
    assert "no guard" not in sentence(KEY, real=real)


@pytest.mark.parametrize(
    ("environ", "real"),
    [
        ({}, False),
        (KEY, True),
        ({"RUNWAY_API_KEY": "unset"}, False),
        (KEY | {"RUNWAYML_BASE_URL": "http://127.0.0.1:1"}, False),
        (KEY | {"GEMINI_API_KEY": "k", "RUNWAYML_BASE_URL": "http://a"}, True),
    ],
)
def test_money_is_real_where_a_key_meets_the_real_vendor(
    environ: dict[str, str], real: bool
) -> None:
    assert choose(environ).real is real


@pytest.mark.parametrize(
    ("environ", "is_free"),
    [
        ({}, True),
        ({"RUNWAY_API_KEY": "unset"}, True),
        (KEY, False),
        # Whoever answers there may ask for money.
        ({"RUNWAYML_BASE_URL": "http://127.0.0.1:1"}, False),
        (KEY | {"RUNWAYML_BASE_URL": "http://127.0.0.1:1"}, False),
    ],
)
def test_the_page_says_that_nothing_is_paid_where_simulators_alone_are_asked(
    environ: dict[str, str], is_free: bool
) -> None:
    assert choose(environ).nothing_is_paid is is_free


def test_a_vendor_of_ones_own_gets_no_real_key_of_another() -> None:
    chosen = choose({"GEMINI_API_KEY": "real", "RUNWAYML_BASE_URL": "http://a"})

    assert chosen.environment["RUNWAY_API_KEY"] == "local"
    assert chosen.environment["GEMINI_API_KEY"] == "real"

"""Real keys on a developer's machine: spending is capped, even without Firestore."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.money import money_notice, spending_limits
from local.paid_posts import LimitedProviders, PaidPosts
from local.vendors import choose
from shared.domain.catalogue import ProviderId
from shared.domain.outcomes import Accepted, NotSent

KEY = {"RUNWAY_API_KEY": "key"}
OWN_URL = "http://127.0.0.1:1"
OWN = {"RUNWAYML_BASE_URL": OWN_URL}


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
    file.write_text("2020-01-01 3")

    assert PaidPosts(file, 3).take()


@pytest.mark.parametrize(
    ("environ", "daily", "posts"),
    [
        ({}, "10", "20"),
        ({"DAILY_LIMIT_USD": "4", "LOCAL_PAID_POSTS_LIMIT": "2"}, "4", "2"),
    ],
)
def test_real_keys_are_capped_and_the_notice_says_so(
    environ: dict[str, str], daily: str, posts: str
) -> None:
    limits = spending_limits(environ, choose(KEY))

    assert limits["DAILY_LIMIT_USD"] == daily
    assert limits["LOCAL_PAID_POSTS_LIMIT"] == posts
    notice = money_notice(environ, choose(KEY))
    assert "REAL MONEY" in notice
    assert f"${daily}" in notice and f"{posts} paid requests" in notice


def test_simulators_have_no_caps() -> None:
    assert spending_limits({}, choose({})) == {}
    assert "nothing is paid" in money_notice({}, choose({}))


def test_keys_with_a_custom_url_are_not_reported_as_missing() -> None:
    environ = KEY | OWN
    notice = money_notice(environ, choose(environ))

    assert notice.startswith("RUNWAYML_BASE_URL is set: ")
    assert "nothing is paid" not in notice and "No keys" not in notice
    assert spending_limits(environ, choose(environ)) == {}


def test_providers_at_a_url_elsewhere_are_capped() -> None:
    environ = KEY | {"RUNWAYML_BASE_URL": "https://gateway.example/runway"}
    chosen = choose(environ)

    assert not chosen.real
    assert spending_limits(environ, chosen)["DAILY_LIMIT_USD"] == "10"
    assert "up to $10 (DAILY_LIMIT_USD) and 20 paid" in money_notice(environ, chosen)


@pytest.mark.parametrize(
    ("key", "is_capped"),
    [("AIzaSyD-" + "x" * 31, True), ("key_" + "0a" * 64, True), ("made-up", False)],
    ids=["Google's", "Runway's", "made up"],
)
def test_a_real_key_is_capped_at_a_url_on_this_machine_too(
    key: str, *, is_capped: bool
) -> None:
    """For example, a proxy that passes requests on to the vendor."""
    environ = {"RUNWAY_API_KEY": key, **OWN, "GOOGLE_VERTEX_BASE_URL": OWN_URL}

    limits = spending_limits(environ, choose(environ))

    assert limits.get("DAILY_LIMIT_USD") == ("10" if is_capped else None)


@pytest.mark.parametrize("environ", [KEY, {}])
def test_an_emulator_without_a_guard_is_mentioned(environ: dict[str, str]) -> None:
    given, chosen = (
        environ | {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080"},
        choose(environ),
    )

    assert "127.0.0.1:8080: no guard keeps" in money_notice(given, chosen)
    assert "no guard" not in money_notice(environ, chosen)


@pytest.mark.parametrize(
    ("environ", "real", "is_free"),
    [
        ({}, False, True),
        (KEY, True, False),
        ({"RUNWAY_API_KEY": "unset"}, False, True),
        # Whatever answers there may charge money.
        (OWN, False, False),
        (KEY | OWN, False, False),
        (KEY | OWN | {"GEMINI_API_KEY": "k"}, True, False),
    ],
)
def test_settings_decide_what_is_real_and_what_is_called_free(
    environ: dict[str, str], real: bool, is_free: bool
) -> None:
    chosen = choose(environ)

    assert (chosen.real, chosen.nothing_is_paid) == (real, is_free)


def test_a_custom_vendor_gets_no_real_key() -> None:
    chosen = choose({"GEMINI_API_KEY": "real", "RUNWAYML_BASE_URL": "http://a"})

    assert chosen.environment["RUNWAY_API_KEY"] == "local"
    assert chosen.environment["GEMINI_API_KEY"] == "real"

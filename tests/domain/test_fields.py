"""Days, and what the texts of a query are read as."""

import re
from datetime import date

import pytest

from shared.domain.fields import (
    ADDRESS,
    Choice,
    Day,
    Field,
    Flag,
    HttpsAddress,
    Whole,
    Wrong,
    read_texts,
)

FIELDS = {
    "limit": Field(spec=Whole(least=1, most=100), default=20),
    "day": Field(spec=Day()),
    "all": Field(spec=Flag(), default=False),
    "status": Field(spec=Choice(values=("done", "7"))),
}
DEFAULTS = {"limit": 20, "day": None, "all": False, "status": None}


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"limit": "007"}, {"limit": 7}, id="digits"),
        pytest.param({"all": "true"}, {"all": True}, id="true"),
        pytest.param({"all": "false"}, {"all": False}, id="false"),
        pytest.param({"status": "7"}, {"status": "7"}, id="a text of digits"),
        pytest.param({"day": "2024-02-29"}, {"day": date(2024, 2, 29)}, id="a day"),
        pytest.param({"page": "2", "": ""}, {}, id="not known"),
    ],
)
def test_texts_are_read_as_what_they_stand_for(
    texts: dict[str, str], values: dict[str, object]
) -> None:
    assert read_texts(FIELDS, texts) == (DEFAULTS | values, [])


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("limit", "", "not_a_whole_number"),
        ("limit", "1_0", "not_a_whole_number"),
        ("limit", " 5", "not_a_whole_number"),
        ("limit", "٣", "not_a_whole_number"),
        ("limit", "1.0", "not_a_whole_number"),
        ("limit", "9" * 5000, "not_a_whole_number"),
        ("limit", "0", "out_of_range"),
        ("limit", "101", "out_of_range"),
        ("limit", "-5", "out_of_range"),
        ("all", "True", "not_true_or_false"),
        ("all", "", "not_true_or_false"),
        ("status", "", "not_one_of"),
        ("day", "2023-02-29", "not_a_day"),
        ("day", "20240229", "not_a_day"),
        ("day", "2024-W09-4", "not_a_day"),
        ("day", "2024-02-29T00:00", "not_a_day"),
        ("day", "٢٠٢٤-٠٢-٢٩", "not_a_day"),
        ("day", "today", "not_a_day"),
    ],
)
def test_what_stands_for_nothing_is_named(name: str, text: str, reason: str) -> None:
    values, errors = read_texts(FIELDS, {name: text})

    assert [(error.field, error.reason) for error in errors] == [(name, reason)]
    assert name not in values


def test_a_day_in_json_is_a_text() -> None:
    with pytest.raises(Wrong, match="not_a_string"):
        Day().parse(20241122)
    assert Day().schema() == {"type": "string", "format": "date"}


@pytest.mark.parametrize(
    "address",
    ["https://a", "https://a_b.example:8443/x?y#z", "https://1.2.3.4", "https://a?b"],
)
def test_an_address_of_the_described_form_is_taken(address: str) -> None:
    assert re.search(ADDRESS, address)
    assert HttpsAddress().parse(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("https://", "https:///a", "https://?a", "https://:80", "http://a"),
        *(
            "https://a*",
            "https://a:",
            "https://me@a",
            "https://a:0",
            "https://a b",
            "https://a/\u00e9",
        ),
    ],
)
def test_what_is_refused_is_not_of_the_described_form(address: str) -> None:
    assert not re.search(ADDRESS, address)
    with pytest.raises(Wrong):
        HttpsAddress().parse(address)

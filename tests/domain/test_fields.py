"""What a value may be, what a query's texts stand for, what is suggested."""

from datetime import date

import pytest

from shared.domain.fields import MOST_UNKNOWN, Field, read_fields, read_texts
from shared.domain.specs import Choice, Day, Flag, HttpsAddress, Text, Whole, Wrong
from shared.gcp.web_address import WebAddress

FIELDS = {
    "limit": Field(spec=Whole(least=1, most=100), default=20, synonyms=("count",)),
    "day": Field(spec=Day()),
    "all": Field(spec=Flag(), default=False),
    "status": Field(spec=Choice(values=("done", "7"))),
}
CAT = "🐈"
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
    "url",
    ["https://a", "https://a_b.example:8443/x?y#z", "https://1.2.3.4", "https://a?b"],
)
def test_a_https_url_is_taken_as_it_is(url: str) -> None:
    assert HttpsAddress().parse(url) == url


@pytest.mark.parametrize(
    ("pasted", "sent"),
    [
        ("https://a.kr/사진.jpg", "https://a.kr/%EC%82%AC%EC%A7%84.jpg"),
        ("https://한국.kr/a.jpg", "https://xn--3e0b707e.kr/a.jpg"),
        ("https://한국.kr:8443/?q=값&r=%2F", None),
        ("https://bücher.de/ü?ü#ü", "https://xn--bcher-kva.de/%C3%BC?%C3%BC#%C3%BC"),
        ("https://写真.jp/猫.png", "https://xn--g7qs82g.jp/%E7%8C%AB.png"),
        ("https://a.kr/내 사진 (1).jpg", None),
        ("https://a.kr/%EC%82%AC/진.jpg", "https://a.kr/%EC%82%AC/%EC%A7%84.jpg"),
        ("https://8。8。8。8/", "https://8.8.8.8/"),
    ],
)
def test_a_url_as_people_paste_it_becomes_the_one_that_is_sent(
    pasted: str, sent: str | None
) -> None:
    encoded = HttpsAddress().parse(pasted)

    assert encoded.isascii()
    assert " " not in encoded
    assert sent in (None, encoded)
    assert WebAddress.parse(encoded) == WebAddress.parse(pasted.replace(" ", "%20"))


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "https:///a", "https://?a", "https://:80", "http://a"),
        *("https://a*", "https://a:", "https://a:0", "https://a b"),
        *("https://a:99999/", "https://[::1", "https://a/\n", " https://a/"),
        *("https://한국 .kr/", "https://한국.kr:0/", "http://me@a/"),
        *("https://a／b.kr/", "https://한국.kr\\@127.0.0.1/", "https://..한국/"),
        *("https://" + "한" * 64 + ".kr/", "https://a/\ud800", "https://a/\u2028"),
    ],
    ids=repr,
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(Wrong, match="not_https"):
        HttpsAddress().parse(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://a/" + "a" * 2048, "long_address"),
        ("https://a/" + "한" * 1000, "long_address"),
        ("https://me@a/", "with_password"),
        ("https://me:secret@a/", "with_password"),
        ("https://나@한국.kr/", "with_password"),
        ("https://127.0.0.1/a", "not_public"),
        ("https://127。0。0。1/", "not_public"),
        ("https://10.0.0.1/", "not_public"),
        ("https://169.254.169.254/computeMetadata/v1/", "not_public"),
        ("https://[::1]:8443/a", "not_public"),
        ("https://localhost/a", "not_public"),
        ("https://LOCALHOST:8443/a", "not_public"),
        ("https://app.localhost/a", "not_public"),
    ],
)
def test_a_url_that_can_never_work_is_refused_at_once_for_what_is_wrong(
    url: str, reason: str
) -> None:
    with pytest.raises(Wrong, match=reason):
        HttpsAddress().parse(url)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("x" * 20, "x" * 20, id="as long as it may be"),
        pytest.param(CAT * 10, CAT * 10, id="two code units each"),
        pytest.param("\u1112\u1161\u11ab" * 20, "\ud55c" * 20, id="composed"),
        pytest.param("a\r\n\tb\n", "a\n\tb\n", id="newlines and tab"),
        pytest.param("\u200d" + CAT, "\u200d" + CAT, id="a joiner"),
    ],
)
def test_a_text_is_composed_and_counted_as_browsers_do(value: str, text: str) -> None:
    assert Text(longest=20).parse(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *((value, "not_a_string") for value in (None, 5, "\ud83d")),
        *((value, "empty") for value in ("", " \n\t", "\u200b\u2060", "\u3164\u2800")),
        *((value, "empty") for value in ("\u0301\ufe0f", "\ufeff", "\x00")),
        *((value, "too_long") for value in ("x" * 21, CAT * 10 + "x")),
        *((f"a{c}", "control_character") for c in "\x00\x07\r\x1b\x7f\x85"),
    ],
    ids=repr,
)
def test_any_other_text_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Wrong, match=reason):
        Text(longest=20).parse(value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lmit", "limit"),
        ("statuses", "status"),
        ("count", "limit"),
        ("DAY", "day"),
        ("x", None),
        ("zzz" * 10_000, None),
    ],
    ids=lambda value: str(value)[:9],
)
def test_an_unknown_field_is_named_with_what_was_meant(
    name: str, meant: str | None
) -> None:
    (error,) = read_fields(FIELDS, {name: 1})[1]

    reason = "unknown_field_but" if meant else "unknown_field"
    assert (error.field, error.reason) == (name, reason)
    assert error.parameters == ((meant,) if meant else ())


def test_of_many_unknown_fields_the_first_are_named() -> None:
    """What each is meant to be takes time, and a body has room for thousands."""
    unknown = [f"field{n:04}" for n in range(10 * MOST_UNKNOWN)]
    errors = read_fields(FIELDS, dict.fromkeys([*unknown, "limit"], 0))[1]

    assert [e.field for e in errors] == [*unknown[:MOST_UNKNOWN], "limit"]


def test_a_wrong_choice_is_answered_with_what_was_meant() -> None:
    with pytest.raises(Wrong) as caught:
        Choice(values=("auto", "gemini-veo-3.1")).parse("veo")

    assert caught.value.parameters == ("auto, gemini-veo-3.1", "gemini-veo-3.1")

"""Parsing and validating fields of bodies and queries, and suggesting names."""

from datetime import date

import pytest

from shared.domain.errors import FieldError, InvalidRequest
from shared.domain.fields import (
    MAX_SHOWN_LENGTH,
    MAX_UNKNOWN,
    Field,
    read_fields,
    read_texts,
)
from shared.domain.https_address import HttpsAddress
from shared.domain.request import VideoRequest
from shared.domain.specs import Choice, Day, Flag, Text, Whole, Wrong, nearest
from shared.gcp.web_address import WebAddress

FIELDS = {
    "limit": Field(spec=Whole(minimum=1, maximum=100), default=20, synonyms=("count",)),
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
        pytest.param({"page": "2", "": ""}, {}, id="unknown"),
    ],
)
def test_a_querys_texts_become_values(
    texts: dict[str, str], values: dict[str, object]
) -> None:
    assert read_texts(FIELDS, texts) == DEFAULTS | values


def wrong(body: dict[str, object]) -> tuple[FieldError, ...]:
    with pytest.raises(InvalidRequest) as caught:
        read_fields(FIELDS, body)
    return caught.value.errors


NO_VALUES = {
    ("limit", "not_a_whole_number"): ["", "1_0", " 5", "٣", "1.0", "9" * 5000],
    ("limit", "out_of_range"): ["0", "101", "-5"],
    ("all", "not_true_or_false"): ["True", ""],
    ("status", "not_one_of"): [""],
    ("day", "not_a_day"): [
        *("2023-02-29", "20240229", "2024-W09-4", "2024-02-29T00:00"),
        *("٢٠٢٤-٠٢-٢٩", "today"),
    ],
}


@pytest.mark.parametrize(
    ("name", "reason", "text"),
    [(*of, text) for of, texts in NO_VALUES.items() for text in texts],
)
def test_a_text_that_is_no_value_is_reported_with_its_reason(
    name: str, reason: str, text: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_texts(FIELDS, {name: text})

    assert [(e.field, e.reason) for e in caught.value.errors] == [(name, reason)]


def test_a_day_in_json_is_a_string() -> None:
    with pytest.raises(Wrong, match="not_a_string"):
        Day().parse(20241122)
    assert Day().schema() == {"type": "string", "format": "date"}


@pytest.mark.parametrize(
    "url",
    [
        "https://a.kr",
        "https://a_b.example:8443/x?y#z",
        "https://1.2.3.4",
        "https://a.kr?b",
    ],
)
def test_an_https_url_is_kept_as_it_is(url: str) -> None:
    assert HttpsAddress().parse(url) == url


@pytest.mark.parametrize(
    ("pasted", "sent"),
    [
        ("https://a.kr/사진.jpg", "https://a.kr/%EC%82%AC%EC%A7%84.jpg"),
        ("https://한국.kr/a.jpg", "https://xn--3e0b707e.kr/a.jpg"),
        ("https://한국.kr:8443/?q=값&r=%2F", None),
        ("https://bücher.de/ü?ü#ü", "https://xn--bcher-kva.de/%C3%BC?%C3%BC#%C3%BC"),
        ("https://写真.jp/猫.png", "https://xn--g7qs82g.jp/%E7%8C%AB.png"),
        # IDNA of 2003, which Python knows, would name the hosts strasse and βόλοσ, and
        # drop the joiner in the Persian one.
        ("https://www.Straße.de/a.jpg", "https://www.xn--strae-oqa.de/a.jpg"),
        ("https://STRAẞE.de/a.jpg", "https://xn--strae-oqa.de/a.jpg"),
        ("https://stra\u00adße.de/a.jpg", "https://xn--strae-oqa.de/a.jpg"),
        ("https://βόλος。gr/a.jpg", "https://xn--nxasmm1c.gr/a.jpg"),
        ("https://ΠΟΛΙΣ-Αθήνας.gr/", "https://xn----tlbib7adnvlj5af.gr/"),
        ("https://نامه\u200cای.com/", "https://xn--mgba3gch31f060k.com/"),
        ("https://क\u094d\u200dष.in/", "https://xn--11b2ezcw70k.in/"),
        ("https://a.kr/내 사진 (1).jpg", None),
        ("https://a.kr/%EC%82%AC/진.jpg", "https://a.kr/%EC%82%AC/%EC%A7%84.jpg"),
        ("https://8。8。8。8/", "https://8.8.8.8/"),
    ],
)
def test_a_pasted_url_is_encoded_as_browsers_do(pasted: str, sent: str | None) -> None:
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
        # Their length is not what is wrong with them.
        *("data:image/png;base64," + "A" * 2048, "iVBORw0KGgo" * 200),
        pytest.param(
            "https://a.kr/" + "\u0301\u0316" * 16, id="too many combining marks"
        ),
    ],
    ids=lambda url: repr(url[:40]),
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(Wrong, match="not_https"):
        HttpsAddress().parse(url)


NEVER_WORKS = {
    "long_address": [
        *("https://a/" + "a" * 2048, "https://a/" + "한" * 1000),
        "HTTPS://a/" + "a" * 2048,
    ],
    "with_password": ["https://me@a/", "https://me:secret@a/", "https://나@한국.kr/"],
    "not_public": [
        *("https://127.0.0.1/a", "https://127。0。0。1/", "https://127.1/"),
        *("https://0x7f000001:8443/", "https://2130706433/", "https://[::1]:8443/a"),
        *("https://localhost/a", "https://LOCALHOST:8443/a", "https://app.localhost/a"),
        *("https://10.0.0.1/", "https://nas.lan/a", "https://metadata/"),
        "https://169.254.169.254/computeMetadata/v1/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://METADATA.google.internal./",
    ],
}


@pytest.mark.parametrize(
    ("reason", "url"),
    [(reason, url) for reason, urls in NEVER_WORKS.items() for url in urls],
)
def test_a_url_that_can_never_work_is_refused_with_its_reason(
    reason: str, url: str
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
def test_a_text_is_normalized_and_counted_in_utf16_units(value: str, text: str) -> None:
    assert Text(max_units=20).parse(value) == text


def test_a_long_run_of_combining_marks_is_not_reordered() -> None:
    """Else one text keeps a whole process busy: sorting them takes quadratic time."""
    few, many = ("a" + "\u0301\u0316" * n for n in (15, 16))

    assert Text(max_units=99).parse(few) == "\u00e1" + "\u0316" * 15 + "\u0301" * 14
    assert Text(max_units=99).parse(many) == many
    # U+0F73 isn't counted as a combining mark until it is decomposed.
    assert Text(max_units=99).parse("a" + "\u0f73" * 31) == "a" + "\u0f73" * 31


def test_a_far_too_long_text_is_not_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    def compose(*_: object) -> str:
        raise AssertionError("composed")

    with monkeypatch.context() as patch, pytest.raises(Wrong, match="too_long"):
        patch.setattr("unicodedata.normalize", compose)
        Text(max_units=20).parse("\u1f82" * 81)


def test_a_host_longer_than_any_dns_name_is_not_encoded() -> None:
    """IDNA may turn a letter into eighteen, and then takes quadratic time."""
    with pytest.raises(Wrong, match="not_https"):
        HttpsAddress().parse("https://" + "ä." * 126 + "de/")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *((value, "not_a_string") for value in (None, 5, "\ud83d")),
        *((value, "empty") for value in ("", " \n\t", "\u200b\u2060", "\u3164\u2800")),
        *((value, "empty") for value in ("\ufffc", "\U0001d159")),
        *((value, "empty") for value in ("\u0301\ufe0f", "\ufeff", "\x00")),
        *((value, "too_long") for value in ("x" * 21, CAT * 10 + "x")),
        *((f"a{c}", "control_character") for c in "\x00\x07\r\x1b\x7f\x85"),
    ],
    ids=repr,
)
def test_any_other_text_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Wrong, match=reason):
        Text(max_units=20).parse(value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lmit", "limit"),
        ("statuses", "status"),
        ("count", "limit"),
        ("DAY", "day"),
        ("x", None),
    ],
)
def test_an_unknown_field_gets_a_suggestion(name: str, meant: str | None) -> None:
    (error,) = wrong({name: 1})

    reason = "unknown_field_but" if meant else "unknown_field"
    assert (error.field, error.reason) == (name, reason)
    assert error.parameters == ((meant,) if meant else ())


def test_a_field_of_one_letter_is_not_suggested_for_a_longer_name() -> None:
    assert nearest("resolution", ["n", "size"]) is None
    assert nearest("N", ["n", "size"]) == "n"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *((name, "duration") for name in ("durration", "durations", "video_duration")),
        ("webhookUrl", "webhook_url"),
        ("lastImage", "last_image"),
        ("first_image", "image"),
    ],
)
def test_a_suggestion_is_the_most_alike_of_a_requests_fields(
    name: str, meant: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        VideoRequest.parse({"prompt": "x", name: 1})

    assert refused.value.errors[0].parameters == (meant,)


def test_only_the_beginning_of_a_long_unknown_field_is_shown() -> None:
    """It may be most of a body of 30 MB, and errors are written in several forms."""
    (error,) = wrong({"zzz" * 10_000: 1})

    assert error.field == "z" * MAX_SHOWN_LENGTH + "…"


def test_only_the_first_of_many_unknown_fields_are_reported() -> None:
    """A suggestion for each takes time, and a body has room for thousands."""
    unknown = [f"field{n:04}" for n in range(10 * MAX_UNKNOWN)]
    errors = wrong(dict.fromkeys([*unknown, "limit"], 0))

    assert [e.field for e in errors] == [*unknown[:MAX_UNKNOWN], "limit"]


def test_a_choice_nested_too_deeply_to_print_is_refused() -> None:
    nested: list[object] = []
    for _ in range(10_000):
        nested = [nested]

    with pytest.raises(Wrong):
        Choice(values=("auto",)).parse(nested)


def test_a_wrong_choice_is_reported_with_a_suggestion() -> None:
    with pytest.raises(Wrong) as caught:
        Choice(values=("auto", "gemini-veo-3.1")).parse("veo")

    assert caught.value.parameters == ("auto, gemini-veo-3.1", "gemini-veo-3.1")

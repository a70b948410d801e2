"""A downloaded video's name is readable, and safe in headers and file systems."""

import re
import unicodedata
from datetime import date
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from shared.domain.file_name import MAX_WORDS_BYTES, attachment, file_name

DAY = date(2026, 11, 28)
HOSTILE = (
    '"; filename=evil.exe\r\nSet-Cookie: a=b',
    "../../etc/passwd\\..\\C:\\CON",
    "\u202efdp.exe\u2066\u200f",
    "...hidden. . .",
    "%2e%2e%2f %00 \x00 \ud800",
    "\u3164\u115f\u2800 \u200b",
    "COM\u00b9 NUL aux",
)
PROMPTS = st.sampled_from(HOSTILE) | st.text(max_size=400)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("The raccoon looks up, and waves!", "The-raccoon-looks-up-and-waves"),
        ("너구리가 고개를 들고 손을 흔든다 🐈", "너구리가-고개를-들고-손을-흔든다"),
        ("It's the raccoon\u2019s day", "Its-the-raccoons-day"),
        ("ภาพนิ่ง \u0928\u0940", "ภาพนิ่ง-\u0928\u0940"),
        ("❤️ 4K\n1/2", "4K-1-2"),
        ("a " * 200, ("a-" * 60)[:-1]),
        ("word " * 23 + "isnotwhole", "word-" * 22 + "word"),
        ("가" * 200, "가" * 40),
    ],
)
def test_a_name_is_the_date_and_the_prompts_beginning(prompt: str, name: str) -> None:
    assert file_name(DAY, prompt) == f"2026-11-28-{name}.mp4"


@pytest.mark.parametrize("prompt", ["🐈", "...", "\u0301", "\u3164"])
def test_a_prompt_without_letters_leaves_only_the_date(prompt: str) -> None:
    assert file_name(DAY, prompt) == "2026-11-28.mp4"


@pytest.mark.parametrize(
    ("prompt", "header"),
    [
        ("A cat", 'attachment; filename="2026-11-28-A-cat.mp4"'),
        (
            "고양이 cat",
            'attachment; filename="2026-11-28-cat.mp4"; '
            "filename*=UTF-8''2026-11-28-%EA%B3%A0%EC%96%91%EC%9D%B4-cat.mp4",
        ),
        (
            "Café",
            'attachment; filename="2026-11-28-Cafe.mp4"; '
            "filename*=UTF-8''2026-11-28-Caf%C3%A9.mp4",
        ),
    ],
)
def test_a_header_has_an_ascii_name_and_if_needed_the_full_one(
    prompt: str, header: str
) -> None:
    assert attachment(DAY, prompt) == header


@given(PROMPTS)
def test_no_prompt_makes_an_unsafe_name(prompt: str) -> None:
    name = file_name(DAY, prompt)

    stem = name.removesuffix(".mp4")
    kinds = {unicodedata.category(c)[0] for c in stem.replace("-", "")}
    assert kinds <= {"L", "M", "N"}, "no controls, bidi overrides, quotes or separators"
    assert stem.startswith("2026-11-28") and not stem.endswith("-")
    assert len(stem.encode()) <= len("2026-11-28-") + MAX_WORDS_BYTES


@given(PROMPTS)
def test_common_parsers_find_a_name_in_the_header(prompt: str) -> None:
    header = attachment(DAY, prompt)

    plain = r'attachment; filename="2026-11-28[A-Za-z0-9-]*\.mp4"'
    assert re.fullmatch(rf"{plain}(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?", header)
    assert parse_options_header(header)[1]["filename"] == file_name(DAY, prompt)
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_filename() is not None

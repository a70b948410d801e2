"""Which prompts are translated, at which price, and which answers are accepted."""

import json
from decimal import Decimal

import pytest

from shared.domain.catalogue import DEFAULT_TEXT_MODEL, TEXT_MODELS
from shared.domain.errors import ErrorCode
from shared.domain.prompt_translation import (
    Translation,
    max_output_tokens,
    max_price_usd,
    max_translation_units,
    may_be_foreign,
    price_usd,
    read_answer,
)
from tests.domain.prices import TEXT_MODEL

KOREAN = "고양이가 창밖을 바라본다 🐈"
MODEL = TEXT_MODELS[DEFAULT_TEXT_MODEL]


@pytest.mark.parametrize(
    "prompt",
    [
        KOREAN,
        "the camera follows 고양이",
        "猫が窓の外を見ている",
        "Кот смотрит в окно",
        "قطة تنظر من النافذة",
        "Die Katze schaut aus dem Fenster und miaut",
        "El gato mira por la ventana",
        "Kedi ve fare dans ediyor",
        "Katten ser ud af vinduet til solen",
        "Un chat regarde par la fenêtre",
    ],
)
def test_a_prompt_in_another_language_is_translated(prompt: str) -> None:
    assert may_be_foreign(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "The raccoon looks up and waves",
        "They've seen the sea, and we’ve not",
        "Dance ’til dawn",
        "slow zoom in, 35 mm, f/1.8 🐈",
        "“Quoted” — dashes … and 100 %",
        "🐈🐈🐈",
    ],
)
def test_an_english_prompt_is_not_translated(prompt: str) -> None:
    assert not may_be_foreign(prompt)


def an_answer(english: object = "A cat", language: object = "ko") -> str:
    return json.dumps({"language": language, "english": english})


def test_a_valid_translation_is_accepted() -> None:
    read = read_answer(an_answer("A cat: “안녕”"), KOREAN, max_units=1000)

    assert read == Translation(text="A cat: “안녕”", language="ko")


@pytest.mark.parametrize("language", ["en", "en-GB"])
def test_a_prompt_that_is_english_after_all_is_not_changed(language: str) -> None:
    read = read_answer(an_answer("Rewritten", language), KOREAN, max_units=1000)

    assert read == Translation(language=language)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Here is the translation: a cat",
        '{"language": "ko", "english": "a c',
        "[" * 100_000,
        "[]",
        "null",
        json.dumps({"english": "A cat"}),
        an_answer(language="Korean, I think"),
        an_answer(None),
        an_answer(["A cat"]),
        an_answer(""),
        an_answer("\u3164"),
        an_answer("A\x00cat"),
        an_answer("\ud800"),
        an_answer(KOREAN),
        an_answer("x" * 1001),
        an_answer("Certainly! Here is a poem about cats. " * 10),
    ],
)
def test_an_answer_that_cannot_be_a_translation_is_rejected(answer: str) -> None:
    read = read_answer(answer, KOREAN, max_units=1000)

    assert read.text is None
    assert read.problem
    assert read.problem.code is ErrorCode.BAD_OUTPUT


def test_a_translation_keeps_within_the_limits_that_the_prompt_meets() -> None:
    assert max_translation_units("가" * 1000, [1000, 2000]) == 1000
    assert max_translation_units("가" * 1001, [1000, 2000]) == 2000
    assert max_translation_units("😀" * 501, [1000, 2000]) == 2000
    assert max_translation_units("가" * 10, []) == 10


def test_the_price_is_rounded_up_to_the_millionth() -> None:
    assert price_usd(TEXT_MODEL, 312, 41) == Decimal("0.000197")  # 0.0001961


@pytest.mark.parametrize("prompt", ["가", "가" * 2000, "😀" * 1000])
def test_no_translation_costs_more_than_its_hold(prompt: str) -> None:
    one_token_a_byte = len(prompt.encode()) + 1000

    most_expensive = price_usd(MODEL, one_token_a_byte, max_output_tokens(prompt))
    assert most_expensive <= max_price_usd(MODEL, prompt) < Decimal("0.01")

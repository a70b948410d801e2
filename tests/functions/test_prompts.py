"""Prompts over HTTP: as people write them, and translated for review."""

import unicodedata

import pytest
from flask.testing import FlaskClient

from shared.domain.errors import ErrorCode, Problem
from shared.domain.prompt_translation import Translation
from tests.domain.examples import a_body
from tests.fakes.translator import A_CAT, FakeTranslator
from tests.functions.calling import ANN
from tests.usecases.harness import Harness

KOREAN = "고양이가 창밖을 바라본다 🐈"


@pytest.fixture
def harness() -> Harness:
    return Harness(translator=FakeTranslator())


def test_a_korean_prompt_comes_back_in_english(client: FlaskClient) -> None:
    answer = client.post("/v1/prompts", json={"prompt": KOREAN}, headers=ANN)

    assert answer.status_code == 200
    assert answer.get_json() == {"prompt": A_CAT, "language": "ko", "translated": True}


@pytest.mark.parametrize(
    ("made", "language"),
    [
        (Translation(language="en"), "en"),
        (Translation(problem=Problem(code=ErrorCode.BAD_OUTPUT)), None),
    ],
)
def test_what_is_not_translated_comes_back_as_it_is(
    client: FlaskClient, harness: Harness, made: Translation, language: str | None
) -> None:
    assert harness.translator
    harness.translator.answer = made

    answer = client.post("/v1/prompts", json={"prompt": KOREAN}, headers=ANN)

    shown = {"prompt": KOREAN, "language": language, "translated": False}
    assert answer.get_json() == shown


def test_without_a_model_it_is_said_in_the_readers_language(
    client: FlaskClient, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared import wiring

    without = Harness().translate_prompt
    monkeypatch.setattr(wiring, "translate_prompt", lambda: without)
    headers = {**ANN, "Accept-Language": "ko"}

    answer = client.post("/v1/prompts", json={"prompt": KOREAN}, headers=headers)

    shown = answer.get_json(force=True)
    assert (answer.status_code, shown["code"]) == (501, "not_configured")
    assert shown["detail"].startswith("프롬프트를 번역할 모델이 설정되지 않았습니다")


@pytest.mark.parametrize("path", ["/v1/prompts", "/v1/videos"])
@pytest.mark.parametrize(
    "prompt",
    ["", " \n", "\u3164\u3164", "\u200b", "\u2800", "\u0301\u0301", "\ufeff", "a\x00b"],
    ids=ascii,
)
def test_a_prompt_that_shows_nothing_or_holds_controls_is_refused(
    client: FlaskClient, harness: Harness, path: str, prompt: str
) -> None:
    body = a_body(prompt=prompt) if path == "/v1/videos" else {"prompt": prompt}

    answer = client.post(path, json=body, headers=ANN)

    [error] = answer.get_json(force=True)["errors"]
    assert (answer.status_code, error["field"]) == (422, "prompt")
    assert harness.translator
    assert not harness.translator.asked
    assert not harness.jobs.all


def test_decomposed_korean_is_counted_sent_and_compared_as_it_reads(
    client: FlaskClient,
) -> None:
    syllables = "한" * 1000
    spellings = [unicodedata.normalize(form, syllables) for form in ("NFD", "NFC")]
    headers = {**ANN, "Idempotency-Key": "k"}

    first, second = [
        client.post("/v1/videos", json=a_body(prompt=prompt), headers=headers)
        for prompt in spellings
    ]

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.get_json()["prompt"] == syllables


def test_a_prompt_too_long_for_runway_goes_to_the_others(client: FlaskClient) -> None:
    shown = client.post(
        "/v1/estimates", json=a_body(prompt="가" * 1001), headers=ANN
    ).get_json()
    skipped = {each["ai_model"]: each["skipped"] for each in shown["links"]}

    assert skipped == {
        "runway": "unsupported",
        "runway-http": "unsupported",
        "gemini-veo-3.1": None,
        "gemini-omni-flash": None,
    }


def test_whether_to_translate_is_part_of_the_request(client: FlaskClient) -> None:
    headers = {**ANN, "Idempotency-Key": "k"}
    for translate, status in (("auto", 202), ("off", 422)):
        body = a_body(prompt=KOREAN, translate=translate)
        answer = client.post("/v1/videos", json=body, headers=headers)
        assert answer.status_code == status

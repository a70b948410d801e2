"""Prompts over HTTP, translated for review or refused."""

import pytest
from flask.testing import FlaskClient

from shared.domain.errors import ErrorCode, Problem
from shared.domain.prompt_translation import Translation
from shared.wiring import use_cases
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
        (Translation(problem=Problem(code=ErrorCode.OUTPUT_FILTERED)), None),
    ],
)
def test_a_prompt_that_is_not_translated_comes_back_unchanged(
    client: FlaskClient, harness: Harness, made: Translation, language: str | None
) -> None:
    assert harness.translator
    harness.translator.answer = made

    answer = client.post("/v1/prompts", json={"prompt": KOREAN}, headers=ANN)

    shown = {"prompt": KOREAN, "language": language, "translated": False}
    assert answer.get_json() == shown


def test_without_a_model_the_refusal_is_in_the_readers_language(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = Harness().translate_prompt
    monkeypatch.setattr(use_cases, "translate_prompt", lambda: without)
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
def test_a_prompt_that_is_invisible_or_has_control_characters_is_refused(
    client: FlaskClient, harness: Harness, path: str, prompt: str
) -> None:
    body = a_body(prompt=prompt) if path == "/v1/videos" else {"prompt": prompt}

    answer = client.post(path, json=body, headers=ANN)

    [error] = answer.get_json(force=True)["errors"]
    assert (answer.status_code, error["field"]) == (422, "prompt")
    assert harness.translator
    assert not harness.translator.requests
    assert not harness.jobs.all

"""Everything that we can say is there in English and Korean."""

import ast
import re
from pathlib import Path

import pytest

from shared.domain import fields, messages, request
from shared.domain.catalogue import Link
from shared.domain.errors import ErrorCode, FieldError, Refused
from shared.domain.job import Language
from tests.fakes.refusals import every_refusal

KOREAN = re.compile("[가-힣]")
EN, KO = Language.ENGLISH, Language.KOREAN


@pytest.mark.parametrize("link", [None, *Link])
@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_sentence_in_both_languages(
    code: ErrorCode, link: Link | None
) -> None:
    english = messages.describe(code, EN, link)
    korean = messages.describe(code, KO, link)

    assert KOREAN.search(korean) and not KOREAN.search(english)
    assert "{" not in english + korean


@pytest.mark.parametrize(
    ("code", "link", "beginning"),
    [
        (ErrorCode.ACCESS_DENIED, Link.VEO, "Gemini Veo 3.1 사용 권한이 없습니다"),
        (
            ErrorCode.MODEL_UNAVAILABLE,
            Link.VEO,
            "Gemini Veo 3.1 API를 사용할 수 없습니다",
        ),
        (ErrorCode.ALL_PROVIDERS_FAILED, None, "모든 영상 생성 API 실패"),
    ],
)
def test_the_promised_korean_sentences_begin_as_promised(
    code: ErrorCode, link: Link | None, beginning: str
) -> None:
    assert messages.describe(code, KO, link).startswith(beginning)


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
def test_every_refusal_has_a_sentence_in_both_languages(refused: Refused) -> None:
    assert KOREAN.search(messages.describe_refusal(refused, KO))
    assert not KOREAN.search(messages.describe_refusal(refused, EN))


def reasons_in(module: str) -> set[str]:
    """Every reason that the source of `module` gives for a wrong field."""
    found = set()
    for node in ast.walk(ast.parse(Path(module).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            values = [k.value for k in node.keywords if k.arg == "reason"]
            if node.func.id == "Wrong":
                values = node.args[:1]
            found |= {v.value for v in values if isinstance(v, ast.Constant)}
    return {str(reason) for reason in found}


REASONS = reasons_in(str(fields.__file__)) | reasons_in(str(request.__file__))


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_wrong_field_has_a_sentence_in_both_languages(reason: str) -> None:
    error = FieldError(field="duration", reason=reason, parameters=(3, 10))

    assert KOREAN.search(messages.describe_field(error, KO))
    assert not KOREAN.search(messages.describe_field(error, EN))


def test_a_sentence_about_a_field_names_its_limits() -> None:
    error = FieldError(field="duration", reason="out_of_range", parameters=(3, 10))

    assert messages.describe_field(error, EN) == "must be from 3 to 10"

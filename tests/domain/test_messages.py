"""Every message has a sentence in English and in Korean."""

import ast
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from functions.http.problems import codes_by_status
from shared.domain import circuit, messages, refusals
from shared.domain.catalogue import ProviderId, Unsupported
from shared.domain.circuit import Circuit
from shared.domain.errors import (
    ABOVE_CAP,
    ALL_UNSUPPORTED,
    NOT_IN_CHAIN,
    TOO_EXPENSIVE,
    AccessProblem,
    ApiError,
    Conflict,
    ConflictReason,
    ErrorCode,
    FieldError,
    Forbidden,
    ImageFault,
    JobQuota,
    LimitReached,
    MissingFeature,
    NotOffered,
    Problem,
    TokenProblem,
    TooLarge,
    TooManyJobs,
    Unauthenticated,
)
from shared.domain.job import Language
from shared.domain.ledger import HOLDS_RETRY_AFTER
from tests.domain.examples import NOON
from tests.fakes.refusals import every_refusal

KOREAN = re.compile("[가-힣]")
EN, KO = Language.ENGLISH, Language.KOREAN


@pytest.mark.parametrize("provider_id", [None, *ProviderId])
@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_sentence_in_both_languages(
    code: ErrorCode, provider_id: ProviderId | None
) -> None:
    english = messages.describe(code, EN, provider_id)
    korean = messages.describe(code, KO, provider_id)

    assert KOREAN.search(korean) and not KOREAN.search(english)
    assert "{" not in english + korean
    assert english[0].isupper() and "The provider" not in english[1:]
    # A Korean particle is never written in both forms for the reader to choose from.
    assert not re.search(r"이\(가\)|은\(는\)|을\(를\)|[가-힣]/[가-힣]", korean)


def test_each_sentence_belongs_to_something_that_is_said() -> None:
    reasons = (ConflictReason, TokenProblem, AccessProblem, MissingFeature, JobQuota)
    details = (*Unsupported, NOT_IN_CHAIN, TOO_EXPENSIVE, ABOVE_CAP, ALL_UNSUPPORTED)

    assert messages.SENTENCES["codes"].keys() == {*ErrorCode}
    assert messages.SENTENCES["image_faults"].keys() == {*ImageFault}
    assert messages.SENTENCES["details"].keys() | messages._CIRCUITS.keys() <= {
        *ErrorCode
    }
    assert {key for each in messages._DETAILS.values() for key in each} == {*details}
    assert messages.SENTENCES["reasons"].keys() == {r for kind in reasons for r in kind}
    assert refusals._REFUSALS.keys() <= {
        code for codes in codes_by_status().values() for code in codes
    }


@pytest.mark.parametrize("provider_id", ProviderId)
@pytest.mark.parametrize("language", Language)
def test_each_reason_why_a_provider_is_unsupported_has_its_own_sentence(
    language: Language, provider_id: ProviderId
) -> None:
    details = ["gen4_turbo does not make 1080p", *Unsupported]
    problems = [Problem(code=ErrorCode.UNSUPPORTED, detail=each) for each in details]

    sentences = [messages.describe_problem(p, language, provider_id) for p in problems]

    # A detail that an earlier release recorded gets the general sentence.
    assert sentences[0] == messages.describe(
        ErrorCode.UNSUPPORTED, language, provider_id
    )
    assert len(set(sentences)) == len(details)
    assert all(bool(KOREAN.search(each)) is (language is KO) for each in sentences)


@pytest.mark.parametrize("provider_id", [ProviderId.RUNWAY_HTTP, ProviderId.VEO])
@pytest.mark.parametrize("code", ErrorCode)
def test_a_stored_message_is_translated_into_the_other_language(
    code: ErrorCode, provider_id: ProviderId
) -> None:
    for problem in messages._problems(code, "until 12:05 UTC"):
        english = messages.describe_problem(problem, EN, provider_id)
        korean = messages.describe_problem(problem, KO, provider_id)

        assert KOREAN.search(korean) and not KOREAN.search(english)
        assert messages.localize_message(english, code, KO, provider_id) == korean
        assert messages.localize_message(korean, code, EN, provider_id) == english


C = ErrorCode
DENIED = circuit.opened(Circuit(key="vendor.runway"), C.ACCESS_DENIED, NOON)


MESSAGES = {
    "an open circuit: why and until when": (
        circuit.problem(DENIED),
        ProviderId.RUNWAY,
        "Runway is skipped until 12:05 UTC, because it denied access",
    ),
    "a provider of the same vendor: not asked": (
        Problem(code=C.ACCESS_DENIED, detail="skipped_after runway"),
        ProviderId.RUNWAY_HTTP,
        "Runway (HTTP) is not asked, because it is the same account as Runway. "
        "No permission to use Runway:",
    ),
    "no provider can make it, whatever the keys": (
        Problem(code=C.ALL_PROVIDERS_FAILED, detail=ALL_UNSUPPORTED),
        None,
        "No provider can make this video. `attempts` says what each one can't do: "
        "change the request.",
    ),
    "above a cap: not better tomorrow": (
        Problem(code=C.DAILY_LIMIT_REACHED, detail=ABOVE_CAP),
        ProviderId.VEO,
        "This video costs more at Gemini Veo 3.1 than the daily spending limit "
        "allows in all.",
    ),
}


@pytest.mark.parametrize(
    ("problem", "provider_id", "beginning"), MESSAGES.values(), ids=MESSAGES
)
def test_a_message_contains_what_the_problem_knows(
    problem: Problem, provider_id: ProviderId | None, beginning: str
) -> None:
    sentence = messages.describe_problem(problem, EN, provider_id)

    assert sentence.startswith(beginning)


@pytest.mark.parametrize("reason", ErrorCode)
def test_each_reason_to_open_a_circuit_has_a_sentence(reason: ErrorCode) -> None:
    opens = {*circuit._REJECTIONS, *circuit._NOT_SENT, ErrorCode.SUBMISSION_UNKNOWN}
    healthy = {
        c for c, v in circuit._REJECTIONS.items() if v is circuit.Verdict.HEALTHY
    }

    assert reason in messages._CIRCUITS or reason not in opens - healthy


def test_the_message_about_a_large_body_names_the_limit() -> None:
    refused = TooLarge(65536)

    assert refusals.describe_refusal(refused, EN).endswith("at most 65,536 bytes.")
    assert "65,536바이트" in refusals.describe_refusal(refused, KO)


@pytest.mark.parametrize(
    ("problem", "beginning"),
    [
        (Problem(code=C.ACCESS_DENIED), "Gemini Veo 3.1 사용 권한이 없습니다"),
        (Problem(code=C.MODEL_UNAVAILABLE), "Gemini Veo 3.1 API를 사용할 수 없습니다"),
        (Problem(code=C.ALL_PROVIDERS_FAILED), "모든 영상 생성 API 실패"),
        (
            Problem(code=C.ALL_PROVIDERS_FAILED, detail=ALL_UNSUPPORTED),
            "모든 영상 생성 API 실패",
        ),
    ],
)
def test_the_promised_korean_sentences_begin_as_promised(
    problem: Problem, beginning: str
) -> None:
    sentence = messages.describe_problem(problem, KO, ProviderId.VEO)

    assert sentence.startswith(beginning)


def test_korean_sentences_have_one_word_for_a_video() -> None:
    assert "동영상" not in str(messages.SENTENCES)


@pytest.mark.parametrize(
    ("provider_id", "made", "asked"),
    [
        (ProviderId.RUNWAY, "Runway가", "Runway는"),
        (ProviderId.RUNWAY_HTTP, "Runway (HTTP)가", "Runway (HTTP)는"),
        (ProviderId.VEO, "Gemini Veo 3.1이", "Gemini Veo 3.1은"),
        (ProviderId.OMNI, "Gemini Omni가", "Gemini Omni는"),
        (None, "제공업체가", "제공업체는"),
    ],
)
def test_a_providers_name_gets_the_right_korean_particle(
    provider_id: ProviderId | None, made: str, asked: str
) -> None:
    refused = messages.describe(ErrorCode.PROMPT_REFUSED, KO, provider_id)
    unsupported = messages.describe(ErrorCode.UNSUPPORTED, KO, provider_id)

    assert refused.startswith(f"{made} ")
    assert unsupported.startswith(f"{asked} ")


@pytest.mark.parametrize(
    ("limit", "word", "period"),
    [
        (ErrorCode.DAILY_LIMIT_REACHED, "daily", "일일"),
        (ErrorCode.MONTHLY_LIMIT_REACHED, "monthly", "월간"),
    ],
)
def test_a_cap_that_open_jobs_hold_suggests_a_retry_in_a_minute(
    limit: ErrorCode, word: str, period: str
) -> None:
    held = LimitReached(limit, HOLDS_RETRY_AFTER)
    spent = LimitReached(limit, timedelta(hours=5))

    english = refusals.describe_refusal(held, EN)
    assert english.endswith(f"{word} limit. Try again in a minute.")
    korean = refusals.describe_refusal(held, KO)
    assert period in korean and "1분 뒤" in korean
    assert refusals.describe_refusal(spent, EN) == messages.describe(limit, EN)


REASONS: Sequence[ApiError] = (
    *(Conflict(reason=state) for state in ConflictReason),
    *(Unauthenticated(reason=token) for token in TokenProblem),
    *(Forbidden(reason=access) for access in AccessProblem),
    *(NotOffered(reason=missing) for missing in MissingFeature),
    *(TooManyJobs(reason=quota) for quota in JobQuota),
)


@pytest.mark.parametrize("language", Language)
def test_each_reason_for_a_refusal_has_its_own_sentence(language: Language) -> None:
    sentences = {refusals.describe_refusal(refused, language) for refused in REASONS}

    assert len(sentences) == len(REASONS)
    assert all(bool(KOREAN.search(each)) is (language is KO) for each in sentences)


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
def test_every_refusal_has_a_sentence_in_both_languages(refused: ApiError) -> None:
    assert KOREAN.search(refusals.describe_refusal(refused, KO))
    assert not KOREAN.search(refusals.describe_refusal(refused, EN))


def reasons_in(source: Path) -> set[str]:
    """Every reason for a wrong field that the source file mentions."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            values: list[ast.expr] = []
            if node.func.id == "FieldError":
                values = [k.value for k in node.keywords if k.arg == "reason"]
            if node.func.id == "Wrong":
                values = node.args[:1]
            found |= {v.value for v in values if isinstance(v, ast.Constant)}
    return {str(reason) for reason in found}


SOURCES = [
    *Path("shared/domain").glob("*.py"),
    *Path("shared/usecases").glob("*.py"),
    *Path("functions").rglob("*.py"),
]


def test_reasons_for_wrong_fields_and_their_sentences_match() -> None:
    given = {reason for source in SOURCES for reason in reasons_in(source)}

    assert given == set(refusals.FIELDS)


@pytest.mark.parametrize("reason", refusals.FIELDS)
def test_every_wrong_field_has_a_sentence_in_both_languages(reason: str) -> None:
    error = FieldError(field="duration", reason=reason, parameters=(3, 10, 99))

    assert KOREAN.search(refusals.describe_field(error, KO))
    assert not KOREAN.search(refusals.describe_field(error, EN))


@pytest.mark.parametrize(
    ("reason", "parameters", "sentence"),
    [
        ("out_of_range", (0, 4_294_967_295), "must be from 0 to 4,294,967,295"),
        ("not_a_size", (16,), "must be from 1 byte to 16 MB"),
        ("unknown_field_but", ("a",), "is not a known field; did you mean `a`?"),
    ],
)
def test_a_sentence_about_a_field_names_its_limits(
    reason: str, parameters: tuple[object, ...], sentence: str
) -> None:
    error = FieldError(field="size", reason=reason, parameters=parameters)

    assert refusals.describe_field(error, EN) == sentence


@pytest.mark.parametrize("language", Language)
def test_a_vendors_text_is_not_mistaken_for_our_message(language: Language) -> None:
    code, by = ErrorCode.PROVIDER_ERROR, ProviderId.RUNWAY

    for words in ("skipped_after nobody", "access_denied until 10:00", "above_cap"):
        problem = Problem(code=code, detail=words)
        sentence = messages.describe_problem(problem, language, by)
        assert sentence == messages.describe(code, language, by)

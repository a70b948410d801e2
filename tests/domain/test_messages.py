"""Everything that we can say is there in English and Korean."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain import circuit, messages, refusals
from shared.domain.catalogue import ProviderId, Unsupported
from shared.domain.circuit import Circuit
from shared.domain.errors import (
    ABOVE_CAP,
    ALL_UNSUPPORTED,
    AccessProblem,
    ApiError,
    Conflict,
    ConflictReason,
    ErrorCode,
    FieldError,
    Forbidden,
    JobQuota,
    LimitReached,
    Problem,
    TokenProblem,
    TooLarge,
    TooManyJobs,
    Unauthenticated,
)
from shared.domain.job import Language
from shared.domain.ledger import HOLDS_FILL_IT
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


@pytest.mark.parametrize("provider_id", ProviderId)
@pytest.mark.parametrize("language", Language)
def test_each_reason_why_a_provider_is_unfit_has_a_sentence_of_its_own(
    language: Language, provider_id: ProviderId
) -> None:
    details = ["gen4_turbo does not make 1080p", *Unsupported]
    problems = [Problem(code=ErrorCode.UNSUPPORTED, detail=each) for each in details]

    said = [messages.describe_problem(p, language, provider_id) for p in problems]

    # What an earlier release recorded is no reason of ours.
    assert said[0] == messages.describe(ErrorCode.UNSUPPORTED, language, provider_id)
    assert len(set(said)) == len(details)
    assert all(bool(KOREAN.search(each)) is (language is KO) for each in said)


def every_problem(code: ErrorCode) -> list[Problem]:
    """Each that has a sentence, with a circuit's time."""
    return list(messages._problems(code, "until 12:05 UTC"))


@pytest.mark.parametrize("provider_id", [ProviderId.RUNWAY_HTTP, ProviderId.VEO])
@pytest.mark.parametrize("code", ErrorCode)
def test_what_was_said_in_one_language_is_said_again_in_the_other(
    code: ErrorCode, provider_id: ProviderId
) -> None:
    for problem in every_problem(code):
        english = messages.describe_problem(problem, EN, provider_id)
        korean = messages.describe_problem(problem, KO, provider_id)

        assert KOREAN.search(korean) and not KOREAN.search(english)
        assert messages.retell(english, code, KO, provider_id) == korean
        assert messages.retell(korean, code, EN, provider_id) == english


def said_of(problem: Problem, provider_id: ProviderId | None = None) -> str:
    return messages.describe_problem(problem, EN, provider_id)


def test_an_open_circuit_says_for_what_and_until_when() -> None:
    why = circuit.opened(Circuit(key="vendor.runway"), ErrorCode.ACCESS_DENIED, NOON)
    problem = circuit.problem(why)
    assert problem

    said = said_of(problem, ProviderId.RUNWAY)

    assert said.startswith(
        "Runway is skipped until 12:05 UTC, because it denied access"
    )
    assert "repeatedly" not in said


@pytest.mark.parametrize("reason", ErrorCode)
def test_a_circuit_that_opens_for_a_reason_has_a_sentence_for_it(
    reason: ErrorCode,
) -> None:
    opens = {*circuit._REJECTIONS, *circuit._NOT_SENT, ErrorCode.SUBMISSION_UNKNOWN}
    healthy = {
        c for c, v in circuit._REJECTIONS.items() if v is circuit.Verdict.HEALTHY
    }

    assert reason in messages._CIRCUITS or reason not in opens - healthy


def test_a_provider_of_the_same_vendor_is_not_said_to_have_been_asked() -> None:
    problem = Problem(code=ErrorCode.ACCESS_DENIED, detail="skipped_after runway")

    said = said_of(problem, ProviderId.RUNWAY_HTTP)

    assert said.startswith(
        "Runway (HTTP) is not asked, because it is the same account as Runway. "
        "No permission to use Runway:"
    )


def test_a_request_that_nobody_can_make_is_not_a_matter_of_keys() -> None:
    problem = Problem(code=ErrorCode.ALL_PROVIDERS_FAILED, detail=ALL_UNSUPPORTED)

    assert said_of(problem).endswith("change the request.") and "key" not in said_of(
        problem
    )
    korean = messages.describe_problem(problem, KO)
    assert korean.startswith("모든 영상 생성 API 실패")


def test_a_price_above_a_cap_is_not_better_tomorrow() -> None:
    problem = Problem(code=ErrorCode.DAILY_LIMIT_REACHED, detail=ABOVE_CAP)

    assert "tomorrow" not in said_of(problem, ProviderId.VEO)
    assert "Gemini Veo 3.1" in said_of(problem, ProviderId.VEO)


def test_a_body_that_is_too_large_is_told_how_large_it_may_be() -> None:
    refused = TooLarge(65536)

    assert refusals.describe_refusal(refused, EN).endswith("at most 65,536 bytes.")
    assert "65,536바이트" in refusals.describe_refusal(refused, KO)


def test_each_quota_has_a_sentence_of_its_own() -> None:
    for language in Language:
        said = {
            refusals.describe_refusal(TooManyJobs(quota), language)
            for quota in JobQuota
        }
        assert len(said) == len(JobQuota)


@pytest.mark.parametrize(
    ("code", "provider_id", "beginning"),
    [
        (
            ErrorCode.ACCESS_DENIED,
            ProviderId.VEO,
            "Gemini Veo 3.1 사용 권한이 없습니다",
        ),
        (
            ErrorCode.MODEL_UNAVAILABLE,
            ProviderId.VEO,
            "Gemini Veo 3.1 API를 사용할 수 없습니다",
        ),
        (ErrorCode.ALL_PROVIDERS_FAILED, None, "모든 영상 생성 API 실패"),
    ],
)
def test_the_promised_korean_sentences_begin_as_promised(
    code: ErrorCode, provider_id: ProviderId | None, beginning: str
) -> None:
    assert messages.describe(code, KO, provider_id).startswith(beginning)


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
def test_a_name_has_its_own_particle(
    provider_id: ProviderId | None, made: str, asked: str
) -> None:
    refused = messages.describe(ErrorCode.PROMPT_REFUSED, KO, provider_id)
    unsupported = messages.describe(ErrorCode.UNSUPPORTED, KO, provider_id)

    assert refused.startswith(f"{made} ")
    assert unsupported.startswith(f"{asked} ")


@pytest.mark.parametrize("provider_id", [None, *ProviderId])
@pytest.mark.parametrize("code", ErrorCode)
def test_no_sentence_leaves_the_reader_to_choose(
    code: ErrorCode, provider_id: ProviderId | None
) -> None:
    korean = messages.describe(code, KO, provider_id)

    assert not re.search(r"이\(가\)|은\(는\)|을\(를\)|[가-힣]/[가-힣]", korean)


@pytest.mark.parametrize("code", ErrorCode)
def test_without_a_name_a_sentence_is_still_one(code: ErrorCode) -> None:
    english = messages.describe(code, EN)

    assert english[0].isupper() and "The provider" not in english[1:]


@pytest.mark.parametrize(
    ("limit", "word", "period"),
    [
        (ErrorCode.DAILY_LIMIT_REACHED, "daily", "일일"),
        (ErrorCode.MONTHLY_LIMIT_REACHED, "monthly", "월간"),
    ],
)
def test_what_open_jobs_hold_is_worth_another_try_in_a_minute(
    limit: ErrorCode, word: str, period: str
) -> None:
    held = LimitReached(limit, HOLDS_FILL_IT)
    spent = LimitReached(limit, timedelta(hours=5))

    english = refusals.describe_refusal(held, EN)
    assert english.endswith(f"{word} limit. Try again in a minute.")
    korean = refusals.describe_refusal(held, KO)
    assert period in korean and "1분 뒤" in korean
    assert refusals.describe_refusal(spent, EN) == messages.describe(limit, EN)


@pytest.mark.parametrize("reason", ConflictReason)
def test_every_conflict_has_a_sentence_of_its_own(reason: ConflictReason) -> None:
    def said(language: Language) -> list[str]:
        conflicts = [Conflict(reason=r) for r in (reason, *ConflictReason)]
        return [refusals.describe_refusal(c, language) for c in conflicts]

    english, korean = said(EN), said(KO)
    assert english.count(english[0]) == korean.count(korean[0]) == 2
    assert KOREAN.search(korean[0]) and not KOREAN.search(english[0])


@pytest.mark.parametrize("refused", every_refusal(), ids=lambda r: type(r).__name__)
def test_every_refusal_has_a_sentence_in_both_languages(refused: ApiError) -> None:
    assert KOREAN.search(refusals.describe_refusal(refused, KO))
    assert not KOREAN.search(refusals.describe_refusal(refused, EN))


def reasons_in(source: Path) -> set[str]:
    """Every reason that it gives for a wrong field."""
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


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    given = {reason for source in SOURCES for reason in reasons_in(source)}

    assert given == set(refusals.FIELDS)


@pytest.mark.parametrize("reason", refusals.FIELDS)
def test_every_wrong_field_has_a_sentence_in_both_languages(reason: str) -> None:
    error = FieldError(field="duration", reason=reason, parameters=(3, 10, 99))

    assert KOREAN.search(refusals.describe_field(error, KO))
    assert not KOREAN.search(refusals.describe_field(error, EN))


@pytest.mark.parametrize(
    ("reason", "parameters", "said"),
    [
        ("out_of_range", (0, 4_294_967_295), "must be from 0 to 4,294,967,295"),
        ("not_a_size", (16,), "must be from 1 byte to 16 MB"),
        ("unknown_field_but", ("a",), "is not a known field; did you mean `a`?"),
    ],
)
def test_a_sentence_about_a_field_names_its_limits(
    reason: str, parameters: tuple[object, ...], said: str
) -> None:
    error = FieldError(field="size", reason=reason, parameters=parameters)

    assert refusals.describe_field(error, EN) == said


@pytest.mark.parametrize("language", Language)
def test_each_problem_of_a_caller_has_a_sentence_of_its_own(language: Language) -> None:
    refused = [
        *(Unauthenticated(reason=reason) for reason in TokenProblem),
        *(Forbidden(reason=access) for access in AccessProblem),
    ]
    said = {refusals.describe_refusal(r, language) for r in refused}

    assert len(said) == len(refused)


@pytest.mark.parametrize("language", Language)
def test_a_vendors_words_are_not_taken_for_ours(language: Language) -> None:
    code, by = ErrorCode.PROVIDER_ERROR, ProviderId.RUNWAY

    for words in ("skipped_after nobody", "access_denied until 10:00", "above_cap"):
        problem = Problem(code=code, detail=words)
        said = messages.describe_problem(problem, language, by)
        assert said == messages.describe(code, language, by)

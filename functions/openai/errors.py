"""Renders errors as OpenAI's clients read them, and says whether to retry."""

from collections.abc import Mapping
from http import HTTPStatus

from flask import Response

from functions.http.bodies import json_response
from functions.http.problems import ErrorFormat, headers_of
from functions.http.route import JSON
from functions.http.schemas import described, or_null, record, text
from functions.openai.request import REFERENCE
from shared.domain.errors import (
    ApiError,
    GenerationPaused,
    InvalidRequest,
    Malformed,
    NotOffered,
    TooLarge,
    TooManyRequests,
    UnsupportedMedia,
)
from shared.domain.job import Language
from shared.domain.messages import in_language
from shared.domain.refusals import describe_code, describe_field, describe_refusal

# These routes, unlike the others, also accept a form, and have no `errors`.
_SENTENCES: Mapping[str, tuple[str, str]] = {
    UnsupportedMedia.code: (
        "Send the body as multipart/form-data or application/json, uncompressed.",
        "요청 본문은 압축하지 않은 multipart/form-data 또는 application/json "
        "형식이어야 합니다.",
    ),
    InvalidRequest.code: (
        "A field is invalid. `message` says what is wrong, `param` names the first.",
        "올바르지 않은 항목이 있습니다. `message`에 이유가 있고, `param`은 첫 번째 "
        "항목입니다.",
    ),
    Malformed.code: (
        "The body must be a form, in which each file has a filename and each text is "
        "UTF-8, or a single JSON object without duplicate names.",
        "요청 본문은 파일마다 filename이 있고 텍스트가 UTF-8인 양식이거나, 이름이 "
        "중복되지 않는 하나의 JSON 객체여야 합니다.",
    ),
}

# Added to any error about the image: everything that is accepted.
_IMAGE = (
    "`input_reference` takes one image: a JPEG, PNG, WebP or AVIF file of at most "
    '16 MB, or {"image_url": …} with an https:// or base64 data: URL. `file_id` is '
    "not supported.",
    "input_reference에는 이미지 하나를 보냅니다: 16MB 이하의 JPEG, PNG, WebP, AVIF "
    '파일 또는 https:// 주소나 base64 data: URL을 담은 {"image_url": …}. file_id는 '
    "지원하지 않습니다.",
)

_ERROR = record(
    "OpenAIErrorAnswer",
    "An error as OpenAI's clients read it.",
    error=described(
        record(
            "OpenAIError",
            "What went wrong.",
            message=text("What happened and what to do.", "`prompt` is required."),
            type=text("The kind of error.", "invalid_request_error"),
            param=or_null(text("The first invalid field.", "prompt")),
            code=text("The kind of error, for programs.", "invalid_request"),
        ),
        "What went wrong.",
    ),
)


def openai_problem(
    refused: ApiError, language: Language, headers: Mapping[str, str] | None = None
) -> Response:
    """The statuses are those of the rest of the API, but an invalid field is a 400.

    OpenAI's client retries a 409, 429 or 5xx by itself, at once or after Retry-After.
    `x-should-retry` prevents that for all errors but those that may soon be over.
    """
    param = next(iter(_fields(refused)), None)
    body = _body(refused.status, refused.code, _message(refused, language), param)
    sent = dict(headers or {}) | headers_of(refused)
    if not _is_retryable(refused):
        sent["x-should-retry"] = "false"
    status = 400 if isinstance(refused, InvalidRequest) else refused.status
    return json_response(body, status, sent)


def _body(
    status: int, code: str, message: str, param: str | None = None
) -> Mapping[str, object]:
    error = {"message": message, "type": _type(status), "param": param, "code": code}
    return {"error": error}


def _describe(code: str, language: Language) -> str:
    own = _SENTENCES.get(code)
    return in_language(own, language) if own else describe_code(code, language)


ERRORS = ErrorFormat(media_type=JSON, schema=_ERROR, example=_body, describe=_describe)


def _is_retryable(refused: ApiError) -> bool:
    if isinstance(refused, TooManyRequests):
        return True
    is_lasting = isinstance(refused, GenerationPaused | NotOffered)
    return refused.status >= 500 and not is_lasting


def _message(refused: ApiError, language: Language) -> str:
    own = _SENTENCES.get(refused.code)
    message = in_language(own, language) if own else describe_refusal(refused, language)
    if isinstance(refused, InvalidRequest):
        # Which of the two particles is right depends on how the name is pronounced.
        particle = "은(는)" if language is Language.KOREAN else ""
        wrong = ((e.field, describe_field(e, language)) for e in refused.errors)
        message = " ".join(
            f"`{field}`{particle} {why}{'' if why.endswith('?') else '.'}"
            for field, why in wrong
        )
    is_about_image = isinstance(refused, TooLarge) or REFERENCE in _fields(refused)
    return f"{message} {in_language(_IMAGE, language)}" if is_about_image else message


def _fields(refused: ApiError) -> tuple[str, ...]:
    if isinstance(refused, InvalidRequest):
        return tuple(e.field for e in refused.errors)
    return ()


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"

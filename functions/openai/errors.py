"""Errors as OpenAI's clients read them, and whether they are to send it again."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response

from functions.http.problems import problem
from functions.http.schemas import described, or_null, record, text
from functions.openai.request import REFERENCE
from shared.domain.errors import (
    ApiError,
    GenerationPaused,
    InvalidRequest,
    NotOffered,
    TooLarge,
    TooManyRequests,
    UnsupportedMedia,
)
from shared.domain.job import Language
from shared.domain.refusals import describe_field, describe_refusal

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")

# Here a form is taken, too.
_TYPES: Mapping[Language, str] = {
    Language.ENGLISH: "Send the body as multipart/form-data or application/json.",
    Language.KOREAN: (
        "요청 본문은 multipart/form-data 또는 application/json 형식이어야 합니다."
    ),
}

# Where anything is wrong with the image, all that it may be.
_IMAGE: Mapping[Language, str] = {
    Language.ENGLISH: (
        "`input_reference` takes one image: a JPEG, PNG, WebP or AVIF file of "
        'at most 16 MB, or {"image_url": …} with an https:// or base64 data: URL. '
        "`file_id` is not supported."
    ),
    Language.KOREAN: (
        "input_reference에는 이미지 하나를 보냅니다: 16MB 이하의 JPEG, PNG, WebP, AVIF "
        '파일 또는 https:// 주소나 base64 data: URL을 담은 {"image_url": …}. file_id는 '
        "지원하지 않습니다."
    ),
}

REFUSAL = record(
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
    """The statuses are ours, but a wrong field is 400.

    The client sends a 409, 429 or 5xx again by itself, at once or after Retry-After:
    only what may pass in a moment is worth that.
    """
    body = {
        "message": _message(refused, language),
        "type": _type(refused.status),
        "param": next(iter(_fields(refused)), None),
        "code": refused.code,
    }
    ours = problem(refused, language, headers)
    kept = {n: ours.headers[n] for n in KEPT_HEADERS if n in ours.headers}
    if not _is_worth_resending(refused):
        kept["x-should-retry"] = "false"
    return Response(
        json.dumps({"error": body}, ensure_ascii=False) + "\n",
        status=400 if isinstance(refused, InvalidRequest) else refused.status,
        mimetype="application/json",
        headers=kept,
    )


def _is_worth_resending(refused: ApiError) -> bool:
    if isinstance(refused, TooManyRequests):
        return True
    lasts = isinstance(refused, GenerationPaused | NotOffered)
    return refused.status >= 500 and not lasts


def _message(refused: ApiError, language: Language) -> str:
    said = describe_refusal(refused, language)
    if isinstance(refused, UnsupportedMedia):
        said = _TYPES[language]
    if isinstance(refused, InvalidRequest):
        # Which particle a field's name takes depends on how it is read.
        after = "은(는)" if language is Language.KOREAN else ""
        wrong = ((e.field, describe_field(e, language)) for e in refused.errors)
        said = " ".join(
            f"`{field}`{after} {why}{'' if why.endswith('?') else '.'}"
            for field, why in wrong
        )
    is_about_image = isinstance(refused, TooLarge) or REFERENCE in _fields(refused)
    return f"{said} {_IMAGE[language]}" if is_about_image else said


def _fields(refused: ApiError) -> tuple[str, ...]:
    if isinstance(refused, InvalidRequest):
        return tuple(e.field for e in refused.errors)
    return ()


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"

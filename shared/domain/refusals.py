"""The sentences of the API's errors, in English and Korean."""

from collections.abc import Mapping
from enum import StrEnum

from shared.domain.errors import (
    AccessProblem,
    ApiError,
    ConflictReason,
    Contended,
    ErrorCode,
    FieldError,
    JobQuota,
    LimitReached,
    MissingFeature,
    NoSuchPath,
    Reasoned,
    TokenProblem,
    TooLarge,
)
from shared.domain.job import Language
from shared.domain.ledger import HOLDS_RETRY_AFTER
from shared.domain.messages import CODES, describe, in_language

# When holds of open jobs, rather than spending, fill a cap.
_HELD: Mapping[ErrorCode, tuple[str, str]] = {
    ErrorCode.DAILY_LIMIT_REACHED: (
        "Jobs in progress have reserved the rest of the daily limit. Try again in a "
        "minute.",
        "진행 중인 작업이 남은 일일 한도를 예약하고 있습니다. 1분 뒤 다시 시도해 "
        "주세요.",
    ),
    ErrorCode.MONTHLY_LIMIT_REACHED: (
        "Jobs in progress have reserved the rest of the monthly limit. Try again in a "
        "minute.",
        "진행 중인 작업이 남은 월간 한도를 예약하고 있습니다. 1분 뒤 다시 시도해 "
        "주세요.",
    ),
}

_REASONS: Mapping[StrEnum, tuple[str, str]] = {
    ConflictReason.STATE: (
        "The job's state does not allow this.",
        "현재 작업 상태에서는 수행할 수 없습니다.",
    ),
    ConflictReason.JOB_DELETED: (
        "The job that this request created was deleted. Send another Idempotency-Key "
        "to create a new one.",
        "이 요청으로 만든 작업은 삭제되었습니다. 새로 만들려면 다른 "
        "Idempotency-Key를 사용해 주세요.",
    ),
    ConflictReason.JOB_ENDED: (
        "The job has already finished, so it can't be cancelled.",
        "이미 끝난 작업은 취소할 수 없습니다.",
    ),
    ConflictReason.JOB_OPEN: (
        "The job is still in progress. Cancel it or wait until it finishes; then "
        "delete it.",
        "진행 중인 작업은 삭제할 수 없습니다. 작업을 취소하거나 끝날 때까지 기다린 뒤 "
        "삭제해 주세요.",
    ),
    ConflictReason.NO_POSTER: (
        "This video has no thumbnail.",
        "썸네일이 없는 영상입니다.",
    ),
    ConflictReason.NO_VIDEO: (
        "There is no video: it is still being generated, or it failed. Check the job's "
        "status.",
        "영상이 없습니다. 아직 만드는 중이거나 생성에 실패했습니다. 작업의 상태를 "
        "확인해 주세요.",
    ),
    TokenProblem.MISSING: (
        "Send a token: `Authorization: Bearer TOKEN`.",
        "토큰을 보내 주세요: `Authorization: Bearer TOKEN`.",
    ),
    TokenProblem.MALFORMED: (
        "The Authorization header is malformed. It must be `Bearer` and a Firebase ID "
        "token or an API key (`rk_…`).",
        "Authorization 헤더의 형식이 잘못되었습니다. `Bearer`와 Firebase ID 토큰 또는 "
        "API 키(`rk_…`)를 보내 주세요.",
    ),
    TokenProblem.EXPIRED: (
        "The token has expired. Get a new one and try again.",
        "토큰이 만료되었습니다. 새 토큰을 받아 다시 시도해 주세요.",
    ),
    TokenProblem.INVALID: (
        "The token or API key is not valid. Sign in again, or use another key.",
        "토큰 또는 API 키가 유효하지 않습니다. 다시 로그인하거나 다른 키를 사용해 "
        "주세요.",
    ),
    AccessProblem.ADMINS_ONLY: (
        "Only administrators may do this.",
        "관리자만 수행할 수 있는 작업입니다.",
    ),
    AccessProblem.UNVERIFIED: (
        "Sign in with an account. An account with e-mail and password needs a verified "
        "address.",
        "계정으로 로그인해 주세요. 이메일과 비밀번호로 만든 계정은 이메일 인증이 "
        "필요합니다.",
    ),
    MissingFeature.TRANSLATOR: (
        "No model that translates prompts is configured. Prompts are sent as they are.",
        "프롬프트를 번역할 모델이 설정되지 않았습니다. 프롬프트는 원문 그대로 "
        "보냅니다.",
    ),
    MissingFeature.WEBHOOKS: (
        "Webhooks are not configured on this server: it has no signing secret. Leave "
        "out `webhook_url` and poll the video instead.",
        "이 서버에는 서명 시크릿이 없어 웹훅을 사용할 수 없습니다. `webhook_url`을 "
        "빼고 영상의 상태를 조회해 주세요.",
    ),
    JobQuota.OPEN: (
        "You have reached the limit of jobs in progress. Try again when one has "
        "finished.",
        "동시에 진행할 수 있는 작업 수를 모두 사용 중입니다. 작업이 끝난 뒤 다시 "
        "시도해 주세요.",
    ),
    JobQuota.MADE: (
        "You have reached the limit of jobs created per minute. Try again in a minute.",
        "1분 동안 만들 수 있는 작업 수를 초과했습니다. 1분 뒤 다시 시도해 주세요.",
    ),
    JobQuota.UPLOADS: (
        "You have reached the limit of uploads started per minute. Try again in a "
        "minute.",
        "1분 동안 시작할 수 있는 업로드 수를 초과했습니다. 1분 뒤 다시 시도해 주세요.",
    ),
    JobQuota.UNPAID: (
        "Within an hour, too many of your jobs had an unusable image, asked for what "
        "no provider makes, were refused by providers, or were cancelled before any "
        "provider was asked. Check why they failed and try again later.",
        "1시간 동안 이미지를 사용할 수 없거나, 만들 수 있는 제공업체가 없거나, "
        "제공업체가 거부했거나, 요청 전에 취소된 작업이 너무 많습니다. 실패한 이유를 "
        "확인하고 나중에 다시 시도해 주세요.",
    ),
}

_REFUSALS: Mapping[str, tuple[str, str]] = {
    "malformed": (
        "The body must be a single JSON object in UTF-8, without duplicate names.",
        "요청 본문은 이름이 중복되지 않는 하나의 UTF-8 JSON 객체여야 합니다.",
    ),
    "unauthenticated": _REASONS[TokenProblem.INVALID],
    "forbidden": _REASONS[AccessProblem.ADMINS_ONLY],
    "not_found": ("Not found.", "찾을 수 없습니다."),
    "conflict": _REASONS[ConflictReason.STATE],
    "too_large": ("The body is too large.", "요청 본문이 너무 큽니다."),
    "unsupported_media_type": (
        "Send the body as application/json, uncompressed.",
        "요청 본문은 압축하지 않은 application/json 형식이어야 합니다.",
    ),
    "invalid_request": (
        "Some fields are invalid. See `errors`.",
        "잘못된 항목이 있습니다. `errors`를 확인해 주세요.",
    ),
    "method_not_allowed": (
        "This path does not support this method.",
        "지원하지 않는 메서드입니다.",
    ),
    "idempotency_conflict": (
        "This Idempotency-Key was already used with a different body.",
        "이 Idempotency-Key는 다른 요청 본문에 이미 사용되었습니다.",
    ),
    "exceeds_limit": (
        "This job costs more than the spending limit allows in all. Ask for a shorter "
        "video, a lower resolution or a cheaper model.",
        "이 작업의 비용이 지출 한도를 초과하여 실행할 수 없습니다. 더 짧은 길이, 낮은 "
        "해상도 또는 저렴한 모델로 요청해 주세요.",
    ),
    "not_configured": (
        "This is not configured on this server. `detail` says what to do.",
        "이 서버에 설정되지 않은 기능입니다. `detail`을 확인해 주세요.",
    ),
    "generation_paused": CODES[ErrorCode.GENERATION_PAUSED],
    "too_many_requests": (
        "Too many requests. Slow down and try again.",
        "요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "too_many_jobs": (
        "You have too many jobs in progress, created too many jobs or uploads in one "
        "minute, or too many in one hour that no provider could be asked for or that "
        "providers refused. Try again later, or when a job has finished.",
        "진행 중인 작업이 너무 많거나, 1분 동안의 작업 또는 업로드 요청이 너무 많거나, "
        "1시간 동안 제공업체에 요청하지 못했거나 제공업체가 거부한 작업이 너무 "
        "많습니다. 작업이 끝난 뒤 또는 잠시 후 다시 시도해 주세요.",
    ),
    "unavailable": (
        "The service is temporarily unavailable. Try again in a moment.",
        "서비스를 일시적으로 사용할 수 없습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "internal": (
        "Something went wrong on our side. Try again.",
        "서버 오류가 발생했습니다. 다시 시도해 주세요.",
    ),
}

# {0}, {1} are the parameters of the field's error.
FIELDS: Mapping[str, tuple[str, str]] = {
    "required": ("is required", "필수 항목입니다"),
    "unknown_field": ("is not a known field", "알 수 없는 항목입니다"),
    "unknown_field_but": (
        "is not a known field; did you mean `{0}`?",
        "알 수 없는 항목입니다(비슷한 항목: `{0}`)",
    ),
    "not_a_string": ("must be a string", "문자열이어야 합니다"),
    "empty": ("must not be empty", "비워 둘 수 없습니다"),
    "too_long": (
        "must be at most {0:,} characters, of which an emoji takes two or more",
        "최대 {0:,}자까지 가능합니다(이모지는 두 글자 이상으로 셉니다)",
    ),
    "control_character": (
        "must not contain control characters other than newline and tab",
        "줄바꿈과 탭 외의 제어 문자는 사용할 수 없습니다",
    ),
    "not_https": ("must be a public https:// URL", "공개된 https:// URL이어야 합니다"),
    "long_address": (
        "must be a URL of at most {0:,} characters",
        "최대 {0:,}자의 URL이어야 합니다",
    ),
    "with_password": (
        "must be a URL without a user name or password",
        "사용자 이름이나 비밀번호가 없는 URL이어야 합니다",
    ),
    "not_public": (
        "must be on the public internet: this is the address of one machine or of a "
        "private network",
        "인터넷에 공개된 주소여야 합니다(내부 주소는 사용할 수 없습니다)",
    ),
    "no_file_id": (
        "can't be a `file_id`: send the image itself, or its URL",
        "`file_id`를 지원하지 않습니다. 이미지 파일이나 URL을 보내 주세요",
    ),
    "not_an_image": (
        "must be an image file or its URL",
        "이미지 파일 또는 URL이어야 합니다",
    ),
    "empty_file": ("is an empty file", "빈 파일입니다"),
    "not_an_identifier": (
        "must be an ID that this API returned",
        "이 API가 반환한 ID여야 합니다",
    ),
    "not_pairs": (
        "must be an object of at most {0} strings, with names of 1 to {1} characters "
        "that don't begin with `__` and values of at most {2}",
        "최대 {0}개의 문자열로 이루어진 객체여야 합니다(이름은 1~{1}자이며 `__`로 "
        "시작할 수 없고, 값은 최대 {2}자)",
    ),
    "not_a_whole_number": ("must be a whole number", "정수여야 합니다"),
    "out_of_range": ("must be from {0:,} to {1:,}", "{0:,}에서 {1:,} 사이여야 합니다"),
    "not_a_size": (
        "must be from 1 byte to {0} MB",
        "1바이트 이상 {0}MB 이하여야 합니다",
    ),
    "not_a_day": ("must be a date as YYYY-MM-DD", "YYYY-MM-DD 형식의 날짜여야 합니다"),
    "after_to": ("must not be after `to`", "`to`보다 뒤의 날짜일 수 없습니다"),
    "too_many_days": (
        "must be at most {0} days before `to`, counting both days",
        "`to`까지 양 끝을 포함해 최대 {0}일이어야 합니다",
    ),
    "not_one_of": ("must be one of: {0}", "다음 중 하나여야 합니다: {0}"),
    "not_one_of_but": (
        "must be one of: {0}; did you mean `{1}`?",
        "다음 중 하나여야 합니다: {0}(비슷한 값: `{1}`)",
    ),
    "heic": (
        "is HEIC, the format of iPhone photos, which can't be used. Send a JPEG; the "
        "iPhone makes JPEGs with Settings > Camera > Formats > Most Compatible",
        "아이폰의 사진 형식인 HEIC는 사용할 수 없습니다. JPEG로 변환해 주세요. "
        "아이폰의 설정 > 카메라 > 포맷에서 '높은 호환성'을 선택하면 JPEG로 저장됩니다",
    ),
    "not_true_or_false": ("must be true or false", "true 또는 false여야 합니다"),
    "not_a_cursor": (
        "must be a `next_cursor` that a list returned",
        "목록 응답에서 받은 `next_cursor` 값이어야 합니다",
    ),
    "given_twice": ("must be given once", "한 번만 보내 주세요"),
    "not_a_key": (
        "must be 1 to 255 printable characters",
        "인쇄 가능한 문자 1~255자여야 합니다",
    ),
    "one_video": (
        "must be 1: each request makes one video",
        "1이어야 합니다. 요청 하나가 영상 하나를 만듭니다",
    ),
    "not_offered": (
        "is not offered here; create a new video instead",
        "여기에서 지원하지 않습니다. 새 영상을 만들어 주세요",
    ),
    "one_image": (
        "send only one of `{0}` and `{1}`",
        "`{0}` 또는 `{1}` 중 하나만 보내 주세요",
    ),
    "needs_api_key": (
        "is only for API keys: it is signed with the key's webhook secret. With a "
        "Firebase ID token, listen to the Firestore document instead",
        "API 키로 요청할 때만 사용할 수 있습니다(키의 웹훅 시크릿으로 서명합니다). "
        "Firebase ID 토큰으로는 Firestore 문서를 구독해 주세요",
    ),
    "needs_first": (
        "needs a first frame: send `image` or `image_url` too",
        "첫 프레임이 필요합니다. `image` 또는 `image_url`도 보내 주세요",
    ),
}


_LARGER = (
    "The body is too large: send at most {0:,} bytes.",
    "요청 본문이 너무 큽니다. 최대 {0:,}바이트까지 보낼 수 있습니다.",
)
_NO_SUCH_PATH = (
    "This path does not exist. `/docs` lists all calls of the API.",
    "이 경로에는 아무것도 없습니다. API의 모든 호출은 `/docs`에 있습니다.",
)
_CONTENDED = (
    "Many videos are being created at this moment. Nothing was created for this "
    "request. Try again in a moment.",
    "지금 동영상 생성 요청이 많습니다. 이 요청으로 생성된 작업은 없습니다. 잠시 후 "
    "다시 시도해 주세요.",
)


def describe_refusal(refused: ApiError, language: Language) -> str:
    match refused:
        case LimitReached(limit=limit, retry_after=after) if after == HOLDS_RETRY_AFTER:
            return in_language(_HELD[limit], language)
        case LimitReached(limit=limit):
            return describe(limit, language)
        case Reasoned(reason=reason):
            return in_language(_REASONS[reason], language)
        case TooLarge(max_bytes=int(most)):
            return in_language(_LARGER, language).format(most)
        case NoSuchPath():
            return in_language(_NO_SUCH_PATH, language)
        case Contended():
            return in_language(_CONTENDED, language)
        case _:
            return in_language(_REFUSALS[refused.code], language)


def describe_code(code: str, language: Language) -> str:
    """The sentence for a caller who is refused with `code`."""
    if code in _REFUSALS:
        return in_language(_REFUSALS[code], language)
    return describe(ErrorCode(code), language)


def describe_field(error: FieldError, language: Language) -> str:
    return in_language(FIELDS[error.reason], language).format(*error.parameters)

"""What we say to people, in English and Korean: by error code, link and language."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.catalogue import ProviderId
from shared.domain.errors import (
    ApiError,
    Conflict,
    ConflictReason,
    ErrorCode,
    FieldError,
    LimitReached,
)
from shared.domain.job import Language
from shared.domain.ledger import HOLDS_FILL_IT


@dataclass(frozen=True, slots=True, kw_only=True)
class _Name:
    """A name that picks its Korean particle by how it is read: "{0:이/가}"."""

    written: str
    ends_in_consonant: bool = False

    def __format__(self, particles: str) -> str:
        after_consonant, _, after_vowel = particles.partition("/")
        particle = after_consonant if self.ends_in_consonant else after_vowel
        return self.written + particle


_NAMES: Mapping[ProviderId, _Name] = {
    ProviderId.RUNWAY: _Name(written="Runway"),
    ProviderId.RUNWAY_HTTP: _Name(written="Runway (HTTP)"),
    ProviderId.VEO: _Name(written="Gemini Veo 3.1", ends_in_consonant=True),  # 점 일
    ProviderId.OMNI: _Name(written="Gemini Omni"),
}
_NO_NAME: Mapping[Language, _Name] = {
    Language.ENGLISH: _Name(written="the provider"),
    Language.KOREAN: _Name(written="서비스"),
}

# {0} is the name of the link, where the sentence is about one.
_CODES: Mapping[ErrorCode, tuple[str, str]] = {
    ErrorCode.PROMPT_REFUSED: (
        "{0} refused the prompt for safety reasons. Change the prompt; the same one "
        "is not offered to other providers.",
        "{0:이/가} 안전 정책에 따라 프롬프트를 거부했습니다. 프롬프트를 수정해 "
        "주세요. 같은 프롬프트는 다른 서비스에 보내지 않습니다.",
    ),
    ErrorCode.IMAGE_REFUSED: (
        "{0} refused the image for safety reasons. Use another image.",
        "{0:이/가} 안전 정책에 따라 이미지를 거부했습니다. 다른 이미지를 사용해 "
        "주세요.",
    ),
    ErrorCode.OUTPUT_FILTERED: (
        "{0} made a video and its safety filter held it back.",
        "{0:이/가} 생성한 영상이 안전 필터에 의해 차단되었습니다.",
    ),
    ErrorCode.IMAGE_UNREACHABLE: (
        "The image could not be fetched. Check that the address is public and "
        "that an upload was finished.",
        "이미지를 가져올 수 없습니다. 공개된 주소인지, 업로드가 완료되었는지 "
        "확인해 주세요.",
    ),
    ErrorCode.IMAGE_INVALID: (
        "The image can't be used: it must be a JPEG, PNG or WebP of at most 16 MB "
        "and 8,000 pixels a side.",
        "사용할 수 없는 이미지입니다. 16MB 이하, 한 변 8,000픽셀 이하의 JPEG, PNG, "
        "WebP 파일이어야 합니다.",
    ),
    ErrorCode.ACCESS_DENIED: (
        "No permission to use {0}: check its key, the paid plan and the roles of "
        "the service account.",
        "{0} 사용 권한이 없습니다. API 키, 유료 요금제, 서비스 계정의 역할을 "
        "확인해 주세요.",
    ),
    ErrorCode.MODEL_UNAVAILABLE: (
        "{0} is not available: its model was not found or has been retired. Set "
        "another model.",
        "{0} API를 사용할 수 없습니다. 모델이 없거나 지원이 종료되었습니다. 다른 "
        "모델을 설정해 주세요.",
    ),
    ErrorCode.OUT_OF_CREDITS: (
        "The account at {0} is out of credits. Buy credits there and try again.",
        "{0} 계정의 크레딧이 부족합니다. 크레딧을 충전한 뒤 다시 시도해 주세요.",
    ),
    ErrorCode.RATE_LIMITED: (
        "{0} has too much to do for this account just now. Try again later.",
        "{0}의 요청 한도를 초과했습니다. 잠시 후 다시 시도해 주세요.",
    ),
    ErrorCode.INPUT_NOT_ACCEPTED: (
        "{0} did not accept the form of the request.",
        "{0:이/가} 요청 형식을 받아들이지 않았습니다.",
    ),
    ErrorCode.PROVIDER_UNAVAILABLE: (
        "{0} can't be reached or is overloaded. Try again later.",
        "{0}에 연결할 수 없거나 과부하 상태입니다. 잠시 후 다시 시도해 주세요.",
    ),
    ErrorCode.PROVIDER_ERROR: (
        "{0} failed while making the video.",
        "{0}에서 영상을 생성하는 중 오류가 발생했습니다.",
    ),
    ErrorCode.SUBMISSION_UNKNOWN: (
        "{0} did not answer whether it took the job. It may be billed, so it is not "
        "asked again.",
        "{0:이/가} 작업을 접수했는지 확인할 수 없습니다. 이미 과금되었을 수 있어 "
        "다시 요청하지 않습니다.",
    ),
    ErrorCode.DEADLINE_EXCEEDED: (
        "The video was not ready in time.",
        "제한 시간 안에 영상이 완성되지 않았습니다.",
    ),
    ErrorCode.BAD_OUTPUT: (
        "{0} delivered a file that is not a whole, playable video.",
        "{0:이/가} 보낸 파일이 재생할 수 있는 온전한 영상이 아닙니다.",
    ),
    ErrorCode.CANCELLED: ("The job was cancelled.", "작업이 취소되었습니다."),
    ErrorCode.STORAGE_FAILED: (
        "The video was made, but could not be fetched and stored. Ask the operator.",
        "영상은 생성되었지만 저장하지 못했습니다. 운영자에게 문의해 주세요.",
    ),
    ErrorCode.NOT_CONFIGURED: (
        "{0} is not configured here: its key, or the identity it needs, is missing.",
        "{0:이/가} 설정되지 않았습니다. API 키 또는 서비스 계정을 등록해 주세요.",
    ),
    ErrorCode.CIRCUIT_OPEN: (
        "{0} is left out for a while after repeated failures.",
        "{0}에서 오류가 반복되어 잠시 사용하지 않습니다.",
    ),
    ErrorCode.UNSUPPORTED: (
        "{0} can't make what was asked: resolution, ratio or sound.",
        "{0:은/는} 요청한 해상도, 화면 비율 또는 오디오를 지원하지 않습니다.",
    ),
    ErrorCode.ALL_PROVIDERS_FAILED: (
        "All ways to make the video failed. `attempts` says why each one did: mend "
        "what it names (key, credits, plan) or try again later.",
        "모든 영상 생성 API 실패: 각 서비스의 실패 사유는 attempts에 있습니다. "
        "API 키, 크레딧, 권한을 확인하거나 잠시 후 다시 시도해 주세요.",
    ),
    ErrorCode.GENERATION_PAUSED: (
        "New videos are paused by the operator. Try again later.",
        "운영자가 영상 생성을 일시 중지했습니다. 나중에 다시 시도해 주세요.",
    ),
    ErrorCode.DAILY_LIMIT_REACHED: (
        "The daily limit is reached. Try again tomorrow.",
        "일일 한도에 도달했습니다. 내일 다시 시도해 주세요.",
    ),
    ErrorCode.MONTHLY_LIMIT_REACHED: (
        "The monthly limit is reached. Try again next month.",
        "월간 한도에 도달했습니다. 다음 달에 다시 시도해 주세요.",
    ),
}

# Where open jobs fill a cap, not what was spent.
_HELD: Mapping[ErrorCode, tuple[str, str]] = {
    ErrorCode.DAILY_LIMIT_REACHED: (
        "Open jobs hold what is left of the daily limit. Try again in a minute.",
        "진행 중인 작업이 남은 일일 한도를 예약하고 있습니다. 1분 뒤 다시 시도해 "
        "주세요.",
    ),
    ErrorCode.MONTHLY_LIMIT_REACHED: (
        "Open jobs hold what is left of the monthly limit. Try again in a minute.",
        "진행 중인 작업이 남은 월간 한도를 예약하고 있습니다. 1분 뒤 다시 시도해 "
        "주세요.",
    ),
}

_CONFLICTS: Mapping[ConflictReason, tuple[str, str]] = {
    ConflictReason.STATE: (
        "The job is not in a state for this.",
        "현재 작업 상태에서는 수행할 수 없습니다.",
    ),
    ConflictReason.JOB_DELETED: (
        "The job of this request was deleted. For a new one, send another "
        "Idempotency-Key.",
        "이 요청으로 만든 작업은 삭제되었습니다. 새로 만들려면 다른 "
        "Idempotency-Key를 사용해 주세요.",
    ),
    ConflictReason.JOB_ENDED: (
        "The job has ended: there is nothing left to cancel.",
        "이미 끝난 작업은 취소할 수 없습니다.",
    ),
    ConflictReason.JOB_OPEN: (
        "The job has not ended. Cancel it, or wait for its end; then delete it.",
        "아직 끝나지 않은 작업은 삭제할 수 없습니다. 작업을 취소하거나 끝날 때까지 "
        "기다린 뒤 삭제해 주세요.",
    ),
    ConflictReason.NO_VIDEO: (
        "There is no video: it is still being made, or it failed. The status of the "
        "job says which.",
        "영상이 없습니다. 아직 만드는 중이거나 생성에 실패했습니다. 작업의 상태를 "
        "확인해 주세요.",
    ),
}

_REFUSALS: Mapping[str, tuple[str, str]] = {
    "malformed": (
        "The body must be one JSON object in UTF-8, with every name once.",
        "요청 본문은 이름이 중복되지 않는 하나의 UTF-8 JSON 객체여야 합니다.",
    ),
    "unauthenticated": (
        "Send a valid token: Authorization: Bearer TOKEN.",
        "유효한 토큰을 보내 주세요: Authorization: Bearer TOKEN.",
    ),
    "forbidden": ("You may not do this.", "이 작업을 수행할 권한이 없습니다."),
    "not_found": ("There is no such thing here.", "요청한 항목을 찾을 수 없습니다."),
    "conflict": _CONFLICTS[ConflictReason.STATE],
    "too_large": ("The body is too large.", "요청 본문이 너무 큽니다."),
    "unsupported_media_type": (
        "Send the body as application/json.",
        "요청 본문은 application/json 형식이어야 합니다.",
    ),
    "invalid_request": (
        "Some fields are wrong: `errors` names each.",
        "잘못된 항목이 있습니다. errors에서 확인해 주세요.",
    ),
    "method_not_allowed": (
        "This path does not take this method.",
        "지원하지 않는 메서드입니다.",
    ),
    "idempotency_conflict": (
        "This Idempotency-Key was used before with another body.",
        "이 Idempotency-Key는 다른 요청 본문에 이미 사용되었습니다.",
    ),
    "exceeds_limit": (
        "This job costs more than the spending limit allows in all. Ask for a shorter "
        "video, a lower resolution or a cheaper model.",
        "이 작업의 비용이 지출 한도를 초과하여 실행할 수 없습니다. 더 짧은 길이, 낮은 "
        "해상도 또는 저렴한 모델로 요청해 주세요.",
    ),
    "generation_paused": _CODES[ErrorCode.GENERATION_PAUSED],
    "too_many_jobs": (
        "Too many of your jobs are open, or too many jobs or uploads came this minute. "
        "Wait a minute, or until a job has ended.",
        "진행 중인 작업이 너무 많거나, 1분 동안의 작업 또는 업로드 요청이 너무 "
        "많습니다. 1분 뒤, 또는 작업이 하나 끝난 뒤 다시 시도해 주세요.",
    ),
    "unavailable": (
        "A part of the service does not answer. Try again in a moment.",
        "서비스 일부가 응답하지 않습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "internal": (
        "Something failed on our side. Try again.",
        "서버 오류가 발생했습니다. 다시 시도해 주세요.",
    ),
}

# {0}, {1} are the parameters of the field's error.
_FIELDS: Mapping[str, tuple[str, str]] = {
    "required": ("is required", "필수 항목입니다"),
    "unknown_field": ("is not a field of this request", "알 수 없는 항목입니다"),
    "not_a_string": ("must be a text", "문자열이어야 합니다"),
    "empty": ("must not be empty", "비워 둘 수 없습니다"),
    "too_long": ("must be at most {0} characters", "최대 {0}자까지 가능합니다"),
    "not_https": (
        "must be a public https:// address",
        "공개된 https:// 주소여야 합니다",
    ),
    "not_an_identifier": (
        "must be the `image` that an upload gave",
        "업로드에서 받은 image 값이어야 합니다",
    ),
    "not_a_whole_number": ("must be a whole number", "정수여야 합니다"),
    "out_of_range": ("must be from {0} to {1}", "{0}에서 {1} 사이여야 합니다"),
    "not_a_day": (
        "must be a day as YYYY-MM-DD",
        "YYYY-MM-DD 형식의 날짜여야 합니다",
    ),
    "after_to": (
        "must not be after `to`",
        "to보다 뒤의 날짜일 수 없습니다",
    ),
    "too_many_days": (
        "must leave at most {0} days up to `to`, both counted",
        "to까지 양 끝을 포함해 최대 {0}일이어야 합니다",
    ),
    "not_one_of": ("must be one of: {0}", "다음 중 하나여야 합니다: {0}"),
    "not_true_or_false": ("must be true or false", "true 또는 false여야 합니다"),
    "not_a_cursor": (
        "must be a `next_cursor` that a list gave",
        "목록 응답에서 받은 next_cursor 값이어야 합니다",
    ),
    "given_twice": ("must be given once", "한 번만 보내 주세요"),
    "not_a_key": (
        "must be 1 to 255 printable characters",
        "인쇄 가능한 문자 1~255자여야 합니다",
    ),
    "one_picture": (
        "give exactly one of `image_url` and `image`",
        "image_url과 image 둘 중 하나를 보내 주세요",
    ),
}


def _in(pair: tuple[str, str], language: Language) -> str:
    return pair[1] if language is Language.KOREAN else pair[0]


def describe(
    code: ErrorCode, language: Language, provider_id: ProviderId | None = None
) -> str:
    """What happened and what to do, for a job (no link) or an attempt at `link`."""
    name = _NAMES[provider_id] if provider_id else _NO_NAME[language]
    said = _in(_CODES[code], language).format(name)
    return said[:1].upper() + said[1:]


def describe_refusal(refused: ApiError, language: Language) -> str:
    match refused:
        case LimitReached(limit=limit, retry_after=after) if after == HOLDS_FILL_IT:
            return _in(_HELD[limit], language)
        case LimitReached(limit=limit):
            return describe(limit, language)
        case Conflict(reason=reason):
            return _in(_CONFLICTS[reason], language)
        case _:
            return _in(_REFUSALS[refused.code], language)


def describe_code(code: str, language: Language) -> str:
    """What a caller refused with `code` is told."""
    if code in _REFUSALS:
        return _in(_REFUSALS[code], language)
    return describe(ErrorCode(code), language)


def describe_field(error: FieldError, language: Language) -> str:
    return _in(_FIELDS[error.reason], language).format(*error.parameters)

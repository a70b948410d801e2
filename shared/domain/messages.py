"""The sentences for the error codes of jobs and attempts, in English and Korean."""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from shared.domain.catalogue import ProviderId, Unsupported
from shared.domain.errors import (
    ABOVE_CAP,
    ALL_UNSUPPORTED,
    NOT_IN_CHAIN,
    SKIPPED_AFTER,
    TOO_EXPENSIVE,
    ErrorCode,
    ImageFault,
    Problem,
)
from shared.domain.framing import MIN_SIDE_PIXELS
from shared.domain.job import Language
from shared.domain.request import (
    MAX_IMAGE_MEGABYTES,
    MAX_JPEG_MEGAPIXELS,
    MAX_MEGAPIXELS,
)


class _Name(Struct, frozen=True, kw_only=True):
    """A name that picks its Korean particle by its pronunciation: "{0:이/가}"."""

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
    Language.KOREAN: _Name(written="제공업체"),
}

# {0} is the provider's name, where the sentence is about one.
CODES: Mapping[ErrorCode, tuple[str, str]] = {
    ErrorCode.PROMPT_REFUSED: (
        "{0} refused the prompt for safety reasons. Change the prompt; the same one "
        "is not sent to other providers.",
        "{0:이/가} 안전 정책에 따라 프롬프트를 거부했습니다. 프롬프트를 수정해 "
        "주세요. 같은 프롬프트는 다른 제공업체에 보내지 않습니다.",
    ),
    ErrorCode.IMAGE_REFUSED: (
        "{0} refused the image for safety reasons. Use another image.",
        "{0:이/가} 안전 정책에 따라 이미지를 거부했습니다. 다른 이미지를 사용해 "
        "주세요.",
    ),
    ErrorCode.OUTPUT_FILTERED: (
        "{0} made a video, but its safety filter blocked it.",
        "{0:이/가} 생성한 영상이 안전 필터에 의해 차단되었습니다.",
    ),
    ErrorCode.IMAGE_UNREACHABLE: (
        "The image could not be fetched. Check that the URL is public, or that the "
        "upload was completed.",
        "이미지를 가져올 수 없습니다. 공개된 URL인지, 업로드가 완료되었는지 "
        "확인해 주세요.",
    ),
    ErrorCode.IMAGE_INVALID: (
        "The image can't be used: it must be a complete JPEG, PNG, WebP or AVIF of at "
        f"most {MAX_IMAGE_MEGABYTES} MB.",
        f"사용할 수 없는 이미지입니다. {MAX_IMAGE_MEGABYTES}MB 이하의 온전한 JPEG, "
        "PNG, WebP, AVIF 파일이어야 합니다.",
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
        "The rate limit of {0} was reached. Try again later.",
        "{0}의 요청 한도를 초과했습니다. 잠시 후 다시 시도해 주세요.",
    ),
    ErrorCode.INPUT_NOT_ACCEPTED: (
        "{0} did not accept the format of the request.",
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
        "{0} did not confirm whether it accepted the job. It may have been billed, so "
        "{0} is not asked again.",
        "{0:이/가} 작업을 접수했는지 확인할 수 없습니다. 이미 과금되었을 수 있어 "
        "다시 요청하지 않습니다.",
    ),
    ErrorCode.DEADLINE_EXCEEDED: (
        "The video was not ready in time.",
        "제한 시간 안에 영상이 완성되지 않았습니다.",
    ),
    ErrorCode.BAD_OUTPUT: (
        "{0} delivered a file that is not the complete, playable video that was "
        "ordered.",
        "{0:이/가} 보낸 파일이 요청한 대로 재생할 수 있는 온전한 영상이 아닙니다.",
    ),
    ErrorCode.CANCELLED: ("The job was cancelled.", "작업이 취소되었습니다."),
    ErrorCode.STORAGE_FAILED: (
        "The video was made, but could not be stored. Contact the operator.",
        "영상은 생성되었지만 저장하지 못했습니다. 운영자에게 문의해 주세요.",
    ),
    ErrorCode.NOT_CONFIGURED: (
        "{0} is not configured: its API key or service account is missing.",
        "{0:이/가} 설정되지 않았습니다. API 키 또는 서비스 계정을 등록해 주세요.",
    ),
    ErrorCode.CIRCUIT_OPEN: (
        "{0} failed repeatedly and is skipped for a while.",
        "{0}에서 오류가 반복되어 잠시 건너뜁니다.",
    ),
    ErrorCode.UNSUPPORTED: (
        "{0} doesn't support the resolution, aspect ratio, frames, sound or prompt "
        "length of this request.",
        "{0:은/는} 요청한 해상도, 화면 비율, 첫·마지막 프레임, 오디오 또는 프롬프트 "
        "길이를 지원하지 않습니다.",
    ),
    ErrorCode.ALL_PROVIDERS_FAILED: (
        "All providers failed. `attempts` has the reason for each one: fix what it "
        "names (key, credits, plan) or try again later.",
        "모든 영상 생성 API 실패: 제공업체별 실패 사유는 attempts에 있습니다. "
        "API 키, 크레딧, 권한을 확인하거나 잠시 후 다시 시도해 주세요.",
    ),
    ErrorCode.GENERATION_PAUSED: (
        "New videos are paused by the operator. Try again later.",
        "운영자가 영상 생성을 일시 중지했습니다. 나중에 다시 시도해 주세요.",
    ),
    ErrorCode.DAILY_LIMIT_REACHED: (
        "The daily spending limit was reached. Try again tomorrow.",
        "일일 한도에 도달했습니다. 내일 다시 시도해 주세요.",
    ),
    ErrorCode.MONTHLY_LIMIT_REACHED: (
        "The monthly spending limit was reached. Try again next month.",
        "월간 한도에 도달했습니다. 다음 달에 다시 시도해 주세요.",
    ),
}

_IMAGE_FAULTS: Mapping[ImageFault, tuple[str, str]] = {
    ImageFault.HEIC: (
        "The image is HEIC, the format of iPhone photos, which can't be used. Convert "
        "it to JPEG; the iPhone makes JPEGs with Settings > Camera > Formats > Most "
        "Compatible.",
        "아이폰의 사진 형식인 HEIC 이미지는 사용할 수 없습니다. JPEG로 변환해 주세요. "
        "아이폰의 설정 > 카메라 > 포맷에서 '높은 호환성'을 선택하면 JPEG로 저장됩니다.",
    ),
    ImageFault.TOO_SMALL: (
        f"The image is too small: each side must have at least {MIN_SIDE_PIXELS} "
        "pixels.",
        f"이미지가 너무 작습니다. 가로와 세로가 각각 {MIN_SIDE_PIXELS}픽셀 "
        "이상이어야 합니다.",
    ),
    ImageFault.TOO_MANY_PIXELS: (
        f"The image has too many pixels: a JPEG may have {MAX_JPEG_MEGAPIXELS} "
        f"megapixels, a PNG, WebP or AVIF {MAX_MEGAPIXELS}.",
        f"이미지의 픽셀이 너무 많습니다. JPEG는 최대 {MAX_JPEG_MEGAPIXELS}메가픽셀, "
        f"PNG, WebP, AVIF는 최대 {MAX_MEGAPIXELS}메가픽셀까지 사용할 수 있습니다.",
    ),
}

_UNSUPPORTED: Mapping[str, tuple[str, str]] = {
    Unsupported.RESOLUTION: (
        "{0} doesn't make videos of this resolution.",
        "{0:은/는} 요청한 해상도의 영상을 만들 수 없습니다.",
    ),
    Unsupported.NEEDS_IMAGE: (
        "{0} needs an image: its model can't make a video from the prompt alone.",
        "{0}에는 이미지가 필요합니다. 설정된 모델은 프롬프트만으로 영상을 만들 수 "
        "없습니다.",
    ),
    Unsupported.ASPECT_RATIO: (
        "{0} doesn't make this video in this aspect ratio.",
        "{0:은/는} 요청한 화면 비율로 이 영상을 만들 수 없습니다.",
    ),
    Unsupported.LAST_IMAGE: (
        "{0} doesn't take a last frame.",
        "{0:은/는} 마지막 프레임을 지원하지 않습니다.",
    ),
    Unsupported.NO_SOUND: (
        "{0} only makes videos without sound.",
        "{0:은/는} 소리가 없는 영상만 만듭니다.",
    ),
    Unsupported.ALWAYS_SOUND: (
        "{0} only makes videos with sound.",
        "{0:은/는} 소리가 있는 영상만 만듭니다.",
    ),
    Unsupported.PROMPT_TOO_LONG: (
        "{0} doesn't take a prompt as long as this one.",
        "{0:은/는} 이렇게 긴 프롬프트를 지원하지 않습니다.",
    ),
}

_BY_DETAIL: Mapping[tuple[ErrorCode, str], tuple[str, str]] = {
    **{(ErrorCode.UNSUPPORTED, why): pair for why, pair in _UNSUPPORTED.items()},
    (ErrorCode.NOT_CONFIGURED, NOT_IN_CHAIN): (
        "{0} is not among the providers that this server asks (`PROVIDER_CHAIN`).",
        "{0:은/는} 이 서버가 요청하는 제공업체(`PROVIDER_CHAIN`)에 없습니다.",
    ),
    (ErrorCode.GENERATION_PAUSED, TOO_EXPENSIVE): (
        "{0} is not asked for now: the operator allows only cheaper providers.",
        "운영자가 더 저렴한 제공업체만 허용하고 있어 {0:은/는} 지금 요청하지 않습니다.",
    ),
    (ErrorCode.DAILY_LIMIT_REACHED, ABOVE_CAP): (
        "This video costs more at {0} than the daily spending limit allows in all.",
        "{0}의 영상 비용이 일일 한도 전체보다 큽니다.",
    ),
    (ErrorCode.MONTHLY_LIMIT_REACHED, ABOVE_CAP): (
        "This video costs more at {0} than the monthly spending limit allows in all.",
        "{0}의 영상 비용이 월간 한도 전체보다 큽니다.",
    ),
    (ErrorCode.ALL_PROVIDERS_FAILED, ALL_UNSUPPORTED): (
        "No provider can make this video. `attempts` says what each one can't do: "
        "change the request.",
        "모든 영상 생성 API 실패: 이 요청을 지원하는 제공업체가 없습니다. 제공업체별 "
        "사유는 attempts에 있습니다. 요청을 변경해 주세요.",
    ),
}

# Why a provider's circuit is open; {1} is the time until which it is.
_CIRCUITS: Mapping[str, tuple[str, str]] = {
    ErrorCode.ACCESS_DENIED: (
        "{0} is skipped until {1} UTC, because it denied access: check its key, the "
        "paid plan and the roles of the service account.",
        "{0:이/가} 접근을 거부하여 {1}(UTC)까지 건너뜁니다. API 키, 유료 요금제, "
        "서비스 계정의 역할을 확인해 주세요.",
    ),
    ErrorCode.OUT_OF_CREDITS: (
        "{0} is skipped until {1} UTC, because the account there is out of credits.",
        "{0} 계정의 크레딧이 부족하여 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.MODEL_UNAVAILABLE: (
        "{0} is skipped until {1} UTC, because its model was not found or has been "
        "retired.",
        "{0}의 모델이 없거나 지원이 종료되어 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.RATE_LIMITED: (
        "{0} is skipped until {1} UTC, because its rate limit was reached.",
        "{0}의 요청 한도를 초과하여 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.INPUT_NOT_ACCEPTED: (
        "{0} is skipped until {1} UTC, because it rejected several requests in the "
        "same words.",
        "{0:이/가} 여러 요청을 같은 사유로 거부하여 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.PROVIDER_UNAVAILABLE: (
        "{0} is skipped until {1} UTC, because it is overloaded or can't be reached.",
        "{0}에 연결할 수 없거나 과부하 상태여서 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.PROVIDER_ERROR: (
        "{0} is skipped until {1} UTC, because it failed several times in a row.",
        "{0}에서 오류가 반복되어 {1}(UTC)까지 건너뜁니다.",
    ),
    ErrorCode.SUBMISSION_UNKNOWN: (
        "{0} is skipped until {1} UTC, because several requests got no answer.",
        "{0:이/가} 여러 요청에 응답하지 않아 {1}(UTC)까지 건너뜁니다.",
    ),
}
_SAME_VENDOR = (
    "{0} is not asked, because it is the same account as {1}.",
    "{0:은/는} {1:과/와} 같은 계정이므로 요청하지 않습니다.",
)
# By `Problem.detail`; any other text there is a vendor's.
_ASKED_BEFORE: Mapping[str, ProviderId] = {
    f"{SKIPPED_AFTER}{provider}": provider for provider in ProviderId
}
_UNTIL = re.compile(r"\b\d\d:\d\d\b")


def describe_problem(
    problem: Problem, language: Language, provider_id: ProviderId | None = None
) -> str:
    """Like `describe`, but more specific where the problem's details allow it."""
    code, detail = problem.code, problem.detail
    pair = _BY_DETAIL.get((code, detail), CODES[code])
    if problem.image_fault:
        pair = _IMAGE_FAULTS[problem.image_fault]
    sentence = _sentence(pair, language, provider_id)
    reason, _, until = detail.partition(" until ")
    if code is ErrorCode.CIRCUIT_OPEN and reason in _CIRCUITS:
        sentence = _sentence(_CIRCUITS[reason], language, provider_id, until[:5])
    elif asked := _ASKED_BEFORE.get(detail):
        skipped = _sentence(_SAME_VENDOR, language, provider_id, _NAMES[asked])
        sentence = f"{skipped} {describe(code, language, asked)}"
    return f"`{problem.field}`: {sentence}" if problem.field else sentence


def localize_message(
    message: str,
    code: ErrorCode,
    language: Language,
    provider_id: ProviderId | None = None,
) -> str:
    """Translate a sentence of `describe_problem`, in either language, to `language`."""
    prefix = message[: message.index(": ") + 2] if message.startswith("`") else ""
    for problem in _problems(code, message):
        sentences = (describe_problem(problem, each, provider_id) for each in Language)
        if message.removeprefix(prefix) in sentences:
            return prefix + describe_problem(problem, language, provider_id)
    return prefix + describe(code, language, provider_id)


def _problems(code: ErrorCode, message: str) -> Iterator[Problem]:
    """Every problem of this code that has a sentence of its own."""
    yield Problem(code=code)
    if code is ErrorCode.IMAGE_INVALID:
        yield from (Problem(code=code, image_fault=fault) for fault in ImageFault)
    yield from (Problem(code=code, detail=d) for c, d in _BY_DETAIL if c is code)
    if until := _UNTIL.search(message):
        for reason in _CIRCUITS:
            yield Problem(code=code, detail=f"{reason} until {until[0]}")
    yield from (Problem(code=code, detail=detail) for detail in _ASKED_BEFORE)


def describe(
    code: ErrorCode, language: Language, provider_id: ProviderId | None = None
) -> str:
    """What happened and what to do, for a job (no provider) or an attempt."""
    return _sentence(CODES[code], language, provider_id)


def _sentence(
    pair: tuple[str, str],
    language: Language,
    provider_id: ProviderId | None,
    more: object = "",
) -> str:
    name = _NAMES[provider_id] if provider_id else _NO_NAME[language]
    sentence = in_language(pair, language).format(name, more)
    return sentence[:1].upper() + sentence[1:]


def in_language(pair: tuple[str, str], language: Language) -> str:
    """The English or the Korean sentence of `pair`."""
    return pair[1] if language is Language.KOREAN else pair[0]

"""The sentences for the error codes of jobs and attempts, in English and Korean."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from msgspec import Struct

from shared.domain.catalogue import ProviderId
from shared.domain.errors import SKIPPED_AFTER, ErrorCode, ImageFault, Problem
from shared.domain.framing import MIN_SIDE_PIXELS
from shared.domain.job import Language
from shared.domain.request import (
    MAX_IMAGE_MEGABYTES,
    MAX_JPEG_MEGAPIXELS,
    MAX_MEGAPIXELS,
)

# By key, an English and a Korean one.
Sentences = Mapping[str, Sequence[str]]
# All of them, those of refusals.py too.
SENTENCES: Mapping[str, Any] = json.loads(
    files("shared.domain").joinpath("sentences.json").read_text(encoding="utf-8")
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

# {0} is the provider's name, where a sentence is about one.
_CODES: Sentences = SENTENCES["codes"]
_IMAGE_FAULTS: Sentences = SENTENCES["image_faults"]
# By code, and then by `Problem.detail`.
_DETAILS: Mapping[str, Sentences] = SENTENCES["details"]
# Why a provider's circuit is open; {1} is the time until which it is.
_CIRCUITS: Sentences = SENTENCES["circuits"]
# The numbers that sentences name.
_LIMITS = {
    "image_megabytes": MAX_IMAGE_MEGABYTES,
    "min_pixels": MIN_SIDE_PIXELS,
    "jpeg_megapixels": MAX_JPEG_MEGAPIXELS,
    "megapixels": MAX_MEGAPIXELS,
}
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
    pair = _DETAILS.get(code, {}).get(detail, _CODES[code])
    if problem.image_fault:
        pair = _IMAGE_FAULTS[problem.image_fault]
    sentence = _sentence(pair, language, provider_id)
    reason, _, until = detail.partition(" until ")
    if code is ErrorCode.CIRCUIT_OPEN and reason in _CIRCUITS:
        sentence = _sentence(_CIRCUITS[reason], language, provider_id, until[:5])
    elif asked := _ASKED_BEFORE.get(detail):
        skipped = _sentence(
            SENTENCES["same_vendor"], language, provider_id, _NAMES[asked]
        )
        sentence = f"{skipped} {describe(code, language, asked)}"
    return f"`{problem.field}`: {sentence}" if problem.field else sentence


def localize_message(
    message: str,
    code: ErrorCode,
    language: Language,
    provider_id: ProviderId | None,
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
    yield from (Problem(code=code, detail=d) for d in _DETAILS.get(code, {}))
    if until := _UNTIL.search(message):
        for reason in _CIRCUITS:
            yield Problem(code=code, detail=f"{reason} until {until[0]}")
    yield from (Problem(code=code, detail=detail) for detail in _ASKED_BEFORE)


def describe(
    code: ErrorCode, language: Language, provider_id: ProviderId | None = None
) -> str:
    """What happened and what to do, for a job (no provider) or an attempt."""
    return _sentence(_CODES[code], language, provider_id)


def _sentence(
    pair: Sequence[str],
    language: Language,
    provider_id: ProviderId | None,
    more: object = "",
) -> str:
    name = _NAMES[provider_id] if provider_id else _NO_NAME[language]
    sentence = in_language(pair, language).format(name, more, **_LIMITS)
    return sentence[:1].upper() + sentence[1:]


def in_language(pair: Sequence[str], language: Language) -> str:
    """The English or the Korean sentence of `pair`."""
    return pair[1] if language is Language.KOREAN else pair[0]

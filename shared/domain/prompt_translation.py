"""Prompt translation: when it is needed, its price, and which answers are usable."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_UP, Decimal

from msgspec import Struct

from shared.domain.catalogue import TextModel
from shared.domain.errors import ErrorCode, Problem
from shared.domain.ledger import MICRO
from shared.domain.request import Translate, VideoRequest
from shared.domain.specs import Text, Wrong, utf16_units

# The instruction and the JSON around the prompt; a token is at least one byte.
OVERHEAD_TOKENS = 1_000
# Chinese grows about fivefold; an answer far longer than that is no translation.
MAX_GROWTH, SHORT_UNITS = 6, 100
_MILLION = Decimal(1_000_000)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
# Frequent words of other languages that are not, or hardly ever, words of English.
_FOREIGN_WORD = re.compile(
    r"\b(el|la|los|las|una|del|que|con|por|para|les|des|une|dans|avec|sur|et|qui|der|"
    r"das|und|ein|eine|einen|mit|zum|auf|ist|nicht|il|che|nel|sul|della|gli|uma|dos|"
    r"em|het|een|naar|yang|dan|dengan|di|ini|bir|nie|jest|och|det|ett|og|"
    r"(?<!['’])(ve|til))\b",  # not those of "I've" and "'til"
    re.IGNORECASE,
)


class Translation(Struct, frozen=True, kw_only=True):
    """The result of asking for a translation.

    `text`: the English prompt; None if the prompt is English already, or on `problem`.
    `language`: of the prompt, as a BCP 47 tag; None if it is not known.
    """

    text: str | None = None
    language: str | None = None
    cost_usd: Decimal = Decimal(0)
    problem: Problem | None = None


class PromptTranslation(Struct, frozen=True, kw_only=True):
    """The one translation of a job's prompt. `text` None: the original is sent.

    `until`: a worker is waiting for the model, until then at the latest.
    """

    cost_usd: Decimal
    until: datetime | None = None
    text: str | None = None


def may_be_foreign(prompt: str) -> bool:
    """Whether a model should be asked: False only if the prompt is taken for English.

    Letters beyond ASCII, or a frequent word of another language, make it doubtful. A
    doubtful prompt that turns out to be English costs a fraction of a cent.
    """
    if any(c.isalpha() and not c.isascii() for c in prompt):
        return True
    return _FOREIGN_WORD.search(prompt) is not None


def is_wanted(request: VideoRequest) -> bool:
    return request.translate is Translate.AUTO and may_be_foreign(request.prompt)


def max_translation_units(prompt: str, limits: Iterable[int]) -> int:
    """The lowest of `limits` that the prompt itself keeps to, in UTF-16 units.

    A longer translation is not used, so that no provider is lost because of it.
    """
    units = utf16_units(prompt)
    return min((limit for limit in limits if limit >= units), default=units)


def max_output_tokens(prompt: str) -> int:
    """The limit for the model's thinking and answer: ample, but not for an essay."""
    return min(256 + 4 * utf16_units(prompt), 2_048)


def max_price_usd(model: TextModel, prompt: str) -> Decimal:
    """The most that one translation can cost."""
    max_input_tokens = len(prompt.encode()) + OVERHEAD_TOKENS
    return price_usd(model, max_input_tokens, max_output_tokens(prompt))


def price_usd(model: TextModel, input_tokens: int, output_tokens: int) -> Decimal:
    usd = (
        model.usd_per_million_input * input_tokens
        + model.usd_per_million_output * output_tokens
    ) / _MILLION
    return usd.quantize(MICRO, rounding=ROUND_UP)


def read_answer(answer: str, prompt: str, *, max_units: int) -> Translation:
    """Parse the model's JSON; usable only if it can be a translation of `prompt`."""
    try:
        parsed = json.loads(answer)
    except (ValueError, RecursionError):
        return _unusable("not JSON")
    if not isinstance(parsed, dict):
        return _unusable("not an object")
    language, english = parsed.get("language"), parsed.get("english")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        return _unusable("no language")
    if language.partition("-")[0] == "en":
        return Translation(language=language)
    limit = min(max_units, MAX_GROWTH * utf16_units(prompt) + SHORT_UNITS)
    try:
        text = Text(max_units=limit).parse(english)
    except Wrong as wrong:
        return _unusable(wrong.reason)
    if not _is_mostly_latin(text):
        return _unusable("not English")
    return Translation(text=text, language=language)


def _is_mostly_latin(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(c.isascii() for c in letters) > len(letters)


def _unusable(why: str) -> Translation:
    return Translation(problem=Problem(code=ErrorCode.BAD_OUTPUT, detail=why))

"""Gemini's `generateContent` on the Agent Platform, as a translator that can fail.

It translates a few sentences; any other is spelled in Latin letters by the names of its
characters in Unicode, which is no translation but shows which prompt it came from.
"""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

from werkzeug import Request, Response

from local.fault_kinds import Kind, Place
from local.faults import Fault
from local.http_server import as_json
from local.simulators.google_errors import error_reply
from local.simulators.server import View
from local.simulators.vendor_backend import PaidTranslation
from local.simulators.veo import MODEL_PATH, NO_MODEL, AgentPlatform
from shared.domain.catalogue import TEXT_MODELS
from shared.domain.prompt_translation import may_be_foreign, price_usd

KNOWN = {
    "너구리가 고개를 들고 손을 흔든다": "The raccoon looks up and waves",
    "고양이가 창밖을 바라본다": "A cat looks out of the window",
    "해 질 녘 바다에서 파도가 천천히 밀려온다": (
        "Waves roll in slowly from the sea at dusk"
    ),
    # The examples of the page.
    "카메라가 천천히 다가간다": "The camera moves in slowly",
    "빛과 바람이 장면을 스쳐 간다": "Light and wind pass through the scene",
    "고개를 돌려 미소 짓는다": "The subject turns its head and smiles",
}
_SCRIPTS = {
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "THAI": "th",
    "DEVANAGARI": "hi",
}
_ESSAY = "Certainly! Here is an essay about what you asked for. " * 200


class Translator(AgentPlatform):
    def __init__(self, paid: list[PaidTranslation]) -> None:
        self._paid = paid

    @property
    def routes(self) -> Sequence[tuple[str, str, Place, View]]:
        path = f"{MODEL_PATH}:generateContent"
        return (("POST", path, Place.TRANSLATE, self._generate),)

    def _generate(
        self, request: Request, path: str, model: str, fault: Fault | None
    ) -> Response:
        if model not in TEXT_MODELS:
            return error_reply(Kind.NOT_FOUND, NO_MODEL.format(path))
        try:
            body = json.loads(request.get_data())
            message = json.loads(body["contents"][0]["parts"][0]["text"])
            prompt, max_characters = message["prompt"], message["max_characters"]
            is_json = body["generationConfig"]["responseMimeType"] == "application/json"
        except (ValueError, KeyError, TypeError, IndexError):
            return error_reply(Kind.BAD_REQUEST)
        if not is_json:
            return error_reply(Kind.BAD_REQUEST)
        language = language_of(prompt)
        english = "" if language == "en" else _english(prompt)[:max_characters]
        response = _response(language, english, fault.kind if fault else None)
        usage = _usage(request.get_data(), response)
        tokens = usage["promptTokenCount"], usage["candidatesTokenCount"]
        cost_usd = price_usd(TEXT_MODELS[model], *tokens)
        self._paid.append(PaidTranslation(prompt=prompt, cost_usd=cost_usd))
        return as_json(response | {"usageMetadata": usage, "modelVersion": model})


def language_of(prompt: str) -> str:
    for character in filter(str.isalpha, prompt):
        script = unicodedata.name(character, "").partition(" ")[0]
        if script in _SCRIPTS:
            return _SCRIPTS[script]
    return "es" if may_be_foreign(prompt) else "en"


def _english(prompt: str) -> str:
    return KNOWN.get(prompt) or "A scene: " + "".join(map(_spelled, prompt))


def _spelled(character: str) -> str:
    if character.isascii():
        return character
    words = unicodedata.name(character, "").split()
    return words[-1].lower() if words else " "


def _response(language: str, english: str, kind: Kind | None) -> dict[str, Any]:
    if kind is Kind.BLOCKED:
        return {"promptFeedback": {"blockReason": "SAFETY"}}
    if kind is Kind.EMPTY:
        return {"candidates": []}
    if kind is Kind.ESSAY:
        english = _ESSAY
    translation = {"language": language, "english": english}
    text = json.dumps(translation, ensure_ascii=False)
    if kind in (Kind.BROKEN_JSON, Kind.TRUNCATED):
        text = text[: len(text) // 2]
    content = {"role": "model", "parts": [{"text": text}]}
    reason = "MAX_TOKENS" if kind is Kind.TRUNCATED else "STOP"
    return {"candidates": [{"content": content, "finishReason": reason, "index": 0}]}


def _usage(request_body: bytes, response: dict[str, Any]) -> dict[str, int]:
    """Roughly a token per four bytes."""
    is_written = bool(response.get("candidates"))
    read = len(request_body) // 4
    written = len(json.dumps(response)) // 4 if is_written else 0
    return {
        "promptTokenCount": read,
        "candidatesTokenCount": written,
        "totalTokenCount": read + written,
    }

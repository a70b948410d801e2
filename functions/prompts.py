"""The api's route that translates a prompt for review."""

from flask import Response

from functions.http.bodies import json_response, read_object
from functions.http.route import Body, Call, Route
from functions.http.schemas import flag, or_null, record, text
from shared.domain.request import PROMPT_FIELDS, parse_prompt
from shared.wiring import use_cases

PROMPT = record(
    "Prompt",
    "A prompt in English.",
    prompt=text("The prompt that a video request would send.", "The raccoon looks up"),
    language=or_null(text("The original language (BCP 47); null if unknown.", "ko")),
    translated=flag("Whether `prompt` is a translation.", example=True),
)


def _translate(call: Call) -> Response:
    prompt = parse_prompt(read_object(call.request))
    translation = use_cases.translate_prompt()(call.caller, prompt)
    body = {
        "prompt": translation.text or prompt,
        "language": translation.language,
        "translated": translation.text is not None,
    }
    return json_response(body)


PROMPT_ROUTES = (
    Route(
        method="POST",
        path="/v1/prompts",
        handler=_translate,
        spends=True,
        summary="Translate a prompt",
        description="Returns the prompt in English, as a video request would send "
        "it, for review before you pay. English stays as it is; so does a prompt "
        "that the model can't translate. A translation costs less than a cent, "
        "which counts against your limits; 20 a minute at most.",
        tag="prices",
        body=Body(
            title="PromptRequest",
            description="The prompt to translate.",
            fields=PROMPT_FIELDS,
        ),
        responses={200: PROMPT},
        problems=(429, 501),
    ),
)

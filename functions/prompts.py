"""The api's call that translates a prompt for review."""

from flask import Response

from functions.http.bodies import answer, read_object
from functions.http.route import Body, Call, Operation, Route
from functions.http.schemas import flag, or_null, record, text
from shared import wiring
from shared.domain.request import PROMPT_FIELDS, parse_prompt

PROMPT = record(
    "Prompt",
    "A prompt in English.",
    prompt=text("What a video would be asked for with.", "The raccoon looks up"),
    language=or_null(
        text("The language it was in (BCP 47); null if that is not known.", "ko")
    ),
    translated=flag("Whether `prompt` is a translation.", example=True),
)


def _translate(call: Call) -> Response:
    prompt = parse_prompt(read_object(call.request))
    made = wiring.translate_prompt()(call.caller, prompt)
    body = {
        "prompt": made.text or prompt,
        "language": made.language,
        "translated": made.text is not None,
    }
    return answer(body)


PROMPT_ROUTES = (
    Route(
        method="POST",
        path="/v1/prompts",
        handler=_translate,
        spends=True,
        operation=Operation(
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
            answers={200: PROMPT},
            problems=(429, 501),
        ),
    ),
)

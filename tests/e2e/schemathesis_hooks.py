"""Hooks and checks for schemathesis, loaded by SCHEMATHESIS_HOOKS."""

import itertools
import os
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS, CheckContext

from shared.domain.request import MAX_PROMPT_UNITS
from shared.domain.specs import Text, Wrong

# Existing jobs, for valid requests to read, cancel and delete.
JOBS = itertools.cycle(filter(None, os.environ.get("REELAY_JOBS", "").split(",")))
# No upload and no image, so a job with one of these ends at once, for free.
NO_UPLOAD, NO_IMAGE = "nowhere", "data:image/png;base64,iVBORw0KGgo="
TEXTS = ("prompt", "reason", "model")
WITH_IMAGE = ("/v1/videos", "/v1/estimates")


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext,
    case: schemathesis.Case[Any],
    kwargs: dict[str, Any],
) -> None:
    """Keep requests from leaving this machine, and let some use an existing job."""
    if not is_right(case):
        return
    if isinstance(case.body, dict):
        fetch_nothing(case.body)
        # Only API keys have webhooks; these requests are a user's.
        case.body.pop("webhook_url", None)
        if "input_reference" in case.body:
            case.body["input_reference"] = NO_IMAGE
    if "job_id" in (case.path_parameters or {}):
        case.path_parameters["job_id"] = next(JOBS, case.path_parameters["job_id"])


@schemathesis.check
def accepted_as_described(
    ctx: CheckContext, response: Any, case: schemathesis.Case[Any]
) -> bool | None:
    """positive_data_acceptance, except where a schema can't describe valid requests."""
    # A schema can't describe which keys were used before.
    if cannot_be_described(case) or "idempotency_conflict" in response.text:
        return None
    accept: Any = CHECKS.get_one("positive_data_acceptance")
    accepted: bool | None = accept(ctx, response, case)
    return accepted


def cannot_be_described(case: schemathesis.Case[Any]) -> bool:
    path, query = case.operation.path, case.query or {}
    body = case.body if isinstance(case.body, dict) else {}
    return (
        # Well-formed, but not a cursor that a list returned.
        (path == "/v1/videos" and "cursor" in query)
        # It must be the caller's job; a generated ID isn't.
        or (path == "/openai/v1/videos" and "after" in query)
        # The first day depends on the last one, or on today.
        or (path == "/v1/usage" and bool(query.keys() & {"from", "to"}))
        # Random bytes are no image, in a form or in a `data:` URL.
        or (path == "/openai/v1/videos" and case.media_type != "application/json")
        or "data:" in str(body.get("input_reference"))
        # Texts are counted in UTF-16 units, must be visible, and have no controls.
        or not all(map(is_text, filter(None, map(body.get, TEXTS))))
        or (path in WITH_IMAGE and images_contradict(body))
    )


def images_contradict(body: dict[str, Any]) -> bool:
    """Two sources for one image, or a last image without a first."""
    first, last = ({*body} & {name, f"{name}_url"} for name in ("image", "last_image"))
    return len(first) > 1 or len(last) > 1 or len(last) > len(first)


def is_text(value: object) -> bool:
    try:
        return bool(Text(max_units=MAX_PROMPT_UNITS).parse(value))
    except Wrong:
        return False


def fetch_nothing(body: dict[str, Any]) -> None:
    for name in ("image", "last_image"):
        if isinstance(body.get(f"{name}_url"), str):
            del body[f"{name}_url"]
            body[name] = NO_UPLOAD


def is_right(case: schemathesis.Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive

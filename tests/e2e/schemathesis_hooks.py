"""What schemathesis sends and asks beside its own, by SCHEMATHESIS_HOOKS."""

import itertools
import os
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS, CheckContext

from shared.domain.request import LONGEST_PROMPT
from shared.domain.specs import Text, Wrong

# Jobs that are there, to be looked at, cancelled and deleted by right requests.
JOBS = itertools.cycle(filter(None, os.environ.get("REELAY_JOBS", "").split(",")))
# Refused before anybody is asked for its address: a job with it ends at once, for free.
NOWHERE = "https://nowhere.internal/"
TEXTS = ("prompt", "reason", "model")
WITH_IMAGE = ("/v1/videos", "/v1/estimates")


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext,
    case: schemathesis.Case[Any],
    kwargs: dict[str, Any],
) -> None:
    """No request leads outside, and some meet a job."""
    if not is_right(case):
        return
    if isinstance(case.body, dict):
        lead_nowhere(case.body)
        # Only API keys have webhooks, and these requests are a user's.
        case.body.pop("webhook_url", None)
        if isinstance(reference := case.body.get("input_reference"), dict):
            lead_nowhere(reference)
    if "job_id" in (case.path_parameters or {}):
        case.path_parameters["job_id"] = next(JOBS, case.path_parameters["job_id"])


@schemathesis.check
def accepted_as_described(
    ctx: CheckContext, response: Any, case: schemathesis.Case[Any]
) -> bool | None:
    """positive_data_acceptance, where the description can say what is right."""
    # Which keys were used before, and for what, is no matter of a schema.
    if cannot_be_described(case) or "idempotency_conflict" in response.text:
        return None
    accept: Any = CHECKS.get_one("positive_data_acceptance")
    accepted: bool | None = accept(ctx, response, case)
    return accepted


def cannot_be_described(case: schemathesis.Case[Any]) -> bool:
    path, query = case.operation.path, case.query or {}
    body = case.body if isinstance(case.body, dict) else {}
    return (
        # Of its form, but not a place that a list ever gave.
        (path == "/v1/videos" and "cursor" in query)
        # A job of the caller's, which a made-up name is not.
        or (path == "/openai/v1/videos" and "after" in query)
        # The first day against the last, or against today.
        or (path == "/v1/usage" and bool(query.keys() & {"from", "to"}))
        # Random bytes are no image, in a form or behind `data:`.
        or (path == "/openai/v1/videos" and case.media_type != "application/json")
        or "data:" in str(body.get("input_reference"))
        # Counted in UTF-16 units; visible, and without control characters.
        or not all(map(is_text, filter(None, map(body.get, TEXTS))))
        or (path in WITH_IMAGE and images_contradict(body))
    )


def images_contradict(body: dict[str, Any]) -> bool:
    """One image twice, or a last one without a first: generators would repeat all."""
    first, last = ({*body} & {name, f"{name}_url"} for name in ("image", "last_image"))
    return len(first) > 1 or len(last) > 1 or len(last) > len(first)


def is_text(value: object) -> bool:
    try:
        return bool(Text(longest=LONGEST_PROMPT).parse(value))
    except Wrong:
        return False


def lead_nowhere(named: dict[str, Any]) -> None:
    for name in ("image_url", "last_image_url"):
        if isinstance(named.get(name), str):
            named[name] = NOWHERE


def is_right(case: schemathesis.Case[Any]) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive

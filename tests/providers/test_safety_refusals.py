"""The words by which a safety refusal, and what it refuses, is recognized."""

import pytest

from shared.domain.errors import ErrorCode
from shared.providers.safety_refusals import safety_refusal

IMAGE, PROMPT = ErrorCode.IMAGE_REFUSED, ErrorCode.PROMPT_REFUSED
OUTPUT = ErrorCode.OUTPUT_FILTERED


@pytest.mark.parametrize(
    "verb",
    [
        *("is blocked", "blocks this", "is blocking", "is PROHIBITED", "was refused"),
        *("was flagged", "failed moderation", "must comply with our policy"),
        *("met a safety filter", "has safety reasons", "breaks safety guidelines"),
        *("met the safety system", "failed a safety check"),
        *("can't be submitted", "cannot be submitted", "could not be submitted"),
        "isn't responsible AI",
        *("goes against our rules", "breaches our terms", "VIOLATES OUR POLICY"),
        *("shows a LIKENESS", "shows a real person", "shows a real persons"),
        *("is INAPPROPRIATE", "is NSFW", "is unsafe", "is not safe for work"),
        *("is a policy violation", "is a violation of a guideline"),
        "is in violation of our policies",
    ],
)
def test_a_verb_of_refusal_refuses_its_object(verb: str) -> None:
    assert safety_refusal(f"The prompt {verb}.") is PROMPT


@pytest.mark.parametrize(
    "refusal",
    [
        *("is NOT ALLOWED", "must not be permitted", "can't create", "cannot make"),
        *("won't generate", "unable to animate", "can't accept", "can't use"),
    ],
)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        *((f"{c} in it", PROMPT) for c in ("child", "children", "minors", "people")),
        *((f"{c} in it", PROMPT) for c in ("faces", "nudity", "SEXUAL", "violent")),
        *((f"{c} in it", PROMPT) for c in ("violence", "policy", "guidelines")),
        ("format", None),
    ],
)
def test_what_is_not_allowed_is_a_refusal_if_vendors_forbid_it(
    refusal: str, content: str, expected: ErrorCode | None
) -> None:
    assert safety_refusal(f"The prompt {refusal}: {content}") is expected


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        *((f"{made} video", OUTPUT) for made in ("generated", "resulting", "output")),
        *((f"produced {what}", OUTPUT) for what in ("content", "audio", "clips")),
        *((f"generated {what}", OUTPUT) for what in ("media", "samples", "videos")),
        *(("output", OUTPUT), ("response", OUTPUT), ("photo", IMAGE)),
        *(("picture", IMAGE), ("frame", IMAGE), ("image", IMAGE)),
        *(("text", PROMPT), ("request", PROMPT), ("input", PROMPT)),
        *(("words", PROMPT), ("prompt", PROMPT), ("server", None)),
    ],
)
def test_the_thing_that_is_refused_decides(
    thing: str, expected: ErrorCode | None
) -> None:
    assert safety_refusal(f"Your {thing} blocked.") is expected


@pytest.mark.parametrize("verb", ["was", "were", "has", "have", "is", "are", "may"])
def test_the_video_as_a_subject_is_the_output(verb: str) -> None:
    assert safety_refusal(f"The videos {verb} blocked by the prompt's text") is OUTPUT


@pytest.mark.parametrize(
    "reason",
    [
        *("it is corrupt", "it doesn't decode", "of its bucket", "of its buckets"),
        *("of the API key", "of a token limit", "it timed out", "of a timeout"),
        *("of a rate limit", "of rate-limiting", "of your quota", "of a firewall"),
        *("of a payment", "of unpaid billing", "it is past due", "of robots.txt"),
        *("of its dimensions", "of its resolution", "of its aspect ratio"),
        *("of its pixels", "of JSON", "of the schema"),
    ],
)
def test_a_technical_reason_is_no_refusal(reason: str) -> None:
    assert safety_refusal(f"The image was blocked because {reason}.") is None
    assert safety_refusal(f"The image violates our policy because {reason}.") is None


@pytest.mark.parametrize("end", ["\n", ". ", "; "])
def test_a_refusal_and_its_object_are_in_one_sentence(end: str) -> None:
    assert safety_refusal(f"The image is small{end}It was blocked") is None

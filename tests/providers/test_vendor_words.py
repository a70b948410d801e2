"""How vendors' error messages and refusals are classified, as tables."""

import pytest

from shared.domain.errors import ErrorCode
from shared.domain.outcomes import Rejected
from shared.providers.google_errors import GOOGLE
from shared.providers.rejection import HttpResponse, VendorErrors, outcome_of_error
from shared.providers.runway_errors import RUNWAY
from shared.providers.safety_refusals import safety_refusal, says_free
from tests.providers.provider_cases import RUNWAY_DOCUMENTATION

ACCESS, CREDITS = ErrorCode.ACCESS_DENIED, ErrorCode.OUT_OF_CREDITS
FORM, MODEL = ErrorCode.INPUT_NOT_ACCEPTED, ErrorCode.MODEL_UNAVAILABLE
IMAGE, PROMPT = ErrorCode.IMAGE_REFUSED, ErrorCode.PROMPT_REFUSED
OUTPUT, RATE = ErrorCode.OUTPUT_FILTERED, ErrorCode.RATE_LIMITED

QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. "
    "For more information on this error, head to: "
    "https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_requests_per_model, limit: 10\n"
    "Please retry in 5.237548564s."
)
CHILDREN = (
    "Sorry, we can't create videos from input images containing photorealistic "
    "children. Please remove the reference and try again."
)


# Status, message, and error code.
RUNWAY_WORDS = (
    (400, "You do not have enough credits to run this task.", CREDITS),
    (400, "You don't have enough credit.", CREDITS),
    (400, "You don\N{RIGHT SINGLE QUOTATION MARK}t have enough credits.", CREDITS),
    (400, "This task requires 40 credits, but you have 3.", CREDITS),
    (400, "This task needs 40 credits, but you have 3.", CREDITS),
    (400, "You need at least 25 more credits", CREDITS),
    (400, "Insufficient balance", CREDITS),
    (400, "Not enough funds", CREDITS),
    (400, "Not enough balance", CREDITS),
    (400, "Insufficient credit", CREDITS),
    (400, "Insufficient funds", CREDITS),
    (400, "You have zero credits", CREDITS),
    (400, "Your balance is exhausted", CREDITS),
    (400, "Your balance is empty", CREDITS),
    (400, "Your daily spend limit has been reached", CREDITS),
    (400, "Monthly spend limit reached", CREDITS),
    (400, "You have no more credits", CREDITS),
    (400, "Out of credits", CREDITS),
    (400, "Your credit balance is too low", CREDITS),
    (400, "Your credits are depleted.", CREDITS),
    (400, "All credits have been used up", CREDITS),
    (400, "Your credits are exhausted", CREDITS),
    (400, "You have 0 credits left", CREDITS),
    (400, "Your account balance is too low", CREDITS),
    (400, "The monthly spending cap has been reached", CREDITS),
    (400, "This costs 40 credits", FORM),
    (400, "This costs 40.0 credits", FORM),
    (400, "This costs 0 credits. No credits are used.", FORM),
    (400, "This ratio is unknown. You were charged 0 credits.", FORM),
    (400, "This ratio is unknown. No credits were charged.", FORM),
    (400, "This ratio is unknown. No credits have been deducted.", FORM),
    (403, "You do not have enough credits to run this task.", CREDITS),
    (400, "Prompt 'film credits roll' is invalid", FORM),
    (400, "Model 'gen4_turbo' is not supported", MODEL),
    (400, "Unknown model gen4_turbo", MODEL),
    (400, "The requested model does not exist", MODEL),
    (400, "Model 'gen4_turbo' is not supported with ratio 960:960", FORM),
    (400, "Model gen4_turbo has been deprecated", MODEL),
    (400, "Model variant gen4_turbo is not available.", MODEL),
    (400, "This model is not available in your tier", MODEL),
    (400, "Model not found", MODEL),
    (400, "Model gen4_turbo was retired", MODEL),
    (400, "Model gen4_turbo is not found", MODEL),
    (400, "Model gen4_turbo is no longer available", MODEL),
    (400, "Model gen4_turbo is not supported for 10 seconds", FORM),
    (400, "Model gen4_turbo is not supported at 960:960", FORM),
    (400, "Model gen4_turbo is not supported when a seed is given", FORM),
    (400, "Model gen4_turbo is not supported together with a seed", FORM),
    (400, "Unknown model parameter seed", FORM),
    (400, "Unknown model option seed", FORM),
    (400, "Unknown model field seed", FORM),
    (400, "Model gen4_turbo is not available with ratio 960:960", FORM),
    (400, "promptText is too long for this model", FORM),
    (400, "Validation of body failed", FORM),
    (400, "Image aspect ratio must be between 0.5 and 2", FORM),
    (400, "Unable to process the image", FORM),
    (400, "Prompt blocked by safety systems", PROMPT),
    (400, "Image failed content moderation", IMAGE),
    (422, "The prompt was flagged by moderation", PROMPT),
    (422, "promptText is too long for this model", FORM),
    (401, "Model not found", ACCESS),
    (403, "Model variant gen4.5 is not available.", ACCESS),
    (404, "You do not have enough credits", MODEL),
    (429, "Daily limit: buy more credits, not enough credits", RATE),
)
FREE_TIER = f"{QUOTA} Quota exceeded for metric: generate_content_free_tier_requests"
GOOGLE_WORDS = (
    (400, "The prompt couldn't be submitted. Support codes: 1", PROMPT),
    (400, "The prompt couldn\N{RIGHT SINGLE QUOTATION MARK}t be submitted.", PROMPT),
    (400, "It might violate our policies.", PROMPT),
    (400, "Blocked. Support codes: 58061214", PROMPT),
    (400, "Sorry, we can't create videos with real people's names", PROMPT),
    (400, "The input image violates usage guidelines.", IMAGE),
    (400, "Unable to process input image. Please retry or report in https://x", FORM),
    (400, CHILDREN, IMAGE),
    (400, f"content_blocked: {CHILDREN}", IMAGE),
    (400, "content_blocked: The photo shows somebody.", IMAGE),
    (400, "Sorry, we can't use the input image: it contains a person", IMAGE),
    (400, "The image has content that is not allowed by our policies.", IMAGE),
    (400, "Request blocked: API key restrictions", ACCESS),
    (400, "Billing account for project is not open", CREDITS),
    (429, "The spend limit of your tier is 10 requests per minute", RATE),
    (400, "Provided image is not valid.", FORM),
    (400, "Image dimensions are too small. Please refer to usage guidelines", FORM),
    (400, "The resolution 1080p for this model is not supported", FORM),
    (400, "durationSeconds out of bound", FORM),
    (400, "Internal error. Support codes: 123", FORM),
    (400, "The request violates a constraint: duration at most 8", FORM),
    (400, "See our billing pages for the price of this model", FORM),
    (400, "Model x is no longer available", MODEL),
    (400, "Publisher model `veo-3.1` was not found", MODEL),
    (400, "API key not valid. Please pass a valid API key.", ACCESS),
    (400, "User location is not supported for the API use.", ACCESS),
    (400, "Please enable billing on your project", CREDITS),
    (400, "Billing has not been enabled on this project", CREDITS),
    (400, "Billing is enabled, but the duration is not valid", FORM),
    (400, "Veo API is only accessible to billed users at this time.", ACCESS),
    (400, "Content policy violation", PROMPT),
    (400, "The request was rejected due to inappropriate content", PROMPT),
    (400, "Unsafe content detected", PROMPT),
    (403, "Permission denied on resource; billing is disabled", ACCESS),
    (404, "The prompt could not be submitted", MODEL),
    (429, QUOTA, RATE),
    (429, "Quota exceeded for aiplatform.googleapis.com/requests", RATE),
    (429, f"{FREE_TIER}, limit: 0, model: omni", ACCESS),
    (429, f"{FREE_TIER}, limit: 10, model: omni", RATE),
    (429, "Your prepayment credits are depleted.", CREDITS),
    (429, "Your project has exceeded its monthly spending cap.", CREDITS),
    (403, "Usage is paused: the project has reached its spend cap.", CREDITS),
    (400, "The spend-cap budget of this project is enforced.", CREDITS),
)


@pytest.mark.parametrize(
    ("vendor", "status", "words", "expected"),
    [
        pytest.param(vendor, *row, id=f"{row[0]} {row[1][:40]}")
        for vendor, rows in ((RUNWAY, RUNWAY_WORDS), (GOOGLE, GOOGLE_WORDS))
        for row in rows
    ],
)
def test_an_error_is_classified_by_its_status_and_a_400_also_by_its_message(
    vendor: VendorErrors, status: int, words: str, expected: ErrorCode
) -> None:
    rejected = outcome(vendor, status, words)

    assert rejected.problem.code is expected


def test_a_message_as_long_as_a_response_is_classified() -> None:
    """In quadratic time, it would keep the whole process busy for half an hour."""
    assert outcome(GOOGLE, 400, "model" + "/" * 200_000).problem.code is FORM


def outcome(vendor: VendorErrors, status: int, words: str, **more: object) -> Rejected:
    body: dict[str, object] = {"error": words, "docUrl": RUNWAY_DOCUMENTATION, **more}
    if vendor is GOOGLE:
        error = {"code": status, "status": "WORD", "message": words, **more}
        body = {"error": error}
    found = outcome_of_error(
        HttpResponse(status=status, body=body, headers={}), vendor, "film credits"
    )
    assert isinstance(found, Rejected)
    return found


def test_a_429_waits_as_long_as_google_says() -> None:
    kind = "type.googleapis.com/google.rpc."
    details = [
        {"@type": f"{kind}QuotaFailure", "violations": []},
        {"@type": f"{kind}RetryInfo", "retryDelay": "5.237548564s"},
    ]

    rejected = outcome(GOOGLE, 429, QUOTA, details=details)

    assert rejected.problem.code is RATE
    assert rejected.retry_after_seconds == 5.237548564


@pytest.mark.parametrize("header", ["7", "60"])
def test_the_longer_of_two_waits_counts(header: str) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}
    error = {"code": 429, "status": "WORD", "message": QUOTA, "details": [info]}
    headers = {"retry-after": header}

    rejected = outcome_of_error(
        HttpResponse(status=429, body={"error": error}, headers=headers), GOOGLE
    )

    assert isinstance(rejected, Rejected)
    assert rejected.retry_after_seconds == max(30, float(header))


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("0s", 0), ("172800s", 86_400), ("soon", None), (None, None), ("1e9s", None)],
)
def test_a_retry_delay_is_bounded(delay: object, seconds: float | None) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}

    rejected = outcome(GOOGLE, 503, "busy", details=[info, 5])

    assert rejected.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("message", "headers", "seconds"),
    [
        ("Your daily task limit has been reached.", {}, 900),
        ("Your daily task limit has been reached.", {"retry-after": "5"}, 5),
        ("You exceeded the maximum of tasks in the last 24 hours.", {}, 900),
        ("You exceeded the 24-hour maximum of tasks.", {}, 900),
        ("Too many requests", {}, None),
    ],
)
def test_runways_daily_limit_has_a_retry_after_even_if_runway_names_none(
    message: str, headers: dict[str, str], seconds: float | None
) -> None:
    body = {"error": message}

    rejected = outcome_of_error(
        HttpResponse(status=429, body=body, headers=headers), RUNWAY
    )

    assert isinstance(rejected, Rejected)
    assert (rejected.problem.code, rejected.retry_after_seconds) == (RATE, seconds)


def test_runways_404_for_a_model_has_no_documentation_url() -> None:
    response = HttpResponse(
        status=404, body={"error": "Could not find Model"}, headers={}
    )

    rejected = outcome_of_error(response, RUNWAY)

    assert isinstance(rejected, Rejected)
    assert rejected.problem.code is MODEL


def test_disabled_billing_is_recognized_by_structured_details() -> None:
    details = [
        {"@type": "type.googleapis.com/x.ErrorInfo", "reason": "BILLING_DISABLED"}
    ]

    assert outcome(GOOGLE, 429, "no", details=details).problem.code is CREDITS


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            "content_blocked",
            "can't create videos with real people's likenesses",
            PROMPT,
        ),
        ("content_blocked", "no", PROMPT),
        ("content_blocked", CHILDREN, IMAGE),
        ("content_blocked", "the photo shows somebody", IMAGE),
        ("content_blocked", "the input image was blocked", IMAGE),
        ("safety", "Content blocked.", PROMPT),
        ("safety", CHILDREN, IMAGE),
        ("prohibited_content", "no", PROMPT),
        ("blocklist", "no", PROMPT),
        ("spii", "no", PROMPT),
        ("image_safety", "no", PROMPT),
        ("image_prohibited_content", "no", PROMPT),
        ("safety", "the generated video was blocked", OUTPUT),
        ("recitation", "no", OUTPUT),
        ("invalid_request", "Unknown name safety: it is no field", FORM),
        ("parameter_unknown", "blocklist", FORM),
        ("language", "no", FORM),
        ("invalid_argument", "bad duration", FORM),
    ],
)
@pytest.mark.parametrize("more", [{}, {"status": "INVALID_ARGUMENT"}], ids=str)
def test_an_error_of_the_interactions_api_is_classified_by_its_code_in_words(
    code: str, message: str, expected: ErrorCode, more: dict[str, str]
) -> None:
    body = [{"error": {"code": code, "message": message, **more}}]

    rejected = outcome_of_error(HttpResponse(status=400, body=body, headers={}), GOOGLE)

    assert isinstance(rejected, Rejected)
    assert rejected.problem.code is expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (402, "payment_required", CREDITS),
        (416, "out_of_range", FORM),
        (429, "quota_exceeded", RATE),
        (503, "service_unavailable", ErrorCode.PROVIDER_UNAVAILABLE),
    ],
)
def test_a_documented_error_of_the_interactions_api_is_a_rejection(
    status: int, code: str, expected: ErrorCode
) -> None:
    body = {"error": {"code": code, "message": "no"}}

    rejected = outcome_of_error(
        HttpResponse(status=status, body=body, headers={}), GOOGLE
    )

    assert isinstance(rejected, Rejected)
    assert rejected.problem.code is expected


@pytest.mark.parametrize(
    ("path", "expected"), [(["model"], MODEL), (["duration"], FORM), (None, FORM)]
)
def test_only_an_issue_with_the_field_model_is_about_the_model(
    path: object, expected: ErrorCode
) -> None:
    issues = [{"path": path, "message": "model gen4_turbo is not available"}]

    rejected = outcome(RUNWAY, 400, "Validation of body failed", issues=issues)

    assert rejected.problem.code is expected
    assert rejected.problem.detail == f"Validation of body failed {issues}"


@pytest.mark.parametrize("issues", [None, [], {}, 5, "text"], ids=repr)
def test_without_a_list_of_issues_the_message_decides(issues: object) -> None:
    rejected = outcome(RUNWAY, 400, "model gen4_turbo not found", issues=issues)

    assert rejected.problem.code is MODEL


@pytest.mark.parametrize("issues", [["text"], [5]], ids=repr)
def test_issues_of_another_form_name_no_field(issues: object) -> None:
    assert outcome(RUNWAY, 400, "Invalid", issues=issues).problem.code is FORM


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The generated video was blocked.", OUTPUT),
        ("the output was blocked", OUTPUT),
        ("Veo could not generate videos because the input image violates ", None),
        ("Veo could not generate videos as the input image violates our rules", IMAGE),
        ("The input image violates … Support codes: 17301594", IMAGE),
        ("This prompt contains words that violate usage guidelines.", PROMPT),
        ("The image shows a celebrity", IMAGE),
        ("It was blocked. The prompt is unsafe.", PROMPT),
        ("The image of two people is too large.", None),
        ("1 video was filtered. Support codes: 1", None),
        ("1 video was filtered. Support codes: 58061214", None),
        ("We encountered an issue with the audio for your prompt.", None),
        ("", None),
    ],
)
def test_a_refusal_is_recognized_by_a_verb_and_its_object(
    words: str, expected: ErrorCode | None
) -> None:
    assert safety_refusal(words) is expected


@pytest.mark.parametrize(
    ("words", "is_free"),
    [
        ("You will not be charged for this request.", True),
        ("You have not been charged for this attempt.", True),
        ("You won\N{RIGHT SINGLE QUOTATION MARK}t be charged", True),
        ("This was not charged", True),
        ("There is no charge for this request.", True),
        ("This request was free of charge.", True),
        ("You will not be billed for this.", True),
        ("No credits were deducted.", True),
        ("You were not charged for the failed generation.", True),
        ("This request was not charged to your account.", True),
        ("You have not been charged and can try again.", True),
        ("You were not charged (please try again).", True),
        ("You will not be charged any credits for this.", True),
        ("You will not be billed more than once.", False),
        ("You were not charged because the generation failed.", True),
        ("It was blocked, and you were not charged for it.", True),
        ("You won't be charged for future requests.", False),
        ("You will not be charged twice.", False),
        ("You will not be charged until the video is ready.", False),
        ("This is not charged separately.", False),
        ("You will not be billed until the end of the month.", False),
        ("The first hundred images are free of charge.", False),
        ("There is no charge for previews.", False),
        ("No charges apply to retries.", False),
        ("No charge was made for the upload, but one for the video.", False),
        ("Cached requests do not incur charges.", False),
        ("No credits were used for the upload; the video took 25.", False),
        ("You will be charged", False),
        ("No charge was made.", True),
        ("No charges apply.", True),
        ("No charge was made for this request.", True),
        ("This request did not incur a charge.", True),
        ("This will not incur any charges.", True),
        ("No credits were used.", True),
        ("This request is free.", True),
        ("It was blocked. You will not be charged if it was filtered.", True),
        ("If you were not charged, try again.", False),
        ("You would not be charged for a prompt that is allowed.", False),
        ("You wouldn't be charged for a prompt that is allowed.", False),
        ("Contact support to learn whether you were not charged.", False),
        ("Unless you have not been charged, wait.", False),
        ("If it failed, try again. You were not charged.", True),
        ("", False),
        # A refund may be of a part, or still to come. Runway, the only vendor with
        # credits, gives the charge minus refunds beside its words; without that figure,
        # too much stays booked rather than too little.
        ("Credits have been refunded.", False),
        ("Your credits were refunded.", False),
        ("5 of 40 credits have been refunded.", False),
        ("Credits for failed tasks are refunded.", False),
    ],
)
def test_a_failure_is_free_if_its_message_says_so(words: str, is_free: bool) -> None:
    assert says_free(words) is is_free


@pytest.mark.parametrize("vendor", [RUNWAY, GOOGLE], ids=["runway", "google"])
def test_a_prompt_that_an_error_quotes_is_not_read_as_the_vendors_words(
    vendor: VendorErrors,
) -> None:
    prompt = "a sign that says: your credits are depleted"
    error = {"code": 400, "status": "INVALID_ARGUMENT", "message": f'"{prompt}"?'}
    body = {"error": error if vendor is GOOGLE else error["message"]}
    response = HttpResponse(status=400, body=body, headers={})

    quoted = outcome_of_error(response, vendor, prompt)
    own_words = outcome_of_error(response, vendor)

    assert isinstance(quoted, Rejected) and isinstance(own_words, Rejected)
    assert (quoted.problem.code, own_words.problem.code) == (FORM, CREDITS)

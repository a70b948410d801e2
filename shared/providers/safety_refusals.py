"""Recognizes safety refusals in vendors' messages: of the image, prompt or output.

A refusal needs a word of refusal, or a support code that Google lists, and the subject
that is refused. A technical complaint ("unable to process input image") is not one.
"""

import re

from shared.domain.errors import ErrorCode

# docs.cloud.google.com, "responsible AI and usage guidelines" of Veo, 2026-11-22.
_SUPPORT_CODES = re.compile(
    r"\b(58061214|17301594|29310472|15236754|64151117|42237218|62263041|57734940"
    r"|22137204|74803281|29578790|42876398|89371032|49114662|63429089|72817394"
    r"|60599140|35561574|35561575|90789179|43188360|78610348|61493863|56562880"
    r"|32635315)\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_LIKENESS = re.compile(r"(?i)\blikeness|\breal (people|persons?)\b|\bcelebrit")
_AGAINST_RULES = re.compile(
    r"(?i)\b(violat\w*|against|breach\w*)\b.{0,60}(polic|guideline|\brule|\bterm)"
    r"|\b(policy|guidelines?|rules|terms) violation"
    r"|\binappropriate\b|\bunsafe\b|\bnsfw\b|\bnot safe for work\b"
)
_REFUSAL = re.compile(
    r"(?i)\bblock(ed|s|ing)?\b|\bprohibit|\brefused\b|\bflagged\b|\bmoderat"
    r"|\bcomply with .{0,200}polic|\bsafety (filter|reason|guideline|system|check)"
    r"|(couldn't|could not|can't|cannot) be submitted|\bresponsible ai\b"
)
# A refusal only together with what vendors forbid, unlike "this format is not allowed".
_FORBIDDEN = re.compile(
    r"(?i)\bnot (be )?(allowed|permitted)\b"
    r"|\b(can't|cannot|won't|unable to) (create|generate|make|use|animate|accept)\b"
)
_CONTENT = re.compile(
    r"(?i)\b(child(ren)?|minors?|persons?|people|faces?|polic(y|ies)|guidelines?"
    r"|nudity|sexual|violen(t|ce))\b"
)
# Reasons for which content is blocked without, or not only because of, a safety check.
_TECHNICAL = re.compile(
    r"(?i)\bcorrupt|\bdecod|\bbuckets?\b|\bapi.?keys?\b|\btoken limit\b"
    r"|\btime(d )?out\b|\bfirewall\b|\brobots\.txt\b|\bjson\b|\bschema\b"
    r"|\brate[ -]?limit|\bquotas?\b|\bbilling\b|\bpayments?\b|\bpast due\b"
    r"|\bdimensions?\b|\bresolutions?\b|\baspect ratios?\b|\bpixels?\b"
)
# In this order: "the generated video was blocked, as the prompt …" is about the video.
_SUBJECTS = (
    (
        re.compile(
            r"(?i)\b(generated|resulting|output|produced)"
            r" (videos?|content|audio|clips?|media|samples?)\b"
            r"|\boutput\b|\bresponse\b|\bthe videos? (was|were|has|have|is|are|may)\b"
        ),
        ErrorCode.OUTPUT_FILTERED,
    ),
    (re.compile(r"(?i)(image|photo|picture|\bframe)"), ErrorCode.IMAGE_REFUSED),
    (
        re.compile(r"(?i)(prompt|\btext\b|\brequest\b|\binput\b|\bwords\b)"),
        ErrorCode.PROMPT_REFUSED,
    ),
)
# Only about this request, not about other or future ones, nor a second charge.
_FREE = re.compile(
    r"(?i)(\bnot|n't|\bnever) (be |been )?(charged|billed)\b"
    r"(?! (again|twice|more|until|unless|separately|extra)\b"
    r"| for ((any|your) )?(other|future|further|additional|later|next)\b)"
    r"|\bno charges?( was made| were made| has been made| have been made| appl(y|ies))?"
    r"( for this\b|\s*([.!;,]|$))"
    r"|\b(this|it|request|attempt|generation) \w+ not incur (any |a )?charges?\b"
    r"|\b(this|it|request|attempt|generation) (is|was) free( of charge)?\s*([.!;,]|$)"
    r"|\bno credits (were|have been) (deducted\b|charged\b|used\s*([.!;,]|$))"
)
_SUPPOSED = re.compile(r"(?i)\b(if|unless|whether|would)\b")


def safety_refusal(text: str, unnamed: ErrorCode | None = None) -> ErrorCode | None:
    """`IMAGE_REFUSED`, `PROMPT_REFUSED`, `OUTPUT_FILTERED`, or None for no refusal.

    `unnamed` is returned if a listed support code, or words such as "violates our
    policies" or "unsafe", occur without a subject.
    """
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if _SUPPORT_CODES.search(text):
        return _subject(text) or unnamed
    for sentence in _SENTENCE_END.split(text):
        subject = _subject(sentence)
        if _LIKENESS.search(sentence):
            return subject or ErrorCode.PROMPT_REFUSED
        if _TECHNICAL.search(sentence):
            continue
        if _AGAINST_RULES.search(sentence):
            return subject or unnamed
        if subject and _refuses(sentence):
            return subject
    return None


def _refuses(sentence: str) -> bool:
    forbids = _FORBIDDEN.search(sentence) and _CONTENT.search(sentence)
    return bool(forbids or _REFUSAL.search(sentence))


def _subject(text: str) -> ErrorCode | None:
    return next((code for pattern, code in _SUBJECTS if pattern.search(text)), None)


def says_free(text: str) -> bool:
    """Whether the vendor says that nothing is charged for a failure."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return any(_is_free(sentence) for sentence in _SENTENCE_END.split(text))


def _is_free(sentence: str) -> bool:
    found = _FREE.search(sentence)
    return found is not None and not _SUPPOSED.search(sentence, 0, found.start())

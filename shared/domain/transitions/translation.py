"""Translating: the prompt becomes English once, before it is sent to anyone."""

from datetime import datetime
from decimal import Decimal

from shared.domain import timing
from shared.domain.job import Job
from shared.domain.outcomes import Translated, TranslationStarted
from shared.domain.prompt_translation import PromptTranslation
from shared.domain.structs import replace


def started(job: Job, begun: TranslationStarted, now: datetime) -> Job:
    """Committed before the model is asked, with the most that it may cost.

    If its worker dies, that stays booked, and the original is sent: the model is asked
    at most once for a job.
    """
    until = now + timing.TRANSLATION_LIMIT
    return replace(
        job,
        translation=PromptTranslation(cost_usd=begun.max_cost_usd, until=until),
        hold_usd=job.hold_usd + begun.max_cost_usd,
        is_parked=False,
        wake_at=until + timing.CLOCK_SKEW,
    )


def skipped(job: Job, now: datetime) -> Job:
    none = PromptTranslation(cost_usd=Decimal(0))
    return replace(job, translation=none, is_parked=False, wake_at=now)


def ended(job: Job, outcome: Translated, now: datetime) -> Job:
    """Late, it only says what it cost: what was sent stays what was sent."""
    if job.translation is None or job.translation.until is None:
        return job
    text = None if job.has_asked else outcome.text
    made = PromptTranslation(cost_usd=outcome.cost_usd, text=text)
    after = replace(job, translation=made)
    return after if job.open_attempt else replace(after, wake_at=now)
